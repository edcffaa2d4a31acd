"""Patterns of multi-input models that people write by hand: each trains, predicts and survives a pickle.

What goes wrong in such models is in `test_pitfalls.py`, what they read from generators in `test_generator_patterns.py`.
"""

import io
import pickle
from collections import namedtuple

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.compose import make_column_selector
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmulti import (
    ArraySpec,
    CategoryIndexer,
    DenseBranch,
    DenseHead,
    EmbeddingBranch,
    ImageBranch,
    ImageDecoder,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    SequenceBranch,
    SequencePadder,
    TextBranch,
    TextVectorizer,
)
from skmulti.datasets import make_prices, make_questions, write_sensor_files

Fitted = namedtuple("Fitted", "estimator X y")
# A step that Python runs is slower than a compiled one, but not the first.
SHORT = {"epochs": 1, "random_state": 0, "compile__run_eagerly": True}
OUTPUT_ONLY = DenseHead(units=())


@keras.saving.register_keras_serializable(package="patterns")
class TwoDense(keras.Model):
    """The other way to write a network: a subclass of `keras.Model`, here of inputs a and b."""

    def __init__(self, width, activation, **kwargs):
        super().__init__(**kwargs)
        self.width, self.activation = width, activation
        self.first, self.second = keras.layers.Dense(8), keras.layers.Dense(4)
        self.final = keras.layers.Dense(width, activation=activation)

    def call(self, inputs):
        return self.final(keras.ops.concatenate([self.first(inputs["a"]), self.second(inputs["b"])], axis=-1))

    def get_config(self):
        return {**super().get_config(), "width": self.width, "activation": self.activation}


def two_dense(inputs, target):
    return TwoDense(target.width, target.activation)(inputs)


def two_widths(n=20):
    """Return inputs a (10 numbers) and b (5 numbers) with a label that both have a part in."""
    rng = np.random.default_rng(1)
    X = {"a": rng.normal(size=(n, 10)), "b": rng.normal(size=(n, 5))}
    return X, (X["a"][:, 0] + X["b"][:, 0] > 0).astype(int)


def two_widths_router():
    return InputRouter([("a", "passthrough", slice(None)), ("b", "passthrough", slice(None))])


def image_bytes(pixels, file_format="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, file_format)
    return file.getvalue()


def layers_of(estimator, name, kind):
    """Return the layers of one sort in the branch of an input."""
    models = [layer for layer in estimator.model_.layers if isinstance(layer, keras.Model)]
    branch = next(model for model in models if model.name.startswith(f"{name}_"))
    return [layer for layer in branch.layers if isinstance(layer, kind)]


def output_kernel(estimator):
    """Return (merged width, width of the output); the output layer is the last where the target has no unit."""
    return estimator.model_.layers[-1].kernel.shape


def fit_two_widths(**params):
    X, y = two_widths()
    return Fitted(MultiInputClassifier(two_widths_router(), **SHORT, **params).fit(X, y), X, y)


@pytest.fixture(scope="module")
def image_and_token_ids():
    rng = np.random.default_rng(0)
    tokens = [" ".join(map(str, rng.integers(0, 1000, rng.integers(3, 9)))) for _ in range(20)]
    X = {"image": rng.random((20, 8, 8, 3)), "text": np.array(tokens, dtype=object)[:, None]}
    y = np.arange(20) % 10
    router = InputRouter([("image", ImageDecoder(size=(8, 8)), "image"), ("text", TextVectorizer(length=10), "text")])
    branches = {
        "image": ImageBranch(filters=(4,), pooling="flatten", units=8),
        "text": TextBranch("lstm", embedding_dim=4, units=6),
    }
    return Fitted(MultiInputClassifier(router, branches=branches, head=OUTPUT_ONLY, **SHORT).fit(X, y), X, y)


@pytest.fixture(scope="module")
def variable_and_fixed_length():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"readings": [rng.normal(size=5 + i % 9) for i in range(20)]})
    frame = frame.join(pd.DataFrame(rng.normal(size=(20, 10)), columns=[f"fixed_{i}" for i in range(10)]))
    router = InputRouter(
        [
            ("readings", SequencePadder(length=None), "readings"),
            ("fixed", SequencePadder(), make_column_selector(pattern="^fixed_")),
        ]
    )
    branches = {"readings": SequenceBranch("pool", units=4), "fixed": SequenceBranch("flatten", units=4)}
    y = np.arange(20) % 2
    return Fitted(MultiInputClassifier(router, branches=branches, **SHORT).fit(frame, y), frame, y)


