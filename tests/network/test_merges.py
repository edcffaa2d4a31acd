"""Tests of the merges: what each computes, that it trains, reloads, and copes with missing inputs."""

import warnings

import keras
import numpy as np
import pytest
from merge_cases import flag_arrays, layer_output, merge_network, rows, run, subtract

from skmulti import NetworkSizeWarning
from skmulti.network.merges import (
    MERGES,
    AddMerge,
    AttentionMerge,
    ConcatenateMerge,
    GatedMerge,
    Merge,
    as_merge,
)
from skmulti.network.staged import StagedMerge

PROJECTING = [name for name in MERGES if name != "concatenate"]
NAMES = ("text", "photo", "money")
EVERY_MERGE = [
    *(pytest.param(MERGES[name](), id=name) for name in MERGES),
    pytest.param(AttentionMerge(units=6, num_heads=2), id="attention-2-heads"),
    pytest.param(StagedMerge([("seen", "attention", ["text", "photo"])], final="gated"), id="staged-attention-gated"),
    pytest.param(
        StagedMerge([("one", "attention", ["text", "photo"]), ("two", "attention", ["one", "money"])]),
        id="staged-attention-attention",
    ),
]


class TotalMerge(Merge):
    """A merge as a user would write one, with a parameter."""

    def __init__(self, activation="linear"):
        self.activation = activation

    def combine(self, tensors, missing):
        total = keras.layers.Add(name=f"{self.layer_prefix}_total")(list(tensors.values()))
        return keras.layers.Activation(self.activation, name=f"{self.layer_prefix}_activation")(total)


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def softmax(scores):
    exponents = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


