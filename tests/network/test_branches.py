"""Which branch an input gets: shared ones, callables, layers and models; and what is refused."""

import keras
import numpy as np
import pytest
from common import predict
from network_cases import EVERY_KIND, ROWS, network, small_model, specs_of, vector
from numpy.testing import assert_allclose, assert_array_equal

from skmulti.errors import BranchMismatchError
from skmulti.inputs import DenseBranch, EmbeddingBranch, OneHotBranch
from skmulti.inputs.base import Branch
from skmulti.layers import copy_layer
from skmulti.network.branches import as_branch, resolve_branches
from skmulti.network.build import build_network
from skmulti.network.heads import DenseHead
from skmulti.network.merges import ConcatenateMerge
from skmulti.spec import ArraySpec, TargetSpec


def test_alias_shares_the_weights_and_counts_them_once():
    specs = specs_of(vector("a"), vector("b"), vector("c"))
    apart, shared = network(specs), network(specs, {"b": "a", "c": "b"})

    assert apart.count_params() - shared.count_params() == 2 * (3 * 4 + 4 + 3)
    assert shared.get_layer("a__layers") in shared.layers
    assert not [layer for layer in shared.layers if layer.name in ("b__layers", "c__layers")]


def test_sharing_inputs_swap_without_a_difference():
    model = network(specs_of(vector("a"), vector("b")), {"b": "a"}, head=DenseHead(()))
    half = model.get_layer("head__output")
    kernel, shift = half.get_weights()
    half.set_weights([np.vstack([kernel[:4]] * 2), shift])

    swapped = predict(model, {"a": 2 * ROWS, "b": ROWS})

    assert_allclose(predict(model, {"a": ROWS, "b": 2 * ROWS}), swapped, rtol=1e-5, atol=1e-6)


def test_alias_may_name_a_later_input():
    model = network(specs_of(vector("a"), vector("b")), {"a": "b"})

    assert "b__layers" in [layer.name for layer in model.layers]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (vector("b", width=5), r"shape \(5,\)"),
        (ArraySpec("b", "vector", (3,), "float64"), "float64"),
        (ArraySpec("b", "category", (3,), "int32", vocabulary_sizes=(4, 4, 4)), r"4 \+ 4 \+ 4 ids"),
        (vector("b", n_indicators=1), "1 of them indicators"),
    ],
    ids=["shape", "dtype", "kind", "indicators"],
)
def test_unequal_inputs_cannot_share_and_both_are_named(other, words):
    with pytest.raises(
        BranchMismatchError, match=rf"'a' \(vector, shape \(3,\), float32\) and 'b' .*{words}.*cannot share"
    ):
        network(specs_of(vector("a"), other), {"b": "a"})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"b": "aa"}, r"branches\['b'\] = 'aa' is no input.*'a', 'b' and 'c'.*Did you mean 'a'"),
        (
            {"a": "b", "b": "c", "c": "a"},
            "share in a circle: 'a' -> 'b' -> 'c' -> 'a'|share in a circle: a -> b -> c -> a",
        ),
        ({"a": "a"}, "circle: a -> a"),
        ({"bb": DenseBranch()}, "`branches` names 'bb', which is no input.*Did you mean 'b'"),
    ],
)
def test_aliases_that_lead_nowhere_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        network(specs_of(vector("a"), vector("b"), vector("c")), given)


def test_callable_is_a_branch():
    model = as_branch(lambda tensor: keras.layers.Dense(2, use_bias=False)(tensor)).build(vector("a"))
    kernel = model.layers[-1].get_weights()[0]

    assert_allclose(predict(model, ROWS), ROWS @ kernel, rtol=1e-5, atol=1e-6)


def test_layer_is_a_branch_of_its_config():
    model = as_branch(keras.layers.Dense(7, activation="tanh")).build(vector("a"))

    assert model.output_shape == (None, 7)
    assert model.layers[-1].activation is keras.activations.tanh


@pytest.mark.parametrize("trained", [keras.layers.Dense(2), small_model()], ids=["layer", "model"])
def test_layer_is_copied_with_its_weights_and_stays_the_users(trained):
    expected = predict(trained, ROWS)
    weights = [weight.copy() for weight in trained.get_weights()]
    model = network(specs_of(vector("a")), {"a": trained})

    assert_allclose(predict(model.get_layer("a__layers"), ROWS), expected, rtol=1e-5)
    model.compile("sgd", "mse")
    model.fit({"a": ROWS}, np.ones((6, 1)), epochs=1, verbose=0)
    for before, after in zip(weights, trained.get_weights(), strict=True):
        assert_array_equal(before, after)


def test_unbuilt_layer_stays_unbuilt():
    layer = keras.layers.Dense(2)
    as_branch(layer).build(vector("a"))

    assert not layer.built


def test_one_layer_given_twice_makes_two_branches():
    layer = keras.layers.Dense(2)
    model = network(specs_of(vector("a"), vector("b")), {"a": layer, "b": layer})

    assert {"a__layers", "b__branch"} <= {part.name for part in model.layers}


@pytest.mark.parametrize("frozen", [(), (0,), (1,), (0, 1)])
def test_frozen_layers_of_a_model_stay_frozen(frozen):
    model = small_model()
    for i in frozen:
        model.layers[i].trainable = False

    assert [layer.trainable for layer in copy_layer(model).layers] == [i not in frozen for i in range(2)]


def test_frozen_layers_inside_a_model_inside_a_model_stay_frozen():
    inner = small_model()
    inner.layers[0].trainable = False
    inputs = keras.Input((3,))
    outer = keras.Model(inputs, inner(inputs))

    assert len(copy_layer(outer).trainable_weights) == len(outer.trainable_weights) == 2