@pytest.fixture(scope="module")
def two_dense_branches():
    return fit_two_widths(branches={"a": DenseBranch((64,)), "b": DenseBranch((32,))}, head=OUTPUT_ONLY)


@pytest.fixture(scope="module")
def shared_branch():
    rng = np.random.default_rng(2)
    X = {"a": rng.normal(size=(20, 10)), "b": rng.normal(size=(20, 10))}
    y = (X["a"][:, 0] + X["b"][:, 0] > 0).astype(int)
    branches = {"a": DenseBranch((32,)), "b": "a"}
    return Fitted(MultiInputClassifier(two_widths_router(), branches=branches, merge="add", **SHORT).fit(X, y), X, y)


@pytest.fixture(scope="module")
def interaction():
    branches = {"a": DenseBranch((64,)), "b": DenseBranch((32,))}
    return fit_two_widths(branches=branches, merge="interaction", head=OUTPUT_ONLY)


@pytest.fixture(scope="module")
def input_dropout():
    return fit_two_widths(input_dropout=0.5)


@pytest.fixture(scope="module")
def subclassed_model():
    return fit_two_widths(model=two_dense)


@pytest.fixture(scope="module")
def numbers_and_image():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(20, 20)), columns=[f"n{i}" for i in range(20)])
    frame["photo"] = list(rng.integers(0, 256, (20, 8, 8, 3), dtype="uint8"))
    router = InputRouter(
        [
            ("numbers", StandardScaler(), [f"n{i}" for i in range(20)]),
            ("photo", ImageDecoder(size=(8, 8)), "photo"),
        ]
    )
    branches = {"numbers": DenseBranch(units=(64, 32)), "photo": ImageBranch(filters=(32, 64), units=32)}
    y = np.arange(20) % 2
    return Fitted(MultiInputClassifier(router, branches=branches, head=OUTPUT_ONLY, **SHORT).fit(frame, y), frame, y)


def draw_two_sequences(n=16):
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, 10, 5)), rng.normal(size=(n, 15, 3))


@pytest.fixture(scope="module")
def two_sequences():
    first, second = draw_two_sequences()
    frame = pd.DataFrame({"first": list(first), "second": list(second)})
    router = InputRouter([("first", SequencePadder(), "first"), ("second", SequencePadder(), "second")])
    branches = {"first": SequenceBranch("lstm", units=32), "second": SequenceBranch("lstm", units=64)}
    y = np.arange(16) % 2
    return Fitted(MultiInputClassifier(router, branches=branches, head=OUTPUT_ONLY, **SHORT).fit(frame, y), frame, y)


@pytest.fixture(scope="module")
def multiply():
    branches = {"a": DenseBranch((16,)), "b": DenseBranch((16,))}
    return fit_two_widths(branches=branches, merge="multiply", head=OUTPUT_ONLY)


def market_frame():
    rng = np.random.default_rng(0)
    names = ["mood", "buzz", "fund_sales", "fund_debt", "ma_5", "ma_20"]
    return pd.DataFrame(rng.normal(size=(20, 6)), columns=names).astype({"ma_5": "float32", "ma_20": "float32"})


def market_router():
    return InputRouter(
        [
            ("sentiment", StandardScaler(), ["mood", "buzz"]),
            ("fundamental", StandardScaler(), make_column_selector(pattern="^fund_")),
            ("technical", StandardScaler(), make_column_selector(dtype_include="float32")),
        ]
    )


@pytest.fixture(scope="module")
def groups_of_columns():
    frame = market_frame()
    y = frame["mood"] * 3 + 100
    return Fitted(MultiInputRegressor(market_router(), merge="average", **SHORT).fit(frame, y), frame, y)


