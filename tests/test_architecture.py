"""The house rules that a program can hold: levels, kinds in one place, nothing overridden, nothing unsafe, no trace.

Run as a program it prints the measures of the house: ``python tests/test_architecture.py``.
"""

import ast
import importlib
import re
import statistics
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

import skmulti

PACKAGE = Path(skmulti.__file__).parent

# A wing imports from wings of lower levels only, and through their façades; the package's own façade imports anything.
WINGS = {
    "layers": 1,
    "sources": 1,
    "inputs": 2,
    "router": 3,
    "network": 3,
    "training": 4,
    "estimators": 5,
    "saving": 6,
    "inspection": 6,
    "dask": 6,
}
# What every wing may need.
SHARED = {
    "errors", "spec", "datasets", "_params", "_validation", "_workers", "_backend", "_process", "_version", "_html",
    "_text", "_counts",
}  # fmt: skip
MODULES = {str(path.relative_to(PACKAGE))[:-3].removesuffix("/__init__"): path for path in PACKAGE.rglob("*.py")}
MODULES.pop("__init__")
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in MODULES.items()}

MAX_FUNCTION_LINES = 50

each_module = pytest.mark.parametrize("name", sorted(MODULES))


def imported(name):
    """Return the modules of skmulti that a module imports, wherever in the file."""
    package = [*name.split("/"), ""][: -1 if MODULES[name].name == "__init__.py" else -2]
    found = set()
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ImportFrom) and node.level:
            start = package[: len(package) - node.level + 1]
            path = [*start, *(node.module.split(".") if node.module else [])]
            for alias in node.names:
                longer = "/".join([*path, alias.name])
                found.add(longer if longer in MODULES else "/".join(path))
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module.partition(".")[2].replace(".", "/")} if node.module.startswith("skmulti") else set()
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("skmulti")}
    return found - {name, ""}


def wing(name):
    """Return the wing that a module is in; of what every wing needs its own name."""
    return name.split("/")[0]


def level(name):
    """Return the level of a module's wing; 0 for what every wing needs."""
    return 0 if name in SHARED else WINGS[wing(name)]


def external(name):
    """Return (module, imported name) of what a module imports from elsewhere."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def docstrings(tree):
    """Return the nodes of all docstrings: strings that stand alone as the first statement of a body."""
    owners = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(tree):
        if isinstance(node, owners) and ast.get_docstring(node, clean=False) is not None:
            yield node.body[0].value


def n_lines(nodes):
    """Count the lines from the first node to the last."""
    return nodes[-1].end_lineno - nodes[0].lineno + 1 if nodes else 0


def body_of(function):
    """Return a function's statements without its docstring."""
    return function.body[1:] if ast.get_docstring(function) is not None else function.body


def definitions(kind):
    """Return (module, node) of every class or function."""
    return [(name, node) for name, tree in TREES.items() for node in ast.walk(tree) if isinstance(node, kind)]


def named(entry):
    return f"{entry[0]}:{entry[1].name}" if isinstance(entry, tuple) else str(entry)


# --- levels


def test_the_house_has_its_wings_and_a_few_files():
    assert {name for name in MODULES if "/" not in name and not (PACKAGE / name).is_dir()} == SHARED
    assert {wing(name) for name in MODULES} - SHARED <= WINGS.keys()


@each_module
def test_imports_between_wings_go_down_only(name):
    others = {other for other in imported(name) if wing(other) != wing(name)}
    upwards = {other for other in others if other not in SHARED and level(other) >= level(name)}
    assert not upwards, f"{name} (level {level(name)}) imports {upwards}"


@each_module
def test_a_wing_is_imported_through_its_facade(name):
    past = {other for other in imported(name) if wing(other) != wing(name) and "/" in other}
    assert not past, f"{name} imports {past}; the façade of a wing is its __init__"


@each_module
def test_a_folder_of_a_kind_is_imported_through_its_facade(name):
    past = {
        other for other in imported(name) if other.count("/") == 2 and not name.startswith(other.rpartition("/")[0])
    }
    assert not past


def test_no_module_imports_itself_in_a_circle():
    def reachable(name, seen):
        for other in imported(name) - seen:
            seen = reachable(other, seen | {other})
        return seen

    circles = [name for name in MODULES if name in reachable(name, frozenset())]
    assert not circles


# --- kinds


def test_kinds_are_named_in_inputs_and_datasets_only():
    kinds = {"vector", "category", "text", "image", "sequence", "tags"}
    found = []
    for name, tree in TREES.items():
        if name.startswith("inputs") or name == "datasets":
            continue
        texts = set(map(id, docstrings(tree)))
        found += [
            f"{name}:{node.lineno} {node.value!r}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and id(node) not in texts and node.value in kinds
        ]
    assert not found