ELEMENTWISE = {
    "concatenate": lambda a, b, c: np.concatenate([a, b, c], axis=1),
    "add": lambda a, b, c: a + b + c,
    "average": lambda a, b, c: np.mean([a, b, c], axis=0),
    "maximum": lambda a, b, c: np.max([a, b, c], axis=0),
    "multiply": lambda a, b, c: a * b * c,
    "interaction": lambda a, b, c: np.concatenate([a, b, c, a * b, a * c, b * c], axis=1),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_equal_widths_give_numpys_elementwise_result(name):
    widths = dict.fromkeys(NAMES, 5)
    arrays = rows(widths)

    model = merge_network(name, widths)

    np.testing.assert_allclose(run(model, arrays), ELEMENTWISE[name](*arrays.values()), rtol=1e-6)
    assert not model.weights


def test_interaction_of_two_inputs_is_both_and_their_product():
    arrays = {"a": np.array([[1.0, 2.0]]), "b": np.array([[3.0, -4.0]])}

    merged = run(merge_network("interaction", {"a": 2, "b": 2}), arrays)

    np.testing.assert_array_equal(merged, [[1, 2, 3, -4, 3, -8]])


def test_interaction_keeps_outputs_and_multiplies_projections_when_widths_differ():
    widths = {"a": 4, "b": 2}
    arrays = rows(widths)
    model = merge_network("interaction", widths)
    (wa, ca), (wb, cb) = (model.get_layer(f"{name}__projection").get_weights() for name in widths)

    product = (arrays["a"] @ wa + ca) * (arrays["b"] @ wb + cb)

    np.testing.assert_allclose(run(model, arrays), np.hstack([arrays["a"], arrays["b"], product]), rtol=1e-5)


def test_concatenate_keeps_the_order_of_the_inputs():
    arrays = {"z": np.array([[1.0]]), "a": np.array([[2.0, 3.0]])}

    merged = run(merge_network(ConcatenateMerge(), {"z": 1, "a": 2}), arrays)

    np.testing.assert_array_equal(merged, [[1, 2, 3]])


def attention_oracle(model, stacked, present):
    """Recompute the attention merge in NumPy from the network's weights: (batch, n * width)."""
    tokens = stacked + model.get_layer("merge__tokens").get_weights()[0]
    wq, bq, wk, bk, wv, bv, wo, bo = model.get_layer("merge__attention").get_weights()
    query, key, value = (
        np.einsum("bnw,whd->bhnd", tokens, kernel) + bias[None, :, None]
        for kernel, bias in [(wq, bq), (wk, bk), (wv, bv)]
    )
    scores = np.einsum("bhqd,bhkd->bhqk", query, key) / np.sqrt(wq.shape[-1])
    attention = softmax(np.where(present[:, None, None], scores, -1e9))
    attended = np.einsum("bhqk,bhkd,hdw->bqw", attention, value, wo) + bo
    summed = tokens + attended
    gamma, beta = model.get_layer("merge__normalization").get_weights()
    spread = np.sqrt(summed.var(axis=-1, keepdims=True) + 1e-3)
    result = gamma * (summed - summed.mean(axis=-1, keepdims=True)) / spread + beta
    return (result * present[..., None]).reshape(len(stacked), -1)


@pytest.mark.parametrize("num_heads", [1, 2, 7])
def test_attention_equals_numpy_from_its_weights(num_heads):
    widths = dict.fromkeys(NAMES, 6)
    arrays = rows(widths)
    model = merge_network(AttentionMerge(num_heads=num_heads), widths)

    expected = attention_oracle(model, np.stack(list(arrays.values()), 1), np.ones((4, 3), bool))

    np.testing.assert_allclose(run(model, arrays), expected, atol=1e-5)


def test_attention_with_missing_inputs_equals_numpy_from_its_weights():
    widths = dict.fromkeys(NAMES, 6)
    arrays = rows(widths)
    model = merge_network("attention", widths, flagged=["text", "money"])
    flags = flag_arrays(text=[True, False, True, False], money=[False, False, True, True])
    present = np.array([[0, 1, 1], [1, 1, 1], [0, 1, 0], [1, 1, 0]], dtype=bool)

    expected = attention_oracle(model, np.stack(list(arrays.values()), 1), present)

    np.testing.assert_allclose(run(model, {**arrays, **flags}), expected, atol=1e-5)


@pytest.mark.parametrize("flagged", [(), ("photo",)])
def test_gated_equals_numpy_from_its_weights(flagged):
    widths = dict.fromkeys(NAMES, 5)
    arrays = rows(widths)
    model = merge_network("gated", widths, flagged)
    missing = np.zeros((4, 3), bool)
    if flagged:
        missing[:2, 1] = True
    kernel, bias = model.get_layer("merge__gate_scores").get_weights()
    scores = np.hstack(list(arrays.values())) @ kernel + bias

    gates = softmax(np.where(missing, -np.inf, scores))
    expected = np.einsum("bn,bnw->bw", gates, np.stack(list(arrays.values()), 1))

    flags = flag_arrays(photo=missing[:, 1]) if flagged else {}
    np.testing.assert_allclose(run(model, {**arrays, **flags}), expected, atol=1e-6)
    np.testing.assert_allclose(layer_output(model, "merge__gates", {**arrays, **flags}), gates, atol=1e-6)


@pytest.mark.parametrize("name", PROJECTING)
def test_widths_that_differ_train_their_projections(name):
    widths = {"a": 64, "b": 32}
    model = merge_network(name, widths)
    projections = [model.get_layer(f"{name}__projection") for name in widths]
    before = [layer.get_weights()[0] for layer in projections]
    merged = model.output_shape[-1]
    # Not a constant: layer normalisation fixes mean and spread, so such a target has no gradient.
    target = np.random.default_rng(1).normal(size=(16, merged))

    model.compile("sgd", "mse")
    model.fit(rows(widths, 16), target, epochs=1, verbose=0)

    for layer, kernel in zip(projections, before, strict=True):
        assert layer.units == 64
        assert np.abs(layer.get_weights()[0] - kernel).max() > 0


@pytest.mark.parametrize("name", PROJECTING)
def test_units_is_the_common_width_even_where_widths_are_equal(name):
    model = merge_network(MERGES[name](units=3), {"a": 5, "b": 5})

    assert [model.get_layer(f"{name}__projection").units for name in "ab"] == [3, 3]
    assert model.output_shape == (None, {"interaction": 13, "attention": 6}.get(name, 3))


@pytest.mark.parametrize("merge", EVERY_MERGE)
def test_two_predictions_on_one_batch_are_equal(merge):
    widths = {"text": 6, "photo": 4, "money": 6}
    model, arrays = merge_network(merge, widths), rows(widths)

    first, second = (model.predict(arrays, verbose=0) for _ in range(2))

    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, run(model, arrays), atol=1e-6)