@pytest.fixture(scope="module")
def images_and_lists():
    rng = np.random.default_rng(0)
    X = {"image": rng.random((20, 8, 8, 3)), "ids": [rng.integers(0, 1000, 5 + i % 15) for i in range(20)]}
    router = InputRouter([("image", ImageDecoder(size=(8, 8)), "image"), ("ids", SequencePadder(length=20), "ids")])
    branches = {"image": ImageBranch(filters=(4,)), "ids": SequenceBranch("lstm", units=4)}
    y = rng.random(20)
    return Fitted(MultiInputRegressor(router, branches=branches, **SHORT).fit(X, y), X, y)


@pytest.fixture(scope="module")
def sensor_files(tmp_path_factory):
    frame, y = write_sensor_files(tmp_path_factory.mktemp("sensors"), 12, 0)
    router = InputRouter([("sensor", SequencePadder(), "sensor_path"), ("location", CategoryIndexer(), ["location"])])
    branches = {"sensor": SequenceBranch("conv", units=8), "location": EmbeddingBranch(4)}
    return Fitted(MultiInputClassifier(router, branches=branches, **SHORT).fit(frame, y), frame, y)


@pytest.fixture(scope="module")
def two_outputs():
    frame, price = make_prices(20, 0, size=(8, 8))
    y = pd.DataFrame({"price": price, "tax": price * 0.01})
    router = InputRouter([("numbers", NumberScaler(), ["area", "age"]), ("city", CategoryIndexer(), "city")])
    return Fitted(MultiInputRegressor(router, **SHORT).fit(frame, y), frame, y)


def five_members():
    frame = pd.DataFrame(
        {
            "location": ["Paris", "Rome", "Oslo", "Paris", "Rome"],
            "membership": ["gold", "free", "gold", "free", "gold"],
            "age": [25, 30, 40, 22, 35],
            "income": [60_000, 75_000, 120_000, 55_000, 90_000],
        }
    )
    return frame, np.array([0, 1, 1, 0, 1])


def members_router():
    return InputRouter(
        [
            ("cat", OneHotEncoder(handle_unknown="ignore"), ["location", "membership"]),
            ("num", StandardScaler(), ["age", "income"]),
        ]
    )


@pytest.fixture(scope="module")
def one_hot_and_scaled():
    X, y = five_members()
    branches = {"cat": DenseBranch((64,)), "num": DenseBranch((32,))}
    return Fitted(MultiInputClassifier(members_router(), branches=branches, head=OUTPUT_ONLY, **SHORT).fit(X, y), X, y)


@pytest.fixture(scope="module")
def text_and_count():
    texts = ["A joy to use", "it was fine", "a dreadful day", "splendid outcome", "not a joy"]
    frame = pd.DataFrame({"review": texts, "count": [10, 2, 1, 15, 5]})
    router = InputRouter(
        [("review", TextVectorizer(max_tokens=100, length=20), "review"), ("count", StandardScaler(), ["count"])]
    )
    branches = {"review": TextBranch("flatten", embedding_dim=16), "count": DenseBranch((32,))}
    y = np.array([1, 0, 0, 1, 0])
    return Fitted(MultiInputClassifier(router, branches=branches, head=OUTPUT_ONLY, **SHORT).fit(frame, y), frame, y)


@pytest.fixture(scope="module")
def png_and_size():
    rng = np.random.default_rng(0)
    photos = [image_bytes(rng.integers(0, 256, (12, 12, 3), dtype="uint8")) for _ in range(5)]
    frame = pd.DataFrame({"photo": photos, "size": [10, 2, 5, 12, 3]})
    router = InputRouter([("photo", ImageDecoder(size=(8, 8)), "photo"), ("size", StandardScaler(), ["size"])])
    branches = {"photo": ImageBranch(filters=(4,), pooling="flatten"), "size": DenseBranch((32,))}
    y = np.array([1, 0, 0, 1, 1])
    return Fitted(MultiInputClassifier(router, branches=branches, head=OUTPUT_ONLY, **SHORT).fit(frame, y), frame, y)


PATTERNS = [name for name in list(globals()) if name.startswith("doc0")]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_trains_to_a_finite_loss(pattern, request):
    estimator, _, _ = request.getfixturevalue(pattern)
    assert np.isfinite(estimator.history_["loss"]).all()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_predicts_a_value_of_the_right_sort_for_each_row(pattern, request):
    estimator, X, y = request.getfixturevalue(pattern)
    predicted = estimator.predict(X)
    assert predicted.shape == y.shape
    assert np.isfinite(predicted).all()
    assert not isinstance(estimator, MultiInputClassifier) or set(predicted) <= set(y)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_pattern_survives_a_pickle_round_trip(pattern, request):
    estimator, X, _ = request.getfixturevalue(pattern)
    twin = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(twin.predict(X), estimator.predict(X))
    np.testing.assert_array_equal(twin.history_["loss"], estimator.history_["loss"])


