"""The documentation site: every public name and page has its place, and what programs read names pages that exist."""

import importlib.util
import re
from pathlib import Path

import pytest

import skmulti
from skmulti import datasets

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
WRITTEN = sorted(path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.glob("**/*.md"))
MADE = {"api/index", "auto_examples/index"}  # by the build


def load(name):
    """Import a module of the site's own folder, which is no package."""
    found = importlib.util.spec_from_file_location(name, DOCS / "_sphinx" / f"{name}.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


public_names = load("public_names")


def test_every_public_name_has_one_place_in_the_reference():
    places = [name for _, _, names in public_names.by_subject() for name in names]
    assert sorted(places) == sorted(skmulti.__all__)


@pytest.mark.parametrize("name", [*skmulti.__all__, *public_names.CLUSTER, *datasets.__all__])
def test_a_name_is_on_the_written_page(name, tmp_path):
    public_names.write(tmp_path)
    assert f"\n   {name}\n" in (tmp_path / "index.rst").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("MultiInputClassifier", "Estimators"),
        ("InputRouter", "Router"),
        ("TextVectorizer", "Encoders"),
        ("TextBranch", "Branches"),
        ("StagedMerge", "Merges"),
        ("save", "Keep, ship, serve"),
        ("ArraySpec", "Contracts and specs"),
        ("MissingValuesWarning", "Errors and warnings"),
    ],
)
def test_a_name_is_found_under_its_subject(name, title):
    assert title in [subject for subject, _, names in public_names.by_subject() if name in names]


def test_an_unchanged_page_is_not_written_again(tmp_path):
    public_names.write(tmp_path)
    (tmp_path / "index.rst").chmod(0o400)
    before = (tmp_path / "index.rst").stat().st_mtime_ns
    public_names.write(tmp_path)
    assert (tmp_path / "index.rst").stat().st_mtime_ns == before


def listed():
    """Return the pages that llms.txt names, without ending."""
    text = (DOCS / "_extra" / "llms.txt").read_text(encoding="utf-8")
    return re.findall(r"^- \[[^\]]+\]\(([^)]+)\.html\): \S", text, flags=re.MULTILINE)


def test_llms_txt_has_its_form():
    lines = (DOCS / "_extra" / "llms.txt").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# skmulti"
    assert lines[2].startswith("> ")
    assert all(re.match(r"- \[[^\]]+\]\(\S+\): .", line) for line in lines if line.startswith("- "))


def test_llms_txt_names_every_page_and_no_other():
    pages = {page for page in [*WRITTEN, *MADE] if page not in {"index", "guide/index", "about/index"}}
    assert set(listed()) == pages
    assert len(listed()) == len(pages)


def test_every_script_has_its_place_in_the_gallery():
    scripts = {path.name for path in (ROOT / "examples").glob("*.py")}
    assert set(load("gallery").ORDER) == scripts


def test_the_landing_page_has_the_figures_of_the_page_on_quality():
    rows = re.findall(r"^\| \w+ \| (?:AUC|RMSE|accuracy|R2) \|.*$", (DOCS / "index.md").read_text(), flags=re.MULTILINE)
    quality = (DOCS / "quality.md").read_text(encoding="utf-8").splitlines()
    assert len(rows) > 5
    assert [row for row in rows if row not in quality] == []
