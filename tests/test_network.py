"""Networks: branches, merge and head connected as asked, and refused where they could not be trained or loaded."""

import pickle
import re

import keras
import numpy as np
import pytest
from common import predict
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skmulti.errors import BranchMismatchError
from skmulti.inputs import DenseBranch, EmbeddingBranch, ImageBranch, OneHotBranch, SequenceBranch, TextBranch
from skmulti.inputs.base import Branch
from skmulti.network.branches import as_branch, resolve_branches
from skmulti.network.build import TrainingNetwork, build_by_hand, build_network, network_inputs
from skmulti.network.forward import Forward
from skmulti.network.heads import DenseHead
from skmulti.network.merges import ConcatenateMerge
from skmulti.network.reload import check_saveable, copy_layer
from skmulti.spec import ArraySpec, TargetSpec
from skmulti.training.run import Rows, isolate

TARGET = TargetSpec()
ROWS = np.random.default_rng(0).normal(size=(6, 3)).astype("float32")


def vector(name, width=3, **fields):
    return ArraySpec(name, "vector", (width,), "float32", **fields)


def specs_of(*specs):
    return {spec.name: spec for spec in specs}


def network(specs, given=None, *, target=TARGET, head=None, seed=0, samples=None, **options):
    """Build a network of dense branches, but for those given."""
    with isolate(seed, "float32"):
        branches = resolve_branches(specs, {name: DenseBranch((4,)) for name in specs}, given)
        return build_network(specs, branches, ConcatenateMerge(), head or DenseHead((4,)), target, samples, **options)


EVERY_KIND = {
    "numbers": (vector("numbers"), DenseBranch((4,))),
    "city": (ArraySpec("city", "category", (2,), "int32", vocabulary_sizes=(5, 4)), EmbeddingBranch()),
    "review": (ArraySpec("review", "text", (5,), "int32", vocabulary_sizes=(9,)), TextBranch(embedding_dim=4)),
    "trace": (ArraySpec("trace", "sequence", (5, 2), "float32"), SequenceBranch(units=4)),
    "photo": (
        ArraySpec("photo", "image", (8, 8, 3), "uint8", has_missing=True, missing_name="photo__missing"),
        ImageBranch(filters=(4,)),
    ),
}