# arrays, token ids and lengths


def test_image_and_tokens_give_probabilities_of_ten_integer_classes(image_and_token_ids):
    estimator, X, _ = image_and_token_ids
    probabilities = estimator.predict_proba(X)
    assert estimator.classes_.tolist() == list(range(10))
    assert probabilities.shape == (20, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)


def test_text_is_read_by_an_lstm_over_word_vectors(image_and_token_ids):
    estimator = image_and_token_ids.estimator
    assert [layer.units for layer in layers_of(estimator, "text", keras.layers.LSTM)] == [6]
    assert output_kernel(estimator) == (8 + 6, 10)


@pytest.mark.parametrize("container", [tuple, list])
def test_a_tuple_of_arrays_predicts_as_a_list_and_a_dict_do(container, image_and_token_ids):
    estimator, X, _ = image_and_token_ids
    np.testing.assert_array_equal(estimator.predict_proba(container(X.values())), estimator.predict_proba(X))


@pytest.mark.parametrize("container", [tuple, list])
def test_tuple_may_hold_texts_of_one_axis(container):
    image, texts = np.zeros((3, 8, 8, 3), "uint8"), np.array(["a", "b c", "d"], dtype=object)
    router = InputRouter([("image", ImageDecoder(size=(8, 8)), "image"), ("text", TextVectorizer(), "text")])
    assert router.fit_transform(container([image, texts]))["text"].shape == (3, 2)


def test_fit_on_a_tuple_of_arrays_gives_the_network_of_a_dict(two_dense_branches):
    estimator, X, y = two_dense_branches
    twin = MultiInputClassifier(two_widths_router(), branches=estimator.branches, head=OUTPUT_ONLY, **SHORT)
    twin.fit((X["a"], X["b"]), y)
    np.testing.assert_array_equal(twin.predict_proba([X["a"], X["b"]]), estimator.predict_proba(X))


def test_dict_is_matched_by_name_in_any_order(two_dense_branches):
    estimator, X, _ = two_dense_branches
    turned = {"b": X["b"], "a": X["a"]}
    np.testing.assert_array_equal(estimator.predict_proba(turned), estimator.predict_proba(X))


def test_variable_length_is_the_longest_of_fit(variable_and_fixed_length):
    estimator = variable_and_fixed_length.estimator
    assert estimator.router_.specs_["readings"].shape == (13, 1)
    assert estimator.router_.specs_["fixed"].shape == (10, 1)


@pytest.mark.parametrize("length", [2, 40])
def test_predict_keeps_the_length_of_fit(length, variable_and_fixed_length):
    estimator, X, _ = variable_and_fixed_length
    rows = X.iloc[:2].assign(readings=[np.ones(length)] * 2)
    assert estimator.router_.transform(rows)["readings"].shape == (2, 13, 1)
    assert estimator.predict(rows).shape == (2,)


def test_sequences_of_different_lengths_are_padded_once_to_one_length():
    batches = [np.ones((4, 7)), np.ones((4, 9))]
    rows = [row for batch in batches for row in batch]
    array = InputRouter([("ids", SequencePadder(), "ids")]).fit_transform({"ids": rows})["ids"]
    assert array.shape == (8, 9, 1)
    assert np.isnan(array[:4, 7:]).all()
    assert (array[4:] == 1).all()


# how inputs come together


def test_branches_of_64_and_32_meet_one_sigmoid_unit(two_dense_branches):
    estimator = two_dense_branches.estimator
    assert output_kernel(estimator) == (64 + 32, 1)
    assert estimator.model_.layers[-1].activation is keras.activations.sigmoid


def test_equal_widths_share_one_set_of_weights(shared_branch):
    estimator, X, _ = shared_branch
    # A sum of two outputs of one branch cannot tell which input was which.
    swapped = {"a": X["b"], "b": X["a"]}
    np.testing.assert_allclose(estimator.predict_proba(swapped), estimator.predict_proba(X), rtol=1e-5)