# Keras 3.15's own save() runs into a deprecation of NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
@pytest.mark.parametrize("flagged", [(), ("photo",), NAMES], ids=["no-flag", "one-flag", "all-flags"])
@pytest.mark.parametrize("merge", EVERY_MERGE)
def test_every_merge_reloads_in_safe_mode_with_equal_outputs(merge, flagged, tmp_path):
    widths = {"text": 6, "photo": 4, "money": 6}
    model = merge_network(merge, widths, flagged)
    arrays = {**rows(widths), **flag_arrays(**{name: [True, False, False, True] for name in flagged})}

    model.save(tmp_path / "network.keras")
    reloaded = keras.models.load_model(tmp_path / "network.keras", safe_mode=True)

    np.testing.assert_array_equal(run(reloaded, arrays), run(model, arrays))


@pytest.mark.parametrize("merge", EVERY_MERGE)
def test_float64_policy_holds_through_every_merge(merge):
    widths = {"text": 6, "photo": 4, "money": 6}
    keras.config.set_dtype_policy("float64")
    try:
        model = merge_network(merge, widths, flagged=["photo"])
    finally:
        keras.config.set_dtype_policy("float32")

    arrays = {**rows(widths), **flag_arrays(photo=[True, False, False, True])}

    assert run(model, arrays).dtype == "float64"
    assert {weight.dtype for weight in model.weights} <= {"float64"}


@pytest.mark.parametrize("name", MERGES)
def test_a_single_input_is_returned_as_it_is(name):
    arrays = rows({"a": 4})

    model = merge_network(name, {"a": 4}, flagged=["a"])

    np.testing.assert_array_equal(run(model, {**arrays, **flag_arrays(a=[True, False] * 2)}), arrays["a"])
    assert not model.weights


@pytest.mark.parametrize("merge", [*MERGES, StagedMerge([("s", "add", ["a"])]), subtract])
def test_nothing_to_merge_is_refused(merge):
    with pytest.raises(ValueError, match="needs at least one input, got none"):
        as_merge(merge).combine({}, {})


@pytest.mark.parametrize("name", MERGES)
def test_a_tensor_of_steps_is_refused_by_name(name):
    tensors = {"a": keras.Input((4,)), "sound": keras.Input((10, 4))}

    with pytest.raises(ValueError, match=r"Input 'sound': .* got \(None, 10, 4\)"):
        as_merge(name).combine(tensors, {})


@pytest.mark.parametrize(("merge", "parameter"), [(AddMerge(0), "units"), (AttentionMerge(num_heads=0), "num_heads")])
def test_a_parameter_out_of_range_is_refused_by_name(merge, parameter):
    with pytest.raises(ValueError, match=f"The '{parameter}' parameter of {type(merge).__name__}"):
        merge.combine({"a": keras.Input((4,))}, {})


@pytest.mark.parametrize("name", MERGES)
@pytest.mark.parametrize("prefix", ["merge", "a"])
def test_an_input_may_have_a_name_like_those_of_the_merges_layers(name, prefix):
    layers = [name, "concatenate", "attention", "gates", "projection", "flatten", "stack", "present"]
    widths = {"a": 5, **{f"{prefix}_{layer}": 4 for layer in layers}}
    assert merge_network(name, widths, flagged=["a"]).output_shape[0] is None


@pytest.mark.parametrize("name", MERGES)
def test_an_input_may_have_a_name_that_tensorflow_refuses_in_a_layer(name):
    model = merge_network(name, {"my col": 3, "größe": 4}, flagged=["my col"])
    flags = flag_arrays(**{"my col": [True, False, True, False]})
    assert np.isfinite(run(model, {**rows({"my col": 3, "größe": 4}), **flags})).all()


@pytest.mark.parametrize("name", MERGES)
def test_an_input_may_have_the_name_of_a_keras_layer(name):
    layer = "concatenate" if name == "interaction" else name
    widths = {layer: 4, "dense": 3, "reshape": 4, "softmax": 4}

    model = merge_network(name, widths, flagged=["dense"])

    assert model.output_shape[0] is None


