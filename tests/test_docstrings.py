"""Docstrings and pages say what holds: numpydoc's rules, and every example run."""

import ast
import doctest
import importlib
import inspect
import pkgutil
import re
import sys
import types
from pathlib import Path

import numpydoc.validate
import pytest

import skmulti
from skmulti import _workers
from skmulti.inputs import base, category, vector
from skmulti.network import heads
from skmulti.training import defaults, feeds
from skmulti.training.closeness import MOST_ROWS

ROOT = Path(__file__).parent.parent
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
MODULES = ["skmulti", *(found.name for found in pkgutil.walk_packages(skmulti.__path__, "skmulti."))]

# Rules of numpydoc that are not those of this house.
IGNORED = {
    "GL01": "the first line stands beside the quotes",
    "GL08": "what a method inherits is documented where it is first written",
    "SS05": "a summary may say what a thing is, not only what it does",
    "SS06": "long summaries are refused by the line length",
    "ES01": "one line can be enough",
    "PR06": "types are words for readers: 'str', 'ndarray of shape (n_rows,)'",
    "PR08": "descriptions may begin with a value",
    "PR09": "lists of values end without a period",
    "RT02": "a name helps where several things are returned",
    "RT03": "results may begin with a value",
    "RT04": "results may begin with a value",
    "RT05": "lists of values end without a period",
    "SA01": "not everything has a neighbour",
    "SA04": "the neighbour's own page describes it",
    "EX01": "examples are asked of classes and functions below, not of each method",
    "GL03": "two blank lines do no harm",
}


def documented():
    """Return the dotted names of public classes and functions, and of the methods that skmulti defines on them."""
    for name in skmulti.__all__:
        thing = getattr(skmulti, name)
        yield name, thing
        if inspect.isclass(thing):
            for method, value in inspect.getmembers(thing, callable):
                if not method.startswith("_") and getattr(value, "__module__", "").startswith("skmulti"):
                    yield f"{name}.{method}", value