def test_two_questions_share_branch_and_vocabulary():
    frame, y = make_questions(20, 0)
    router = InputRouter([("q1", TextVectorizer(length=9), "question1"), ("q2", "q1", "question2")])
    branches = {"q1": TextBranch(embedding_dim=4), "q2": "q1"}
    estimator = MultiInputClassifier(router, branches=branches, merge="add", **SHORT).fit(frame, y)
    swapped = frame.rename(columns={"question1": "question2", "question2": "question1"})
    np.testing.assert_allclose(estimator.predict_proba(swapped), estimator.predict_proba(frame), rtol=1e-5)


def test_interaction_of_64_and_32_keeps_both_and_adds_their_product(interaction):
    assert output_kernel(interaction.estimator) == (64 + 32 + 64, 1)


def test_multiply_of_64_and_32_projects_to_one_width():
    branches = {"a": DenseBranch((64,)), "b": DenseBranch((32,))}
    estimator, X, y = fit_two_widths(branches=branches, merge="multiply", head=OUTPUT_ONLY)
    assert output_kernel(estimator) == (64, 1)
    assert estimator.predict(X).shape == y.shape


@pytest.mark.parametrize("merge", ["maximum", "attention", "gated"])
def test_scenarios_have_a_merge_that_fits_unequal_widths_by_name(merge):
    branches = {"a": DenseBranch((6,)), "b": DenseBranch((4,))}
    estimator, X, _ = fit_two_widths(branches=branches, merge=merge)
    twin = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(twin.predict_proba(X), estimator.predict_proba(X))


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_normalization_keeps_a_large_input_from_dominating(normalization):
    branch = DenseBranch(units=(), normalization=normalization).build(ArraySpec("a", "vector", (6,), "float32"))
    values = np.random.default_rng(0).normal(3e4, 1e4, size=(50, 6)).astype("float32")
    axis = 0 if normalization == "batch" else 1
    output = keras.ops.convert_to_numpy(branch(values, training=True))
    np.testing.assert_allclose(output.mean(axis=axis), 0, atol=1e-3)
    np.testing.assert_allclose(output.std(axis=axis), 1, atol=1e-3)


@pytest.mark.filterwarnings("ignore::skmulti.MissingValuesWarning")
def test_input_dropout_lets_the_network_predict_without_one_input(input_dropout):
    estimator, X, _ = input_dropout
    without = {**X, "a": np.full_like(X["a"], np.nan)}
    assert np.isfinite(estimator.predict_proba(without)).all()
    assert (estimator.predict_proba(without) != estimator.predict_proba(X)).any()


def test_input_dropout_is_off_in_predict(input_dropout):
    estimator, X, _ = input_dropout
    np.testing.assert_array_equal(estimator.predict_proba(X), estimator.predict_proba(X))


def test_subclassed_model_is_trained_as_the_whole_network(subclassed_model):
    estimator = subclassed_model.estimator
    assert [type(layer) for layer in estimator.model_.layers if isinstance(layer, keras.Model)] == [TwoDense]


# images, sequences and groups of columns


def test_numeric_branch_has_the_layers_of_its_units(numbers_and_image):
    estimator = numbers_and_image.estimator
    assert [layer.units for layer in layers_of(estimator, "numbers", keras.layers.Dense)] == [64, 32]


def test_image_branch_has_the_convolutions_of_its_filters(numbers_and_image):
    estimator = numbers_and_image.estimator
    assert [layer.filters for layer in layers_of(estimator, "photo", keras.layers.Conv2D)] == [32, 64]
    assert [layer.units for layer in layers_of(estimator, "photo", keras.layers.Dense)] == [32]


def test_image_weights_do_not_grow_with_the_image_by_default():
    small, large = (
        ImageBranch(filters=(32, 64), units=32).build(ArraySpec("photo", "image", shape, "uint8")).count_params()
        for shape in ((8, 8, 3), (100, 100, 3))
    )
    # Two 3 x 3 convolutions (3 to 32 to 64 channels) and a dense layer from 64 averages and 64 maxima to 32.
    assert small == large == (9 * 3 * 32 + 32) + (9 * 32 * 64 + 64) + (2 * 64 * 32 + 32)


