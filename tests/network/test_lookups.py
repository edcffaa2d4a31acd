"""Ids reach the layers that look them up as they are; numbers in their place are refused."""

import keras
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmulti import (
    Branch,
    BranchMismatchError,
    EmbeddingBranch,
    IdsPadder,
    InputRouter,
    MultiInputClassifier,
    TextBranch,
    load,
    save,
)

N_IDS = 12


def small_ids():
    """Return an array in which nothing but its branch tells ids from counts, and whether a row has the id 7."""
    ids = np.random.default_rng(0).integers(2, N_IDS, (300, 6))
    return ids, (ids == 7).any(axis=1).astype(int)


def look_up(tensor):
    return keras.layers.GlobalMaxPooling1D()(keras.layers.Embedding(N_IDS, 8)(tensor))


def functional(dtype="int32", before=None):
    array = keras.Input((6,), dtype=dtype)
    return keras.Model(array, look_up(array if before is None else before(array)))


LAYERS = {
    "sequential": lambda: keras.Sequential([keras.layers.Embedding(N_IDS, 8), keras.layers.GlobalMaxPooling1D()]),
    "functional": functional,
    "functional of floats": lambda: functional("float32"),
    "text branch": lambda: TextBranch("pool"),
    "embedding alone": lambda: keras.layers.Embedding(N_IDS, 8),
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_array_of_a_dict_is_read_as_ids_if_its_branch_reads_ids(make):
    ids, y = small_ids()
    X = {"tokens": ids, "x": np.linspace(0, 1, len(ids))}
    est = MultiInputClassifier(branches={"tokens": make()}, epochs=1, random_state=0).fit(X, y)

    assert type(est.router_.encoders_["tokens"]) is IdsPadder
    assert_array_equal(est.router_.transform(X)["tokens"], ids)


def test_it_learns_what_a_data_set_of_the_same_arrays_teaches(tmp_path):
    ids, y = small_ids()
    est = MultiInputClassifier(
        branches={"tokens": LAYERS["sequential"]()}, epochs=12, random_state=0, optimizer__learning_rate=0.03
    ).fit({"tokens": ids}, y)

    assert est.score({"tokens": ids}, y) > 0.98
    save(est, tmp_path / "est.skmulti")
    assert_array_equal(load(tmp_path / "est.skmulti").predict({"tokens": ids}), est.predict({"tokens": ids}))


def test_a_branch_of_categories_gets_categories_also_if_inputs_share_it():
    ids, y = small_ids()
    est = MultiInputClassifier(branches={"tokens": EmbeddingBranch(), "more": "tokens"}, epochs=1, random_state=0)

    assert {spec.kind for spec in est.fit({"tokens": ids, "more": ids}, y).router_.specs_.values()} == {"category"}


def test_what_the_user_names_goes_first():
    ids, y = small_ids()
    est = MultiInputClassifier(InputRouter(kinds={"tokens": "vector"}), branches={"tokens": TextBranch()}, epochs=1)
    with pytest.raises(BranchMismatchError, match=r"TextBranch reads text arrays, but .* vector array"):
        est.fit({"tokens": ids}, y)


def by_hand(inputs, target):
    return keras.layers.Dense(target.width, activation=target.activation)(look_up(inputs["tokens"]))


class OwnBranch(Branch):
    def connect(self, tensor, spec, sample):
        return look_up(tensor)


AMBIGUOUS = {
    "function": {"branches": {"tokens": look_up}},
    "branch": {"branches": {"tokens": OwnBranch()}},
    "model": {"model": by_hand},
}


@pytest.mark.parametrize("parts", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_numbers_that_a_function_looks_up_are_refused_with_both_ways_out(parts):
    ids, y = small_ids()
    with pytest.raises(BranchMismatchError, match=r"'tokens'.*looks up ids in Embedding.*such as -?\d") as error:
        MultiInputClassifier(epochs=1, **parts).fit({"tokens": ids}, y)

    assert "kinds={'tokens': 'text'}" in str(error.value)
    assert "If they are numbers" in str(error.value)
    assert len(str(error.value)) < 600
    for router in (InputRouter(kinds={"tokens": "text"}), InputRouter([("tokens", "passthrough", "tokens")])):
        MultiInputClassifier(router, epochs=1, **parts).fit({"tokens": ids}, y)


def test_a_layer_that_looks_up_scaled_numbers_is_refused():
    ids, y = small_ids()
    est = MultiInputClassifier(InputRouter(kinds={"a": "vector"}), branches={"a": LAYERS["sequential"]()}, epochs=1)
    with pytest.raises(BranchMismatchError, match=r"Input 'a' .*: the branch looks up ids in Sequential"):
        est.fit({"a": ids}, y)


def test_bins_of_numbers_may_be_looked_up():
    numbers = np.random.default_rng(0).normal(size=(60, 6)) * 5
    bins = keras.layers.Discretization([-1.0, 0.0, 1.0])
    layers = (keras.Sequential([bins, keras.layers.Embedding(4, 2)]), functional("float32", bins))
    for layer in (*layers, lambda tensor: look_up(bins(tensor))):
        est = MultiInputClassifier(branches={"a": layer}, epochs=1).fit({"a": numbers}, numbers[:, 0] > 0)
        assert est.router_.specs_["a"].kind == "vector"


def test_branches_that_read_numbers_get_numbers():
    ids, y = small_ids()
    est = MultiInputClassifier(branches={"a": keras.layers.Dense(3)}, epochs=1).fit({"a": ids}, y)

    assert est.router_.specs_["a"].kind == "vector"