# --- sizes


def test_functions_are_short():
    long = [
        f"{name}:{node.name} {n_lines(body_of(node))}"
        for name, node in definitions((ast.FunctionDef, ast.AsyncFunctionDef))
        if n_lines(body_of(node)) > MAX_FUNCTION_LINES
    ]
    assert not long


# --- classes, measured with their bases from the package

# Contracts: what their methods do by default is there to be replaced. Heads have no base class.
CONTRACTS = {"InputEncoder", "Branch", "Merge", "EncoderGraph"}


def package_classes():
    """Return the classes of the package, each once."""
    modules = [importlib.import_module(f"skmulti.{name.replace('/', '.')}") for name in MODULES]
    kinds = [thing for module in modules for thing in vars(module).values() if isinstance(thing, type)]
    return sorted({kind for kind in kinds if own_module(kind)}, key=lambda kind: kind.__qualname__)


def own_module(kind):
    """Return the name of the module of the package in which a class stands, or an empty string."""
    package, _, name = kind.__module__.partition(".")
    return name.replace(".", "/") if package == "skmulti" else ""


def package_bases(kind):
    """Return a class and its bases, as far as they are the package's."""
    return [base for base in kind.__mro__ if own_module(base)]


def code_lines(tree, name):
    """Return the numbers of a tree's lines that are neither docstring, comment nor blank."""
    inside = {line for text in docstrings(tree) for line in range(text.lineno, text.end_lineno + 1)}
    lines = MODULES[name].read_text(encoding="utf-8").splitlines()
    first, last = (tree.lineno, tree.end_lineno) if hasattr(tree, "lineno") else (1, len(lines))
    kept = (line for line in range(first, last + 1) if line not in inside)
    return [line for line in kept if lines[line - 1].strip() and not lines[line - 1].strip().startswith("#")]


def merged_size(kind):
    """Return (lines of code, methods) of a class together with its bases from the package."""
    size = Counter()
    for base in package_bases(kind):
        name = own_module(base) if own_module(base) in MODULES else f"{own_module(base)}/__init__"
        node = next(n for n in ast.walk(TREES[name]) if isinstance(n, ast.ClassDef) and n.name == base.__name__)
        methods = [part for part in node.body if isinstance(part, ast.FunctionDef)]
        size += Counter(lines=len(code_lines(node, name)), methods=len(methods))
    return size["lines"], size["methods"]


@pytest.mark.parametrize("kind", package_classes(), ids=lambda kind: kind.__name__)
def test_no_method_of_a_base_is_there_to_be_overridden(kind):
    """A class is read in one file: only contracts, and classes of other packages, have methods that others replace."""
    overridden = {
        f"{base.__name__}.{name}"
        for base in package_bases(kind)[1:]
        if base.__name__ not in CONTRACTS
        for name, value in vars(kind).items()
        if name in vars(base) and not name.startswith("__") and (callable(value) or hasattr(value, "__func__"))
        # What Keras or scikit-learn asks of each of its own classes.
        if not any(hasattr(foreign, name) for foreign in base.__mro__ if not own_module(foreign))
    }
    assert not overridden


# --- foreign and private names


@each_module
def test_scikeras_is_known_to_the_adapter_and_the_estimators_only(name):
    if name in {"estimators/scikeras", "estimators/classifier", "estimators/regressor"}:
        return
    assert not [module for module, _ in external(name) if module.split(".")[0] == "scikeras"]


@each_module
def test_private_names_of_sklearn_and_keras_stay_in_three_files(name):
    if name in {"estimators/scikeras", "_validation", "_process"}:
        return
    private = [
        (module, thing)
        for module, thing in external(name)
        if module.split(".")[0] in {"sklearn", "keras", "tensorflow"}
        and any(part.startswith("_") or part == "src" for part in [*module.split("."), thing])
    ]
    assert not private


# --- safety


def dotted(node):
    """Return ``np.load`` for the expression, or an empty string if it is no name."""
    if isinstance(node, ast.Name):
        return node.id
    return f"{dotted(node.value)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


@each_module
def test_no_code_is_run_from_data(name):
    calls = [node for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
    unsafe = {"eval", "exec", "compile", "pickle.load", "pickle.loads", "Lambda", "keras.layers.Lambda", "joblib.load"}
    assert not [dotted(call.func) for call in calls if dotted(call.func) in unsafe]
    imports = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
    assert not [module for module, _ in external(name) if module.split(".")[0] in imports]


@each_module
def test_arrays_are_loaded_without_pickle_and_networks_in_safe_mode(name):
    for call in (node for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)):
        keywords = {keyword.arg: getattr(keyword.value, "value", None) for keyword in call.keywords}
        assert keywords.get("allow_pickle", False) is False
        assert keywords.get("safe_mode", True) is True
        if dotted(call.func) in {"np.load", "numpy.load"}:
            assert keywords.get("allow_pickle") is False
        assert not dotted(call.func).endswith("enable_unsafe_deserialization")