def test_network_inputs_have_the_names_of_the_router(numbers_and_image):
    estimator = numbers_and_image.estimator
    assert {tensor.name for tensor in estimator.model_.inputs} == {"numbers", "photo"}
    assert list(estimator.router_.specs_) == ["numbers", "photo"]


def test_two_sequences_have_lengths_widths_and_lstms_of_their_own(two_sequences):
    estimator = two_sequences.estimator
    assert [spec.shape for spec in estimator.router_.specs_.values()] == [(10, 5), (15, 3)]
    assert output_kernel(estimator) == (32 + 64, 1)


def test_block_of_columns_gives_the_steps_of_arrays_in_cells(two_sequences):
    estimator, X, _ = two_sequences
    first, second = draw_two_sequences()
    names = [f"first_{i}" for i in range(50)] + [f"second_{i}" for i in range(45)]
    block = pd.DataFrame(np.hstack([first.reshape(16, 50), second.reshape(16, 45)]), columns=names)
    router = InputRouter(
        [
            ("first", SequencePadder(shape=(10, 5)), make_column_selector(pattern="^first_")),
            ("second", SequencePadder(shape=(15, 3)), make_column_selector(pattern="^second_")),
        ]
    )
    arrays, cells = router.fit_transform(block), estimator.router_.transform(X)
    for name in ("first", "second"):
        np.testing.assert_array_equal(arrays[name], cells[name])


def test_list_of_three_dimensional_arrays_gives_their_steps():
    arrays = list(draw_two_sequences())
    router = InputRouter([("first", SequencePadder(), "first"), ("second", SequencePadder(), "second")])
    encoded = router.fit_transform(arrays)
    np.testing.assert_array_equal(encoded["first"], arrays[0].astype("float32"))
    np.testing.assert_array_equal(encoded["second"], arrays[1].astype("float32"))


@pytest.mark.parametrize("merge", ["add", "average"])
def test_sum_and_average_of_branches_have_one_branch_width(merge):
    branches = {"a": DenseBranch((6,)), "b": DenseBranch((6,))}
    estimator, X, y = fit_two_widths(branches=branches, merge=merge, head=OUTPUT_ONLY)
    assert output_kernel(estimator) == (6, 1)
    assert estimator.predict(X).shape == y.shape


def test_multiply_is_a_keras_layer_that_is_saved_without_code(multiply):
    config = multiply.estimator.model_.get_config()
    kinds = {layer["class_name"] for layer in config["layers"]}
    assert "Multiply" in kinds
    assert "Lambda" not in kinds


def test_groups_of_columns_are_named_by_list_pattern_and_dtype(groups_of_columns):
    plan = groups_of_columns.estimator.router_.plan_
    assert plan.groupby("input", sort=False)["column"].apply(list).to_dict() == {
        "sentiment": ["mood", "buzz"],
        "fundamental": ["fund_sales", "fund_debt"],
        "technical": ["ma_5", "ma_20"],
    }


def test_group_of_columns_holds_the_values_of_scikit_learn(groups_of_columns):
    estimator, X, _ = groups_of_columns
    expected = StandardScaler().fit_transform(X[["fund_sales", "fund_debt"]])
    np.testing.assert_allclose(estimator.router_.transform(X)["fundamental"], expected, rtol=1e-5)


# files and lists


def test_list_of_arrays_is_padded_to_the_given_length(images_and_lists):
    estimator, X, _ = images_and_lists
    encoded = estimator.router_.transform(X)["ids"]
    assert encoded.shape == (20, 20, 1)
    np.testing.assert_array_equal(encoded[3, : len(X["ids"][3]), 0], X["ids"][3])


def test_sensor_files_are_steps_and_their_location_an_int32_id_of_one_column(sensor_files):
    estimator, X, _ = sensor_files
    arrays = estimator.router_.transform(X)
    assert arrays["location"].dtype == np.int32
    assert arrays["location"].shape == (12, 1)
    np.testing.assert_array_equal(arrays["sensor"][5], np.load(X["sensor_path"][5], allow_pickle=False))


def test_locations_are_numbered_from_two_in_sorted_order(sensor_files):
    estimator, X, _ = sensor_files
    ids = {"attic": 2, "cellar": 3, "kitchen": 4}
    expected = [[ids[location]] for location in X["location"]]
    assert estimator.router_.transform(X)["location"].tolist() == expected


