"""The scripts in `examples/`: they compile, say what they are about, and the cheap ones run as they are."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*.py"))

# Data of their own, or a web server: no picture.
NO_PICTURE = {"reviews.py", "serve.py", "solar_cells.py"}

# A few seconds each, with a score that chance would not reach. The documentation site runs all that have a picture.
CHEAP = {"onehot_and_scaled.py": 0.8, "text_and_number.py": 0.4, "sensor_files.py": 0.9}


def run(name, *arguments, **environment):
    """Run one script as a user would, from another folder, and give the finished process."""
    return subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parent,
        env={**os.environ, **environment},
    )


@pytest.fixture(scope="module", params=sorted(CHEAP))
def finished(request):
    return request.param, run(request.param)


def test_the_folder_holds_the_examples():
    assert {"quickstart.py", *CHEAP} <= {script.name for script in SCRIPTS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_script_compiles(script):
    compile(script.read_text(encoding="utf-8"), script.name, "exec")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_docstring_is_a_question_a_sentence_and_how_to_run_it(script):
    title, line, empty, sentence, *_ = ast.get_docstring(ast.parse(script.read_text(encoding="utf-8"))).splitlines()
    assert title.endswith("?")
    assert line == "=" * len(title)
    assert not empty
    assert sentence[0].isupper()
    assert f"Run: python examples/{script.name}" in ast.get_docstring(ast.parse(script.read_text(encoding="utf-8")))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_script_has_cells_that_begin_with_words(script):
    lines = script.read_text(encoding="utf-8").splitlines()
    cells = [number for number, line in enumerate(lines) if line.startswith("# %%")]
    assert len(cells) >= 3
    assert {lines[number] for number in cells} == {"# %%"}  # the gallery drops words that stand behind the mark
    assert lines[cells[0] + 1].startswith("# ")


@pytest.mark.parametrize(
    "script", [script for script in SCRIPTS if script.name not in NO_PICTURE], ids=lambda script: script.name
)
def test_script_ends_in_a_picture(script):
    text = script.read_text(encoding="utf-8")
    assert text.count("plt.show()") == 1
    assert "plt.savefig" not in text


@pytest.mark.long
def test_quickstart_needs_no_matplotlib(tmp_path):
    """README runs it after a plain installation; here a broken matplotlib stands in the way of the real one."""
    (tmp_path / "matplotlib").mkdir()
    (tmp_path / "matplotlib" / "__init__.py").write_text("raise ImportError")
    process = run("quickstart.py", PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    assert process.returncode == 0, process.stderr[-2000:]
    assert "Held-out accuracy on 300 rows" in process.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_random_draw_is_seeded(script):
    text = script.read_text(encoding="utf-8")
    assert not re.search(r"default_rng\(\)|np\.random\.(rand|normal|choice|seed)", text)
    assert "random_state=" in text or '"random_state":' in text


@pytest.mark.long
def test_cheap_example_runs_without_error(finished):
    name, process = finished
    assert process.returncode == 0, f"{name}: {process.stderr[-2000:]}"


@pytest.mark.long
def test_cheap_example_prints_a_score_above_chance(finished):
    name, process = finished
    score = re.search(r"Held-out (?:accuracy|R2): (\d\.\d+)", process.stdout)
    assert float(score.group(1)) > CHEAP[name]


def test_reviews_without_a_path_says_what_to_give():
    process = run("reviews.py")
    assert process.returncode != 0
    assert "Give the path of the women's clothing reviews" in process.stderr
    assert "Traceback" not in process.stderr


def test_reviews_with_a_path_that_is_not_there_says_what_to_give(tmp_path):
    process = run("reviews.py", str(tmp_path / "absent.parquet"))
    assert process.returncode != 0
    assert "Give the path of the women's clothing reviews" in process.stderr
    assert "Traceback" not in process.stderr


def test_solar_cells_without_its_package_says_what_to_install(tmp_path):
    # An empty package of the same name hides an installed one, and is as good as none.
    (tmp_path / "elpv_dataset").mkdir()
    (tmp_path / "elpv_dataset" / "__init__.py").touch()
    process = run("solar_cells.py", PYTHONPATH=str(tmp_path))
    assert process.returncode != 0
    assert "pip install elpv-dataset" in process.stderr
    assert "Traceback" not in process.stderr