def arrays_of(model, n_rows=3):
    """Draw arrays for a network's inputs by name; ids from 0 to 3."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name, tensor in model.input.items():
        values = rng.integers(0, 4, size=(n_rows, *tensor.shape[1:]))
        arrays[name] = values.astype(tensor.dtype)
    return arrays


@pytest.fixture(scope="module")
def every_kind():
    specs = {name: spec for name, (spec, _) in EVERY_KIND.items()}
    return network(specs, {name: branch for name, (_, branch) in EVERY_KIND.items()})


# --- build_network


def test_inputs_are_a_dict_by_name_in_order(every_kind):
    assert list(every_kind.input) == ["numbers", "city", "review", "trace", "photo", "photo__missing"]


def test_inputs_have_shape_and_dtype_of_their_spec(every_kind):
    for name, (spec, _) in EVERY_KIND.items():
        assert every_kind.input[name].shape == (None, *spec.shape)
        assert every_kind.input[name].dtype == spec.dtype
    assert every_kind.input["photo__missing"].shape == (None, 1)
    assert every_kind.input["photo__missing"].dtype == "bool"


def test_every_kind_reaches_the_output(every_kind):
    arrays = arrays_of(every_kind)
    before = predict(every_kind, arrays)
    for name in EVERY_KIND:
        changed = np.where(arrays[name] == 3, 1, 3).astype(arrays[name].dtype)
        assert (predict(every_kind, {**arrays, name: changed}) != before).any(), name


def test_network_comes_back_from_a_file_in_safe_mode(every_kind, tmp_path):
    every_kind.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    arrays = arrays_of(every_kind)

    assert_array_equal(predict(loaded, arrays), predict(every_kind, arrays))


def test_equal_arguments_and_seeds_give_equal_weights():
    specs = specs_of(vector("a"), vector("b"))
    one, two, other = network(specs), network(specs), network(specs, seed=1)

    for left, right in zip(one.get_weights(), two.get_weights(), strict=True):
        assert_array_equal(left, right)
    assert any((left != right).any() for left, right in zip(one.get_weights(), other.get_weights(), strict=True))


def test_building_changes_no_argument():
    specs, branch, head = specs_of(vector("a"), vector("b")), DenseBranch((2,)), DenseHead((3,))
    given = {"a": branch, "b": "a"}
    before = repr((specs, given, head, branch.get_params(), head.get_params()))
    network(specs, given, head=head)

    assert repr((specs, given, head, branch.get_params(), head.get_params())) == before
    assert vars(branch) == vars(clone(branch))


def test_output_is_what_numpy_computes_from_the_weights():
    model = network(specs_of(vector("a"), vector("b")), {"b": DenseBranch(units=())}, head=DenseHead(()))
    kernel, bias = model.get_layer("a__branch").layers[-1].get_weights()
    output, shift = model.get_layer("head__output").get_weights()

    expected = np.hstack([np.maximum(ROWS @ kernel + bias, 0), 2 * ROWS]) @ output + shift

    assert_allclose(predict(model, {"a": ROWS, "b": 2 * ROWS}), expected, rtol=1e-5)


def test_samples_reach_their_branches():
    samples = {"a": np.float32([[1, 2, 3], [3, np.nan, 5]]), "b": np.float32([[9, 9, 9]])}
    specs = specs_of(vector("a"), vector("b"))
    model = network(specs, {"a": DenseBranch(()), "b": DenseBranch(())}, samples=samples)
    fill = model.get_layer("a__branch")(np.full((1, 3), np.nan, "float32"))

    assert_array_equal(fill, [[2, 2, 4]])


@pytest.mark.parametrize("name", ["dense", "add", "flatten", "concatenate", "head_output", "head", "merge", "a_branch"])
def test_input_may_have_the_name_of_a_layer(name):
    specs = specs_of(vector(name, has_missing=True), vector("a", has_missing=True))
    model = network(specs, head=DenseHead((4, 4), dropout=0.1), input_dropout=0.1)

    assert list(model.input) == [name, "a"]


# --- missing inputs


def test_missing_rows_get_one_learned_vector():
    model = network(specs_of(vector("a", has_missing=True)), head=DenseHead(()))
    model.get_layer("a__or_missing").set_weights([np.float32([1, 2, 3, 4])])
    output, shift = model.get_layer("head__output").get_weights()
    rows = np.vstack([ROWS[:1], np.full((2, 3), np.nan, "float32")])

    assert_allclose(
        predict(model, {"a": rows})[1:, 0], [np.float32([1, 2, 3, 4]) @ output[:, 0] + shift[0]] * 2, rtol=1e-5
    )


def test_a_row_of_nothing_but_indicators_is_missing():
    model = network(specs_of(vector("a", width=3, has_missing=True, n_indicators=1)))
    flag = keras.Model(model.input, model.get_layer("a__is_missing").output)

    assert_array_equal(predict(flag, {"a": np.float32([[np.nan, np.nan, 1], [np.nan, 2, 1]])}), [[True], [False]])


def test_flag_decides_for_pixels(every_kind):
    arrays = arrays_of(every_kind)
    flagged = {**arrays, "photo__missing": np.ones((3, 1), bool)}
    other = {**flagged, "photo": 255 - arrays["photo"]}

    assert_array_equal(predict(every_kind, flagged), predict(every_kind, other))


def test_input_without_missing_training_rows_has_no_vector_for_them():
    names = [layer.name for layer in network(specs_of(vector("a"), vector("b", has_missing=True))).layers]

    assert "b__or_missing" in names
    assert "a__or_missing" not in names


def test_input_dropout_acts_in_training_only():
    model = network(specs_of(vector("a"), vector("b")), input_dropout=0.5)
    arrays = {"a": np.ones((200, 3), "float32"), "b": np.ones((200, 3), "float32")}
    trained = keras.ops.convert_to_numpy(model(arrays, training=True))

    assert len(np.unique(predict(model, arrays))) == 1
    assert len(np.unique(trained.round(5))) == 4


# --- fixed features


class Squares(Branch):
    """Two dense layers that are not trained, squared, before one that is."""

    def features(self, spec, sample):
        inputs = keras.Input(spec.shape, dtype=spec.dtype)
        return keras.Model(inputs, keras.ops.square(keras.layers.Dense(5, trainable=False)(inputs)))

    def connect(self, tensor, spec, sample):
        return keras.layers.Dense(2)(tensor)


def trained_part(model, branches=None):
    given = {name: DenseBranch() for name in model.input if not name.endswith("__missing")}
    return TrainingNetwork(model, {**given, **(branches or {})}, Forward)


def fixed_network(given, *more, **options):
    """Build a network of input "a" with fixed features, and of others; give it with what training changes of it."""
    specs = specs_of(vector("a"), *more)
    branches = {"a": Squares(), **given}
    model = network(specs, branches, **options)
    return model, trained_part(model, branches)


def test_branch_with_features_is_one_model():
    with isolate(0, "float32"):
        model = Squares().build(vector("a"))
    features, rest = model.get_layer("a__features"), model.get_layer("a__branch")
    (kernel, bias), (dense, shift) = features.get_weights(), rest.get_weights()

    assert model.output_shape == (None, 2)
    assert_allclose(predict(model, ROWS), (ROWS @ kernel + bias) ** 2 @ dense + shift, rtol=1e-4, atol=1e-5)
    assert len(model.trainable_weights) == 2


def test_features_and_the_rest_of_a_branch_stand_side_by_side():
    model, _ = fixed_network({}, vector("b"))

    names = [layer.name for layer in model.layers]
    assert {"a__features", "a__branch", "b__branch"} <= set(names)
    assert "b__features" not in names


def test_network_on_features_gives_the_output_of_the_whole():
    kinds = {name: spec for name, (spec, _) in EVERY_KIND.items()}
    given = {name: branch for name, (_, branch) in EVERY_KIND.items()}
    model, part = fixed_network(given, *kinds.values())
    arrays = arrays_of(model)

    assert part.model is not model
    assert part.arrays(arrays)["a"].shape == (3, 5)
    assert_array_equal(predict(part.model, part.arrays(arrays)), predict(model, arrays))


def test_network_on_features_has_the_same_variables_in_the_same_order():
    model, part = fixed_network({"c": Squares()}, vector("b"), vector("c"))

    assert list(map(id, part.model.trainable_weights)) == list(map(id, model.trainable_weights))


def test_whole_network_comes_back_from_its_config_after_the_other_was_made():
    model, _ = fixed_network({}, vector("b"))
    twin = type(model).from_config(model.get_config())
    twin.set_weights(model.get_weights())
    arrays = arrays_of(model)

    assert_array_equal(predict(twin, arrays), predict(model, arrays))


def test_features_are_computed_once_for_all_rows_in_their_order():
    model, part = fixed_network({})
    features = predict(model.get_layer("a__features"), np.tile(ROWS, (50, 1)))

    assert_allclose(part.arrays({"a": np.tile(ROWS, (50, 1))})["a"], features, rtol=1e-5)


def test_inputs_that_share_fixed_features_are_both_replaced():
    model, part = fixed_network({"b": "a"}, vector("b"))
    arrays = arrays_of(model)

    assert {name: tensor.shape for name, tensor in part.model.input.items()} == {"a": (None, 5), "b": (None, 5)}
    assert_array_equal(predict(part.model, part.arrays(arrays)), predict(model, arrays))


def test_array_that_another_layer_reads_stays():
    model, part = fixed_network({}, vector("b"), input_dropout=0.5)

    assert part.model is model
    assert part.arrays({"a": ROWS})["a"] is ROWS


def test_network_without_fixed_features_is_trained_as_it_is(every_kind):
    assert trained_part(every_kind).model is every_kind


def test_rows_are_prepared_with_their_targets_and_weights():
    model, part = fixed_network({})
    model.compile("sgd", "mse")
    part.model.compile(model.optimizer, "mse")
    y, weight = np.ones(6), np.arange(6.0)

    trained, (rows, held) = part.prepare(model, Rows({"a": ROWS}, y, weight), None)

    assert (trained is part.model, held) == (True, None)
    assert (rows.arrays["a"].shape, rows.y is y, rows.weight is weight) == ((6, 5), True, True)


def test_network_that_was_compiled_anew_is_trained_as_a_whole():
    model, part = fixed_network({})
    part.model.compile("sgd", "mse")
    model.compile("sgd", "mse")
    rows = Rows({"a": ROWS}, np.ones(6), None)

    assert part.prepare(model, rows, None) == (model, (rows, None))


def test_pickle_holds_no_second_network():
    _, part = fixed_network({})
    model, twin = keras.Sequential([keras.layers.Dense(1)]), pickle.loads(pickle.dumps(part))

    assert twin.prepare(model, None) == (model, (None,))


# --- shared branches


def test_alias_shares_the_weights_and_counts_them_once():
    specs = specs_of(vector("a"), vector("b"), vector("c"))
    apart, shared = network(specs), network(specs, {"b": "a", "c": "b"})

    assert apart.count_params() - shared.count_params() == 2 * (3 * 4 + 4 + 3)
    assert shared.get_layer("a__branch") in shared.layers
    assert not [layer for layer in shared.layers if layer.name in ("b__branch", "c__branch")]


def test_sharing_inputs_swap_without_a_difference():
    model = network(specs_of(vector("a"), vector("b")), {"b": "a"}, head=DenseHead(()))
    half = model.get_layer("head__output")
    kernel, shift = half.get_weights()
    half.set_weights([np.vstack([kernel[:4]] * 2), shift])

    swapped = predict(model, {"a": 2 * ROWS, "b": ROWS})

    assert_allclose(predict(model, {"a": ROWS, "b": 2 * ROWS}), swapped, rtol=1e-5, atol=1e-6)


def test_alias_may_name_a_later_input():
    model = network(specs_of(vector("a"), vector("b")), {"a": "b"})

    assert "b__branch" in [layer.name for layer in model.layers]


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


# --- callables, layers and models as branches


def small_model():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])


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

    assert_allclose(predict(model.get_layer("a__branch"), ROWS), expected, rtol=1e-5)
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

    assert {"a__branch", "b__branch"} <= {part.name for part in model.layers}


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
    before = model.get_layer("a__branch").get_weights()
    model.compile("sgd", "mse")
    model.fit({"a": ROWS}, np.ones((6, 1)), epochs=1, verbose=0)

    for old, new in zip(before[1:], model.get_layer("a__branch").get_weights()[1:], strict=True):
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
        (DenseBranch, r"Did you mean DenseBranch\(\)"),
        (keras.layers.Dense, r"Did you mean Dense\(\)"),
        (None, "got None"),
    ],
)
def test_what_is_no_branch_is_refused(branch, message):
    with pytest.raises(BranchMismatchError, match=f"A branch must be a Branch object.*{message}"):
        as_branch(branch)


def test_callable_that_gives_no_tensor_is_refused():
    with pytest.raises(BranchMismatchError, match=r"Input 'a'.*gave a int; a callable branch takes a KerasTensor"):
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


# --- build_by_hand


def test_users_function_gets_the_inputs_by_name():
    specs = specs_of(vector("a"), vector("b", has_missing=True, missing_name="b__missing"))
    model = build_by_hand(specs, lambda inputs, target: keras.layers.Add()([inputs["a"], inputs["b"]])[:, :1], TARGET)

    assert list(model.input) == list(network_inputs(specs)) == ["a", "b", "b__missing"]


def test_regression_by_hand_is_brought_to_the_units_of_y():
    target = TargetSpec(offset=(100.0,), scale=(10.0,))
    model = build_by_hand(specs_of(vector("a", width=1)), lambda inputs, target: inputs["a"], target)

    assert_allclose(predict(model, {"a": np.float32([[2.0]])}), [[120]])


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (lambda inputs, target: inputs["a"], r"shape \(None, 3\); expected .* \(batch, 1\)"),
        (lambda inputs, target: keras.ops.sum(inputs["a"]), r"shape \(\)"),
        (lambda inputs, target: None, "None of type NoneType"),
        (lambda inputs, target: keras.Model(inputs["a"], inputs["a"]), "of type Functional"),
        (lambda inputs, target: [inputs["a"]], "of type list"),
    ],
)
def test_function_that_gives_no_output_of_the_targets_width_is_refused(function, found):
    with pytest.raises(BranchMismatchError, match=f"`model` gave .*{found}"):
        build_by_hand(specs_of(vector("a")), function, TARGET)


def test_expected_activation_is_named():
    with pytest.raises(BranchMismatchError, match="with softmax activation"):
        build_by_hand(
            specs_of(vector("a", width=2)), lambda i, t: i["a"], TargetSpec(n_classes=3, activation="softmax")
        )


# --- check_saveable


@keras.saving.register_keras_serializable(package="tests")
class Registered(keras.layers.Layer):
    """A layer that Keras can load."""

    def call(self, inputs):
        return inputs


class Unregistered(keras.layers.Layer):
    """A layer that Keras cannot load."""

    def call(self, inputs):
        return inputs


@keras.saving.register_keras_serializable(package="tests")
def registered_activation(values):
    return values


def unregistered_activation(values):
    return values


@pytest.mark.parametrize(
    "layer",
    [
        Registered(),
        keras.layers.Dense(2, activation=registered_activation),
        keras.layers.Dense(2, activation=keras.layers.LeakyReLU()),
        keras.layers.Dense(2, kernel_regularizer=keras.regularizers.L2(0.1)),
        small_model(),
    ],
)
def test_what_keras_can_load_passes(layer):
    check_saveable(network(specs_of(vector("a")), {"a": layer}))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: keras.layers.Lambda(lambda x: 2 * x), "is a Lambda, which holds code"),
        (Unregistered, "is a Unregistered, which Keras could not load again.*register_keras_serializable"),
        (lambda: keras.layers.Dense(2, activation=unregistered_activation), "a Dense, holds what Keras could not load"),
        (lambda: keras.layers.Dense(2, activation=lambda x: x), "a Dense, holds what Keras could not load"),
    ],
    ids=["lambda", "layer", "activation", "lambda activation"],
)
@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`:UserWarning")
def test_what_keras_could_not_load_is_refused(make, message):
    model = network(specs_of(vector("a")), {"a": lambda tensor: make()(tensor)})
    with pytest.raises(BranchMismatchError, match=message):
        check_saveable(model)


def test_lambda_inside_a_wrapper_is_refused():
    steps = ArraySpec("trace", "sequence", (5, 2), "float32")
    wrapped = network(specs_of(steps), {"trace": lambda t: keras.layers.TimeDistributed(keras.layers.Lambda(abs))(t)})
    with pytest.raises(BranchMismatchError, match="is a Lambda, which holds code"):
        check_saveable(wrapped)


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Lambda(abs, name="size"),
        keras.Sequential([keras.layers.Dense(2), keras.layers.Lambda(abs, name="size")]),
        keras.layers.TimeDistributed(keras.layers.Lambda(abs, name="size")),
    ],
    ids=["layer", "model", "wrapper"],
)
def test_a_branch_that_holds_a_lambda_is_refused_with_input_and_layer(layer):
    steps = ArraySpec("trace", "sequence", (5, 2), "float32", columns=("path",))
    with pytest.raises(BranchMismatchError, match=r"Input 'trace' \(column 'path'\): layer 'size' is a Lambda"):
        network(specs_of(steps), {"trace": layer})


NAMES = ["my col", "my_col", "my  col", "größe", "m²", "a:b", "_x", "日本"]


def test_names_that_tensorflow_refuses_in_layers_are_names_of_inputs():
    specs = specs_of(*(vector(name, 2 + i, has_missing=True) for i, name in enumerate(NAMES)))
    model = network(specs)
    assert list(model.input) == NAMES
    arrays = {name: np.full((2, 2 + i), np.nan, "float32") for i, name in enumerate(NAMES)}
    assert np.isfinite(model.predict(arrays, verbose=0)).all()


def test_names_that_tensorflow_refuses_are_saved_and_loaded(tmp_path):
    model = network(specs_of(vector("my col"), vector("my_col")))
    model.save(tmp_path / "model.keras")
    arrays = {"my col": ROWS, "my_col": 2 * ROWS}
    assert_array_equal(predict(keras.models.load_model(tmp_path / "model.keras"), arrays), predict(model, arrays))


def test_layers_of_an_input_with_a_plain_name_keep_it():
    assert "a.b-c_2__branch" in {layer.name for layer in network(specs_of(vector("a.b-c_2"))).layers}


def test_layers_of_inputs_with_other_names_differ():
    names = [layer.name for layer in network(specs_of(*map(vector, NAMES))).layers if "__branch" in layer.name]
    assert len(set(names)) == len(NAMES)
    assert all(re.fullmatch("[A-Za-z0-9][A-Za-z0-9_.-]*", name) and name.count("__") == 1 for name in names)


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