def test_frozen_model_is_not_trained():
    frozen = small_model()
    frozen.trainable = False
    model = network(specs_of(vector("a")), {"a": frozen})
    before = model.get_layer("a__layers").get_weights()
    model.compile("sgd", "mse")
    model.fit({"a": ROWS}, np.ones((6, 1)), epochs=1, verbose=0)

    for old, new in zip(before[1:], model.get_layer("a__layers").get_weights()[1:], strict=True):
        assert_array_equal(old, new)


def test_adapted_normalization_is_copied():
    layer = keras.layers.Normalization()
    layer.adapt(ROWS)

    assert_allclose(predict(copy_layer(layer), ROWS), predict(layer, ROWS))


def test_model_without_a_config_is_refused():
    class Subclassed(keras.Model):
        def __init__(self, units):
            super().__init__()
            self.dense = keras.layers.Dense(units)

        def call(self, inputs):
            return self.dense(inputs)

    with pytest.raises(BranchMismatchError, match=r"Subclassed .* cannot be copied.*get_config"):
        as_branch(Subclassed(2)).build(vector("a"))


@pytest.mark.parametrize(
    ("branch", "message"),
    [
        (3, "got 3 of type int"),
        (DenseBranch, r"Give DenseBranch\(\)"),
        (keras.layers.Dense, r"Give Dense\(\)"),
        (None, "got None"),
    ],
)
def test_what_is_no_branch_is_refused(branch, message):
    with pytest.raises(BranchMismatchError, match=f"A branch must be a Branch object.*{message}"):
        as_branch(branch)


def test_callable_that_gives_no_tensor_is_refused():
    with pytest.raises(
        BranchMismatchError, match=r"Input 'a'.*returned an object of type int; a callable branch takes a KerasTensor"
    ):
        as_branch(lambda tensor: 3).build(vector("a"))


def test_branch_of_unknown_width_is_refused():
    steps = ArraySpec("trace", "sequence", (None, 2), "float32", columns=("signal",))
    with pytest.raises(BranchMismatchError, match=r"Input 'trace' \(column 'signal'\).*width that is known"):
        as_branch(lambda tensor: tensor).build(steps)


def test_higher_ranks_are_flattened():
    steps = ArraySpec("trace", "sequence", (5, 2), "float32")

    assert as_branch(lambda tensor: tensor).build(steps).output_shape == (None, 10)


@pytest.mark.parametrize(
    ("branch", "spec", "words"),
    [
        (DenseBranch(), EVERY_KIND["review"][0], "DenseBranch reads vector arrays.*gives a text array"),
        (OneHotBranch(), vector("a"), "OneHotBranch reads category arrays.*gives a vector array"),
    ],
    ids=["text", "vector"],
)
def test_foreign_kind_is_refused_with_both_names(branch, spec, words):
    with pytest.raises(BranchMismatchError, match=f"Input '{spec.name}'.*{words}.*leave it out of `branches`"):
        network(specs_of(spec), {spec.name: branch})


def test_branch_that_reads_anything_is_not_refused():
    class AnyBranch(Branch):
        def connect(self, tensor, spec, sample):
            return keras.layers.Flatten()(tensor)

    assert AnyBranch().build(EVERY_KIND["photo"][0]).output_shape == (None, 192)


def test_ids_of_one_vocabulary_may_share_a_branch_and_ids_of_others_may_not():
    first, second, third = (
        ArraySpec(name, "category", (1,), "int32", vocabulary_sizes=(4,), vocabulary=vocabulary)
        for name, vocabulary in [("pet", "aa"), ("animal", "aa"), ("tree", "bb")]
    )
    defaults = dict.fromkeys(["pet", "animal", "tree"], EmbeddingBranch(2))
    assert resolve_branches(specs_of(first, second), defaults, {"animal": "pet"})["animal"] == "pet"
    message = r"'pet' .*'tree' .*vocabularies differ, .*\('tree', 'pet', columns\)"
    with pytest.raises(BranchMismatchError, match=message):
        resolve_branches(specs_of(first, third), defaults, {"tree": "pet"})


def test_a_shared_branch_sees_sample_rows_of_all_its_inputs():
    class Remembering(DenseBranch):
        def connect(self, tensor, spec, sample):
            seen.append(sample)
            return super().connect(tensor, spec, sample)

    seen = []
    specs = {name: ArraySpec(name, "vector", (1,), "float32") for name in ("left", "right", "other")}
    samples = {name: np.full((2, 1), value, "float32") for value, name in enumerate(specs)}
    branches = {"left": "right", "right": Remembering(), "other": DenseBranch()}

    build_network(specs, branches, ConcatenateMerge(), DenseHead(), TargetSpec(), samples)

    np.testing.assert_array_equal(seen[0], [[0], [0], [1], [1]])


@pytest.mark.parametrize("layer", [small_model(), keras.layers.Conv2D(3, 3)], ids=["model", "layer"])
def test_a_layer_for_arrays_of_another_shape_is_refused_by_the_name_of_the_input(layer):
    spec = ArraySpec("a", "vector", (7,), "float32", columns=("x",))
    with pytest.raises(BranchMismatchError) as found:
        as_branch(layer).build(spec)

    said = str(found.value)
    assert said.startswith(f"Input 'a' (column 'x'): the branch, {type(layer).__name__} {layer.name!r}, cannot read")
    assert "vector, shape (7,), float32" in said
    assert "Give a layer for rows of shape (7,)" in said
    assert "\x1b" not in said
    assert len(said) < 600
