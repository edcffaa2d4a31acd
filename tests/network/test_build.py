"""Networks: inputs, branches, merge and head connected as asked, under names that Keras takes."""

import re

import keras
import numpy as np
import pytest
from common import predict
from network_cases import EVERY_KIND, ROWS, TARGET, arrays_of, network, specs_of, vector
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skmulti.errors import BranchMismatchError
from skmulti.inputs import DenseBranch
from skmulti.network.build import build_by_hand, network_inputs
from skmulti.network.heads import DenseHead
from skmulti.spec import TargetSpec


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
    kernel, bias = model.get_layer("a__layers").layers[-1].get_weights()
    output, shift = model.get_layer("head__output").get_weights()

    expected = np.hstack([np.maximum(ROWS @ kernel + bias, 0), 2 * ROWS]) @ output + shift

    assert_allclose(predict(model, {"a": ROWS, "b": 2 * ROWS}), expected, rtol=1e-5)


def test_samples_reach_their_branches():
    samples = {"a": np.float32([[1, 2, 3], [3, np.nan, 5]]), "b": np.float32([[9, 9, 9]])}
    specs = specs_of(vector("a"), vector("b"))
    model = network(specs, {"a": DenseBranch(()), "b": DenseBranch(())}, samples=samples)
    fill = model.get_layer("a__layers")(np.full((1, 3), np.nan, "float32"))

    assert_array_equal(fill, [[2, 2, 4]])


@pytest.mark.parametrize("name", ["dense", "add", "flatten", "concatenate", "head_output", "head", "merge", "a_branch"])
def test_input_may_have_the_name_of_a_layer(name):
    specs = specs_of(vector(name, has_missing=True), vector("a", has_missing=True))
    model = network(specs, head=DenseHead((4, 4), dropout=0.1), input_dropout=0.1)

    assert list(model.input) == [name, "a"]


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
        (lambda inputs, target: None, "None; end it with"),
        (lambda inputs, target: keras.Model(inputs["a"], inputs["a"]), "a model, <Functional"),
        (lambda inputs, target: [inputs["a"]], "of type list"),
    ],
)
def test_function_that_gives_no_output_of_the_targets_width_is_refused(function, found):
    with pytest.raises(BranchMismatchError, match=f"`model` returned .*{found}"):
        build_by_hand(specs_of(vector("a")), function, TARGET)


def test_expected_activation_is_named():
    with pytest.raises(BranchMismatchError, match="with softmax activation"):
        build_by_hand(
            specs_of(vector("a", width=2)), lambda i, t: i["a"], TargetSpec(n_classes=3, activation="softmax")
        )


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
