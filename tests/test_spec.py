"""What one part tells the next: sizes, layouts and names, checked by hand."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from skmulti import ArraySpec, TargetSpec
from skmulti.spec import digest, layer_name

PIXELS = ArraySpec("photo", "image", (4, 5, 3), "uint8")
IDS = ArraySpec("note", "text", (7,), "int32", vocabulary_sizes=(30,), vocabulary="abc")


@pytest.mark.parametrize(("spec", "n_bytes"), [(PIXELS, 60), (IDS, 28), (replace(PIXELS, dtype="float64"), 480)])
def test_row_bytes_are_those_of_numpy(spec, n_bytes):
    assert spec.row_bytes == np.zeros(spec.shape, spec.dtype).nbytes == n_bytes


@pytest.mark.parametrize("change", [{"name": "other"}, {"columns": ("a",)}, {"has_missing": True}])
def test_inputs_that_differ_in_name_columns_or_gaps_have_one_layout(change):
    assert replace(IDS, **change).layout() == IDS.layout()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "category"},
        {"shape": (8,)},
        {"dtype": "int64"},
        {"vocabulary_sizes": (31,)},
        {"n_indicators": 1},
        {"vocabulary": "abd"},
    ],
)
def test_inputs_that_a_branch_would_read_differently_have_different_layouts(change):
    assert replace(IDS, **change).layout() != IDS.layout()


def test_a_description_counts_ids_and_indicators():
    assert IDS.describe() == "text, shape (7,), int32, 30 ids"
    numbers = ArraySpec("numbers", "vector", (5,), "float32", n_indicators=2)
    assert numbers.describe() == "vector, shape (5,), float32, 2 of them indicators"


@pytest.mark.parametrize(
    ("target", "width"),
    [
        (TargetSpec(n_outputs=3), 3),
        (TargetSpec(n_classes=2, activation="sigmoid"), 1),
        (TargetSpec(n_classes=4, activation="softmax"), 4),
        (TargetSpec(n_classes=2, n_outputs=5, activation="sigmoid"), 5),
        (TargetSpec(n_classes=(3, 2, 4), n_outputs=3), 9),
    ],
)
def test_width_is_the_number_of_output_units(target, width):
    assert target.width == width


def test_a_digest_depends_on_values_and_their_order_only():
    assert digest(["a", "b"]) == digest(np.array(["a", "b"])) == digest(("a", "b"))
    assert digest(np.int64([1, 2])) == digest(np.int32([1, 2])) == digest([1, 2])
    assert len({digest(["a", "b"]), digest(["b", "a"]), digest(["ab"]), digest([1, 2]), digest(["1", "2"])}) == 5


def test_a_digest_is_the_same_in_another_process():
    code = "from skmulti.spec import digest; print(digest(['a', 'b', 'é']))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout.strip() == digest(["a", "b", "é"])


def test_layers_of_different_inputs_have_different_names():
    names = ["a", "a b", "a_b", "a:b", "größe", "gr__e"]
    assert len({layer_name(name, part) for name in names for part in (None, "array", "branch")}) == 3 * len(names)


def test_a_plain_name_is_kept_in_the_name_of_its_layers():
    assert layer_name("photo") == "photo"
    assert layer_name("photo", "branch") == "photo__branch"