def test_rows_in_another_order_give_predictions_in_that_order(sensor_files):
    estimator, X, _ = sensor_files
    order = [7, 2, 11, 0]
    expected = estimator.predict_proba(X)[order]
    np.testing.assert_allclose(estimator.predict_proba(X.iloc[order]), expected, rtol=1e-5)


def test_frame_of_targets_trains_several_outputs(two_outputs):
    estimator, X, y = two_outputs
    predicted = estimator.predict(X)
    assert predicted.shape == (20, 2)
    # Predictions come in each target's own unit, a factor of 100 apart.
    np.testing.assert_allclose(predicted.mean(axis=0), y.mean(), rtol=0.5)


# one table


def test_one_hot_and_scaled_columns_fit_five_rows(one_hot_and_scaled):
    estimator, X, _ = one_hot_and_scaled
    arrays = estimator.router_.transform(X)
    one_hot = OneHotEncoder(sparse_output=False).fit_transform(X[["location", "membership"]])
    np.testing.assert_array_equal(arrays["cat"], one_hot)
    np.testing.assert_allclose(arrays["num"], StandardScaler().fit_transform(X[["age", "income"]]), rtol=1e-5)
    assert output_kernel(estimator) == (64 + 32, 1)


def test_text_of_length_20_is_flattened_beside_the_scaled_count(text_and_count):
    estimator = text_and_count.estimator
    spec = estimator.router_.specs_["review"]
    assert spec.shape == (20,)
    assert spec.vocabulary_sizes[0] <= 100
    assert output_kernel(estimator) == (20 * 16 + 32, 1)


def test_token_ids_are_those_of_keras_text_vectorization(text_and_count):
    estimator, X, _ = text_and_count
    layer = keras.layers.TextVectorization(max_tokens=100, output_sequence_length=20)
    texts = np.array(X["review"].tolist(), dtype=object)
    layer.adapt(texts)
    np.testing.assert_array_equal(estimator.router_.transform(X)["review"], keras.ops.convert_to_numpy(layer(texts)))


def test_vocabulary_travels_with_the_pickle(text_and_count):
    estimator = text_and_count.estimator
    twin = pickle.loads(pickle.dumps(estimator))
    assert twin.router_.encoders_["review"].vocabulary_ == estimator.router_.encoders_["review"].vocabulary_


def test_png_bytes_are_decoded_and_resized_to_uint8_pixels(png_and_size):
    estimator, X, _ = png_and_size
    pixels = estimator.router_.transform(X)["photo"]
    assert pixels.shape == (5, 8, 8, 3)
    assert pixels.dtype == np.uint8
    assert output_kernel(estimator) == (4 * 4 * 4 + 32, 1)


def test_image_of_the_right_size_keeps_its_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype="uint8")
    router = InputRouter([("photo", ImageDecoder(size=(8, 8)), "photo")])
    frame = pd.DataFrame({"photo": [image_bytes(pixels)]})
    np.testing.assert_array_equal(router.fit_transform(frame)["photo"][0], pixels)


def test_one_row_is_predicted_as_it_is_among_others(one_hot_and_scaled):
    estimator, X, _ = one_hot_and_scaled
    np.testing.assert_allclose(estimator.predict_proba(X.iloc[[2]]), estimator.predict_proba(X)[[2]], rtol=1e-5)


def test_one_test_row_is_scored(one_hot_and_scaled):
    estimator, X, y = one_hot_and_scaled
    assert estimator.score(X.iloc[[2]], y[[2]]) == float(estimator.predict(X)[2] == y[2])


@pytest.mark.parametrize("normalization", [None, "batch"])
def test_batch_of_one_row_trains(normalization):
    X, y = five_members()
    branches = {"num": DenseBranch((4,), normalization=normalization)}
    estimator = MultiInputClassifier(members_router(), branches=branches, batch_size=1, **SHORT).fit(X, y)
    assert np.isfinite(estimator.predict_proba(X)).all()


def test_fit_on_one_row_predicts_its_label():
    X, y = five_members()
    estimator = MultiInputClassifier(members_router(), **SHORT).fit(X.iloc[[1]], y[[1]])
    assert estimator.predict(X).tolist() == [1] * 5