@pytest.mark.parametrize("merge", EVERY_MERGE)
def test_rows_without_any_input_give_finite_outputs_and_gradients(merge):
    widths = {"text": 6, "photo": 4, "money": 6}
    model = merge_network(merge, widths, flagged=NAMES)
    arrays = {**rows(widths), **flag_arrays(**{name: [True, True, True, False] for name in NAMES})}

    model.compile("sgd", "mse")
    model.fit(arrays, np.ones((4, model.output_shape[-1])), verbose=0)

    assert np.isfinite(run(model, arrays)).all()


def test_average_leaves_out_missing_inputs_and_averages_all_where_none_is_left():
    widths = dict.fromkeys(NAMES, 5)
    text, photo, money = rows(widths).values()
    model = merge_network("average", widths, flagged=["text", "money"])
    flags = flag_arrays(text=[False, True, True, False], money=[False, False, True, False])

    merged = run(model, {"text": text, "photo": photo, "money": money, **flags})

    everything = (text + photo + money) / 3
    expected = [everything[0], (photo[1] + money[1]) / 2, photo[2], everything[3]]
    np.testing.assert_allclose(merged, expected, rtol=1e-5)

    nothing = merge_network("average", {"text": 5, "photo": 5}, flagged=["text", "photo"])
    flags = flag_arrays(text=[True] * 4, photo=[True] * 4)
    np.testing.assert_allclose(run(nothing, {"text": text, "photo": photo, **flags}), (text + photo) / 2, rtol=1e-5)


def test_gate_of_a_missing_input_is_exactly_zero_and_gates_sum_to_one():
    widths = dict.fromkeys(NAMES, 5)
    model = merge_network("gated", widths, flagged=NAMES)
    flags = flag_arrays(
        text=[True, False, True, False], photo=[False, False, True, False], money=[False, True, True, False]
    )

    gates = layer_output(model, "merge__gates", {**rows(widths), **flags})

    assert gates[0, 0] == 0
    assert gates[1, 2] == 0
    np.testing.assert_allclose(gates[2], [1 / 3] * 3, rtol=1e-6)
    np.testing.assert_allclose(gates.sum(axis=1), 1, rtol=1e-6)


def test_attention_output_ignores_the_tensor_of_a_missing_input():
    widths = {"text": 6, "photo": 4}
    model = merge_network("attention", widths, flagged=["photo"])
    arrays, flags = rows(widths), flag_arrays(photo=[True, True, False, False])

    merged = run(model, {**arrays, **flags})
    changed = run(model, {**arrays, "photo": arrays["photo"] + 9, **flags})

    np.testing.assert_array_equal(merged[:2], changed[:2])
    np.testing.assert_array_equal(merged[:2, 6:], 0)
    assert np.abs(merged[2:] - changed[2:]).max() > 0.1


@pytest.mark.parametrize("name", ["add", "maximum", "multiply", "interaction", "concatenate"])
def test_a_missing_input_takes_part_with_its_learned_vector(name):
    widths = dict.fromkeys(NAMES, 5)
    arrays = rows(widths)

    merged = run(merge_network(name, widths, flagged=["text"]), {**arrays, **flag_arrays(text=[True] * 4)})

    np.testing.assert_allclose(merged, ELEMENTWISE[name](*arrays.values()), rtol=1e-6)


def test_gated_learns_which_input_to_listen_to():
    rng = np.random.default_rng(0)
    pair = rng.normal(size=(512, 2)).astype("float32")
    which = rng.integers(0, 2, 512)
    arrays = {name: np.stack([pair[:, i], which], 1).astype("float32") for i, name in enumerate("ab")}
    model = merge_network("gated", {"a": 2, "b": 2})

    model.compile(keras.optimizers.Adam(0.1), "mse")
    target = np.stack([pair[np.arange(512), which], which], 1)
    model.fit(arrays, target, epochs=15, verbose=0)

    gates = layer_output(model, "merge__gates", arrays)
    assert (gates.argmax(axis=1) == which).mean() > 0.95


def test_a_merge_object_is_copied():
    merge = AttentionMerge(units=8)

    twin = as_merge(merge)

    assert twin is not merge
    assert twin.units == 8