@each_module
def test_nothing_seeds_the_global_generators_of_numpy(name):
    calls = [dotted(node.func) for node in ast.walk(TREES[name]) if isinstance(node, ast.Call)]
    draws = {"np.random.rand", "np.random.randn", "np.random.normal", "np.random.choice", "np.random.permutation"}
    assert not draws & set(calls)


# --- import


PROBE = """
import os, random, sys
import numpy as np
import scikeras.wrappers, sklearn, tensorflow as tf, keras, pandas, PIL
import warnings
environment, seeds = dict(os.environ), (random.getstate(), np.random.get_state())
filters, policy = list(warnings.filters), keras.config.dtype_policy().name
import skmulti
assert "sklearn.cluster" not in sys.modules, "imported before it is used"
from tensorflow.python.eager import context
assert dict(os.environ) == environment, set(os.environ.items()) ^ set(environment.items())
assert random.getstate() == seeds[0]
after = np.random.get_state()
assert all(np.array_equal(one, two) for one, two in zip(after, seeds[1]))
assert warnings.filters == filters
assert (keras.config.floatx(), keras.config.dtype_policy().name) == ("float32", policy)
assert not context.context()._initialized, "a device was opened"
print("clean")
"""


def test_import_leaves_no_trace():
    run = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=120, check=False)
    assert run.stdout.strip() == "clean", run.stderr[-2000:]


def test_all_lists_what_there_is():
    assert sorted(skmulti.__all__) == skmulti.__all__
    assert not [name for name in skmulti.__all__ if not hasattr(skmulti, name)]


def test_the_oldest_versions_that_are_tested_are_those_that_are_allowed():
    root = PACKAGE.parent
    dependencies = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    allowed = {re.split("[>=]=", entry)[0]: re.split("[>=]=", entry)[1].removesuffix(".*") for entry in dependencies}
    pins = [line.split(";")[0].strip() for line in (root / ".ci/oldest.txt").read_text().splitlines() if "==" in line]
    tested = {}
    for name, version in (pin.split("==") for pin in pins):
        tested.setdefault(name, version)  # the first is that of the oldest Python
    assert {name: ".".join(tested[name].split(".")[:2]) for name in allowed} == allowed


# --- measures


def arrows():
    """Count the names that each wing imports from each other one."""
    found = {}
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == name.count("/") + 1 + (name in WINGS):
                found.setdefault((wing(name), node.module), set()).update(alias.name for alias in node.names)
    return {pair: len(names) for pair, names in sorted(found.items()) if pair[0] != pair[1] and pair[1] in WINGS}


def print_measures():
    """Print a table of wings, arrows between them, the largest classes, functions and comments."""
    n_lines_of = {name: len(code_lines(tree, name)) for name, tree in TREES.items()}
    comments = {
        name: sum(line.strip().startswith("#") for line in path.read_text(encoding="utf-8").splitlines())
        for name, path in MODULES.items()
    }
    print(f"{'wing':<12}{'files':>6}{'code':>7}{'comments / 100':>16}")
    for part in [*(name for name in WINGS if name in MODULES), None]:
        names = [name for name in MODULES if (wing(name) if wing(name) in WINGS else None) == part]
        code, said = sum(map(n_lines_of.get, names)), sum(map(comments.get, names))
        print(f"{part or 'shared':<12}{len(names):>6}{code:>7}{100 * said / code:>16.1f}")
    print("\narrows: " + ", ".join(f"{one} > {other} {count}" for (one, other), count in arrows().items()))
    largest = sorted(((*merged_size(kind), kind.__name__) for kind in package_classes()), reverse=True)[:5]
    print("largest classes with their bases: " + ", ".join(f"{name} {code}/{n}" for code, n, name in largest))
    lengths = sorted(n_lines(body_of(node)) for _, node in definitions((ast.FunctionDef, ast.AsyncFunctionDef)))
    p90 = lengths[len(lengths) * 9 // 10]
    print(f"lines of {len(lengths)} functions: median {statistics.median(lengths):g}, p90 {p90}, most {lengths[-1]}")
    code, said = sum(n_lines_of.values()), sum(comments.values())
    print(f"{len(MODULES)} files, {code} lines of code, {100 * said / code:.1f} comments per 100 of them")


if __name__ == "__main__":
    print_measures()