@pytest.mark.parametrize(
    ("name", "thing"), list(documented()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_docstring_keeps_numpydocs_rules(name, thing):
    found = numpydoc.validate.validate(f"skmulti.{name}")["errors"]
    # A method that only fills in a contract refers to it: "Describe the array; see `InputEncoder.spec`."
    contract = r"[Ss]ee `(InputEncoder|Branch|Merge|keras\.(callbacks|optimizers))\.\w+`"
    refers = re.search(contract, inspect.getdoc(thing) or "")
    ignored = {*IGNORED, "PR01", "RT01"} if refers else IGNORED
    errors = [f"{code} {text}" for code, text in found if code not in ignored]
    assert not errors


@pytest.mark.parametrize("name", skmulti.__all__)
def test_public_name_has_an_example(name):
    assert ">>>" in (getattr(skmulti, name).__doc__ or "")


@pytest.mark.parametrize(
    ("name", "thing"), list(documented()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_summary_is_one_short_line(name, thing):
    summary = (inspect.getdoc(thing) or "").split("\n\n")[0]
    assert summary
    assert "\n" not in summary
    assert len(summary) <= 110


@pytest.mark.long
@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_hold(module):
    failed, _ = doctest.testmod(importlib.import_module(module), optionflags=OPTIONS)
    assert not failed


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def blocks(path):
    """Return the Python blocks of a page: (line number, code)."""
    text = path.read_text(encoding="utf-8")
    for found in re.finditer(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
        yield text[: found.start(1)].count("\n"), found.group(1)


@pytest.mark.long
@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_code_of_a_page_runs(path, tmp_path, monkeypatch):
    parts = list(blocks(path))
    if not parts:
        pytest.skip("no Python on this page")
    monkeypatch.chdir(tmp_path)
    # As in a script: pickles and files of `save` find a page's own classes by their module.
    module = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", module)
    namespace = vars(module)
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for line, code in parts:
        if ">>>" in code:
            test = doctest.DocTestParser().get_doctest(code, namespace, path.name, str(path), line)
            runner.run(test, clear_globs=False)
            namespace.update(test.globs)
        else:
            exec(compile("\n" * line + code, str(path), "exec"), namespace)
    assert not runner.failures


def test_parameters_of_every_class_are_documented():
    """Each parameter of `__init__` has an entry, in the signature's order."""
    for name in skmulti.__all__:
        thing = getattr(skmulti, name)
        if not inspect.isclass(thing) or issubclass(thing, BaseException):
            continue
        signature = [
            key for key, value in inspect.signature(thing).parameters.items() if value.kind != value.VAR_KEYWORD
        ]
        section = (thing.__doc__ or "").split("Parameters\n")[-1].split("Attributes\n")[0] if signature else ""
        quote_first = re.findall(r"^\s{4}(\w+(?:, \w+)*) : ", section, flags=re.MULTILINE)
        documented_names = [part for entry in quote_first for part in entry.split(", ")]
        assert [key for key in documented_names if key in signature] == signature, name


def test_python_of_every_docstring_parses():
    parser = doctest.DocTestParser()
    for _, thing in documented():
        for example in parser.get_examples(inspect.getdoc(thing) or ""):
            ast.parse(example.source)


# --- numbers and defaults that docstrings state


def words_of(thing):
    """Return a docstring in one line."""
    return " ".join((inspect.getdoc(thing) or "").split())


def plain(number):
    """Return a number as docstrings write it: 1,500."""
    return f"{number:,}"


ESTIMATORS = [skmulti.MultiInputClassifier, skmulti.MultiInputRegressor]
STATED = [
    *(
        (estimator, text)
        for estimator in ESTIMATORS
        for text in [
            f'"auto" makes some {plain(defaults.AUTO_STEPS)} steps, in {defaults.AUTO_EPOCHS[0]} to '
            f"{defaults.AUTO_EPOCHS[1]} epochs",
            f"of {defaults.AUTO_BATCH[0]} to {defaults.AUTO_BATCH[1]} rows",
            f'"auto": from {defaults.EARLY_STOPPING_ROWS} rows on',
            f'"auto" is {defaults.PATIENCE} at a constant learning rate',
            f'"auto" is {defaults.STEPS_PER_EXECUTION}, or all steps of a shorter epoch',
            f"``DenseHead()`` from {plain(vector.SMALL_DATA_ROWS)} training rows on",
        ]
    ),
    (skmulti.DenseHead, f"from {plain(vector.SMALL_DATA_ROWS)} training rows on"),
    (skmulti.DenseHead, f"{heads.N_MEMBERS} members"),
    (skmulti.DenseHead, f"with fewer than {defaults.SMOOTH_ROWS} rows"),
    (skmulti.Branch.build, f"Up to {plain(base.SAMPLE_ROWS)} encoded training rows"),
    (skmulti.build_network, f"Up to {plain(base.SAMPLE_ROWS)} encoded training rows"),
    (skmulti.InputEncoder.transform_cells, f"up to {base.FEW_ROWS} rows"),
    (feeds.table_batches, f"in windows of {plain(feeds.WINDOW_ROWS)}"),
]


@pytest.mark.parametrize(("thing", "text"), STATED, ids=lambda value: getattr(value, "__name__", "text"))
def test_a_number_in_a_docstring_is_that_of_the_code(thing, text):
    assert text in words_of(thing)


def test_the_page_of_defaults_has_the_numbers_of_the_code():
    page = (ROOT / "docs/defaults.md").read_text(encoding="utf-8")
    assert (
        f"some {plain(defaults.AUTO_STEPS)} steps, {defaults.AUTO_EPOCHS[0]} to {defaults.AUTO_EPOCHS[1]} epochs; "
        f"below {defaults.EARLY_STOPPING_ROWS} rows {defaults.FEW_ROWS_EPOCHS} at most, for classes at least "
        f"{defaults.FEW_ROWS_STEPS} steps"
    ) in page
    assert f"fewer than {plain(vector.SMALL_DATA_ROWS)} rows" in page
    assert f"of up to {MOST_ROWS} rows" in page
    assert vector.MOST_DROPOUT == 0.5
    shares = defaults.LOOSE_TO_CLOSE, defaults.HELD_LOOSE_TO_CLOSE, defaults.CLASSES_LOOSE_TO_CLOSE
    assert shares == ((0.5, 0.8), (0.4, 0.6), (0.2, 0.4))
    assert (defaults.DOUBTED_ROWS, defaults.TOLD, defaults.NEARLY_TOLD) == ((100, 2_000), 0.5, 0.8)
    lengths = category.LEAST_DIM, category.LEAST_DIM_OF_FEW, category.MOST_DIM
    assert (
        "of {1} to {2} numbers below {few} rows, else of {0} to {2}".format(*lengths, few=plain(category.FEW_ROWS))
        in page
    )


def test_lazy_rows_begin_where_the_docstring_says():
    assert _workers.LAZY_SHARE == 0.1
    assert "more than a tenth of the machine's memory" in words_of(skmulti.InputEncoder)


def parameters_of(estimator):
    """Return {parameter: its entry} of a class docstring."""
    section = re.search(r"Parameters\n-+\n(.*?)\n\nAttributes", inspect.getdoc(estimator), flags=re.DOTALL)[1]
    entries = re.split(r"\n(?=\w+ : )", section)
    return {entry.split(" : ")[0]: " ".join(entry.split()) for entry in entries}


def test_parameters_that_both_estimators_have_are_documented_in_the_same_words():
    one, other = map(parameters_of, ESTIMATORS)
    shared = one.keys() & other.keys() - {"loss", "metrics"}  # what suits y differs
    assert len(shared) > 20
    assert {name: one[name] for name in shared} == {name: other[name] for name in shared}


def test_parameters_that_both_estimators_have_have_equal_defaults():
    one, other = (inspect.signature(estimator).parameters for estimator in ESTIMATORS)
    shared = [name for name in one if name in other]
    assert {name: one[name].default for name in shared} == {name: other[name].default for name in shared}


# --- tests that pages name


NAMED_TESTS = sorted(
    {
        (path.name, *found)
        for path in PAGES
        for found in re.findall(r"`([\w/]*test_\w+\.py)::([\w:]+)`", path.read_text(encoding="utf-8"))
    }
)


@pytest.mark.parametrize(("page", "file", "name"), NAMED_TESTS)
def test_a_test_that_a_page_names_is_there(page, file, name):
    tree = ast.parse((ROOT / "tests" / file).read_text(encoding="utf-8"))
    for part in name.split("::"):
        tree = next(node for node in tree.body if getattr(node, "name", None) == part)
    assert isinstance(tree, ast.FunctionDef)