def test_a_users_merge_class_works_alone_and_as_a_step():
    a, b, c = (arrays := rows(dict.fromkeys("abc", 3))).values()
    steps = StagedMerge([("s", TotalMerge("relu"), ["a", "b"])], final=TotalMerge())

    np.testing.assert_allclose(run(merge_network(TotalMerge(), dict.fromkeys("abc", 3)), arrays), a + b + c, rtol=1e-5)
    np.testing.assert_allclose(
        run(merge_network(steps, dict.fromkeys("abc", 3)), arrays), np.maximum(a + b, 0) + c, rtol=1e-5
    )


def test_a_callable_gets_the_tensors_by_name():
    arrays = rows({"a": 3, "b": 3})

    merged = run(merge_network(subtract, {"a": 3, "b": 3}), arrays)

    np.testing.assert_allclose(merged, arrays["a"] - arrays["b"], rtol=1e-6)


@pytest.mark.parametrize(
    ("function", "found"),
    [
        (lambda tensors: 3, "3 of type int"),
        (lambda tensors: keras.layers.Reshape((3, 1))(tensors["a"]), r"shape \(None, 3, 1\)"),
    ],
)
def test_a_callable_that_gives_no_vector_a_row_is_refused(function, found):
    with pytest.raises(ValueError, match=f"returned .*{found}; a callable merge takes"):
        merge_network(function, {"a": 3})


def test_a_layer_as_merge_is_copied_not_trained_in_place():
    @keras.saving.register_keras_serializable(package="test_merges")
    class Scaled(keras.layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(), initializer="ones")

        def call(self, inputs):
            return self.scale * inputs["a"]

    layer = Scaled()

    model = merge_network(layer, {"a": 3})

    assert len(model.weights) == 1
    assert not layer.built


def test_a_mistyped_string_is_refused_with_the_closest_match():
    with pytest.raises(ValueError, match=r"no merge 'atention'; there are 'concatenate', .*Did you mean 'attention'\?"):
        as_merge("atention")


@pytest.mark.parametrize(("merge", "found"), [(3, "got 3 of type int"), (GatedMerge, r"Give GatedMerge\(\)")])
def test_what_is_no_merge_is_refused(merge, found):
    with pytest.raises(TypeError, match=f"a Merge object, or a callable .*{found}"):
        as_merge(merge)


class TestWidths:
    NARROW = {"a": keras.Input((64,)), "b": keras.Input((32,))}
    WIDE = {"photo": keras.Input((2816,)), "numbers": keras.Input((64,))}
    TWINS = {"left": keras.Input((2816,)), "right": keras.Input((2816,))}

    def size(self, name, tensors, **params):
        output = MERGES[name](**params).combine(tensors, {})
        return keras.Model(list(tensors.values()), output).count_params(), output.shape[-1]

    @pytest.mark.parametrize("name", PROJECTING)
    def test_wide_and_narrow_inputs_meet_at_a_moderate_width(self, name):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            n_weights, _ = self.size(name, self.WIDE)
        assert n_weights < 1_100_000

    @pytest.mark.parametrize("name", PROJECTING)
    def test_narrow_inputs_meet_at_the_largest_width(self, name):
        assert self.size(name, self.NARROW)[0] == self.size(name, self.NARROW, units=64)[0]

    @pytest.mark.parametrize("name", ["add", "average", "maximum", "multiply", "interaction"])
    def test_equal_widths_need_no_weights(self, name):
        assert self.size(name, self.TWINS)[0] == 0

    def test_an_attention_over_wide_inputs_is_narrowed(self):
        n_weights, width = self.size("attention", self.TWINS)
        assert (n_weights < 2_000_000, width) == (True, 2 * 256)

    @pytest.mark.parametrize("name", PROJECTING)
    @pytest.mark.filterwarnings("ignore::skmulti.NetworkSizeWarning")
    def test_units_that_make_too_many_weights_are_warned_of(self, name):
        with pytest.warns(NetworkSizeWarning, match=r"'photo', which is 2,816 wide, to 2,048 units.*merge__units=128"):
            self.size(name, self.WIDE, units=2048)

    def test_so_is_an_attention(self):
        with pytest.warns(NetworkSizeWarning, match=r"2 inputs of 1,200 units attend.*5,760,000 weights"):
            self.size("attention", self.NARROW, units=1200)
