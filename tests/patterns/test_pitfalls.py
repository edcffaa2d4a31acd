"""Pitfalls of multi-input models: each is refused with its place, or is shown not to exist in skmulti.

The patterns that work are in `test_multi_input_patterns.py`.
"""

import io
import warnings

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.compose import make_column_selector
from sklearn.model_selection import KFold, cross_validate
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmulti import (
    ArraySpec,
    BranchMismatchError,
    CategoryIndexer,
    DenseBranch,
    DenseHead,
    ImageBranch,
    ImageDecoder,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NetworkSizeWarning,
    NumberScaler,
    SequencePadder,
    TextBranch,
    TextVectorizer,
)
from skmulti.datasets import make_prices, write_sensor_files

# A step that Python runs is slower than a compiled one, but not the first.
SHORT = {"epochs": 1, "random_state": 0, "compile__run_eagerly": True}


@keras.saving.register_keras_serializable(package="pitfalls")
class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs


class Unregistered(Doubled):
    """A layer that Keras could not find again when it loads a network."""


def double(tensor):
    return Doubled()(tensor)


def lambda_product(tensors):
    return keras.layers.Lambda(lambda pair: pair[0] * pair[1])(list(tensors.values()))


def lambda_double(tensor):
    return keras.layers.Lambda(lambda values: 2 * values)(tensor)


def lambda_network(inputs, target):
    return keras.layers.Dense(target.width, activation=target.activation)(lambda_double(inputs["a"]))


def two_widths(n=20):
    rng = np.random.default_rng(1)
    return {"a": rng.normal(size=(n, 10)), "b": rng.normal(size=(n, 5))}, np.arange(n) % 2


def two_widths_router(encoder="passthrough"):
    return InputRouter([("a", encoder, slice(None)), ("b", encoder, slice(None))])


def two_widths_classifier(**params):
    return MultiInputClassifier(two_widths_router(), **SHORT, **params)


@pytest.fixture(scope="module")
def fitted_on_arrays():
    return two_widths_classifier().fit(*two_widths())


def image_bytes(pixels, file_format="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, file_format)
    return file.getvalue()


def photo_router():
    return InputRouter([("photo", ImageDecoder(size=(8, 8)), "photo")])


def members(n=20):
    """Return a frame whose every row has a number, a city and a word that no other row has."""
    frame = pd.DataFrame({"age": np.arange(n) ** 2.0, "city": [f"city{i}" for i in range(n)]})
    frame["review"] = [f"common word{chr(97 + i)}" for i in range(n)]
    return frame, np.arange(n) % 2


def members_router():
    return InputRouter(
        [
            ("money", StandardScaler(), ["age"]),
            ("place", OneHotEncoder(handle_unknown="ignore"), ["city"]),
            ("review", TextVectorizer(length=4), "review"),
        ]
    )


@pytest.fixture(scope="module")
def fitted_on_members():
    frame, y = members()
    return MultiInputClassifier(members_router(), head=DenseHead(()), **SHORT).fit(frame, y)


@pytest.fixture(scope="module")
def folds():
    """Return (estimator, training positions) of each fold of a cross-validation."""
    frame, y = members(12)
    classifier = MultiInputClassifier(members_router(), **SHORT)
    scores = cross_validate(classifier, frame, y, cv=KFold(2), return_estimator=True, return_indices=True)
    return list(zip(scores["estimator"], scores["indices"]["train"], strict=True))


@pytest.fixture(scope="module")
def sensors(tmp_path_factory):
    frame, y = write_sensor_files(tmp_path_factory.mktemp("sensors"), 8, 0)
    return frame.set_axis([f"room{i}" for i in range(8)]), y


def sensor_router():
    return InputRouter([("sensor", SequencePadder(), "sensor_path"), ("location", CategoryIndexer(), ["location"])])


# arrays that do not fit, ids and padding


def test_one_array_for_two_inputs_is_refused_at_fit():
    X, y = two_widths()
    with pytest.raises(InputMismatchError, match=r"list of 1 array, the router has 2 inputs: 'a' and 'b'"):
        two_widths_classifier().fit([np.hstack([X["a"], X["b"]])], y)


def test_one_array_for_two_inputs_is_refused_at_predict_with_both_widths(fitted_on_arrays):
    X, _ = two_widths()
    with pytest.raises(InputMismatchError, match=r"(?s)15.*10.*5"):
        fitted_on_arrays.predict(np.hstack([X["a"], X["b"]]))


@pytest.mark.parametrize("encoder", ["passthrough", StandardScaler(), NumberScaler()], ids=["none", "sklearn", "own"])
def test_tuple_in_another_order_is_refused_with_found_and_expected_width(encoder):
    X, _ = two_widths()
    router = two_widths_router(encoder).fit(X)
    with pytest.raises(InputMismatchError, match=r"Input 'a'.*\b5\b.*\b10\b"):
        router.transform((X["b"], X["a"]))


@pytest.mark.parametrize("container", [tuple, list])
def test_number_of_arrays_must_equal_the_number_of_inputs(container, fitted_on_arrays):
    X, _ = two_widths()
    expected = rf"{container.__name__} of 3 arrays, the router has 2 inputs: 'a' and 'b'.*one array for each input"
    with pytest.raises(InputMismatchError, match=expected):
        fitted_on_arrays.predict(container([X["a"], X["b"], X["b"]]))


def test_array_of_an_input_that_is_left_out_is_named(fitted_on_arrays):
    X, _ = two_widths()
    with pytest.raises(InputMismatchError, match=r"Input 'b' has no array"):
        fitted_on_arrays.predict({"a": X["a"]})


def test_branch_of_no_input_is_refused_with_the_closest_match():
    with pytest.raises(ValueError, match=r"'image', which is no input; the inputs are 'a' and 'b'"):
        two_widths_classifier(branches={"image": DenseBranch()}).fit(*two_widths())


def test_arrays_of_unequal_numbers_of_rows_are_refused():
    X, y = two_widths()
    with pytest.raises(InputMismatchError, match=r"inconsistent numbers of samples: 'a' has 3 rows, 'b' has 20"):
        two_widths_classifier().fit({"a": X["a"][:3], "b": X["b"]}, y)


def batched(array, size=5):
    return [array[i : i + size] for i in range(0, len(array), size)]


def test_list_of_batches_is_refused_with_the_way_to_one_array():
    X, y = two_widths()
    with pytest.raises(InputMismatchError, match=r"Input 'a': .*list of 4 arrays of 5 rows.*y has 20.*concatenate"):
        two_widths_classifier().fit({name: batched(array) for name, array in X.items()}, y)


def test_list_of_lists_of_batches_is_refused_with_the_input():
    X, y = two_widths()
    with pytest.raises(InputMismatchError, match=r"Input 'a': .*list of 4 arrays of 5 rows"):
        two_widths_classifier().fit([batched(X["a"]), batched(X["b"])], y)


def test_list_of_lists_of_cells_is_taken_by_order_where_fit_took_a_dict():
    X = {"steps": [[1, 2], [3], [4]], "text": ["a", "b c", "d"]}
    router = InputRouter([("steps", SequencePadder(), "steps"), ("text", TextVectorizer(), "text")]).fit(X)
    assert router.transform(list(X.values()))["text"].tolist() == router.transform(X)["text"].tolist()


def test_batches_padded_to_unequal_lengths_are_not_told_to_be_concatenated():
    ids = [np.ones((5, width)) for width in (7, 9, 8, 9)]
    router = InputRouter([("ids", SequencePadder(), "ids")])
    with pytest.raises(InputMismatchError) as error:
        MultiInputClassifier(router, **SHORT).fit({"ids": ids}, np.arange(20) % 2)
    assert "np.concatenate(arrays)" not in str(error.value)


def test_learned_words_have_ids_from_two_since_zero_is_padding_and_one_unknown(fitted_on_members):
    frame, _ = members()
    ids = fitted_on_members.router_.transform(frame.iloc[:1].assign(review="common marzipan"))["review"]
    assert ids.tolist() == [[2, 1, 0, 0]]


@pytest.mark.parametrize("architecture", ["lstm", "gru", "pool", "conv", "attention"])
def test_padding_ids_have_no_influence_on_a_text(architecture):
    branch = TextBranch(architecture, embedding_dim=3, units=4)
    ids = np.array([[5, 2, 3, 0], [4, 0, 0, 0]], dtype="int32")
    short, long = (
        branch.build(ArraySpec("text", "text", (length,), "int32", vocabulary_sizes=(6,))) for length in (4, 9)
    )
    long.set_weights(short.get_weights())
    padded = np.pad(ids, ((0, 0), (0, 5)))
    np.testing.assert_allclose(long(padded), short(ids), atol=1e-6)


# branches and merges that do not fit


def test_inputs_of_unequal_width_cannot_share_a_branch():
    expected = r"inputs 'a' \(.*\(10,\).*\) and 'b' \(.*\(5,\).*\) cannot share a branch: .*branch each"
    with pytest.raises(BranchMismatchError, match=expected):
        two_widths_classifier(branches={"b": "a"}).fit(*two_widths())


def test_categories_and_numbers_are_not_mixed_into_one_array_unasked():
    frame, y = make_prices(20, 0, size=(8, 8))
    router = InputRouter([("all", NumberScaler(), ["area", "city"])])
    with pytest.raises(InputMismatchError, match=r"column 'city': 20 of 20 cells are not numbers.*CategoryIndexer"):
        MultiInputRegressor(router, **SHORT).fit(frame, y)


def test_branch_of_another_kind_is_refused_with_what_the_input_holds():
    expected = r"Input 'a'.*TextBranch reads text arrays, .* gives a vector array"
    with pytest.raises(BranchMismatchError, match=expected):
        two_widths_classifier(branches={"a": TextBranch()}).fit(*two_widths())


def test_unknown_merge_is_refused_with_the_closest_match():
    with pytest.raises(ValueError, match=r"no merge 'averge'.*Did you mean 'average'"):
        two_widths_classifier(merge="averge").fit(*two_widths())


def test_ready_made_model_is_refused_with_the_form_that_works(fitted_on_arrays):
    with pytest.raises(TypeError, match=r"callable f\(inputs, target\) -> output tensor, got a keras.Model"):
        two_widths_classifier(model=fitted_on_arrays.model_).fit(*two_widths())


def keras_network():
    return keras.Sequential([keras.Input((10,)), keras.layers.Dense(1, activation="sigmoid")])


def test_network_called_in_model_as_the_message_advises_is_not_trained_in_place():
    network = keras_network()
    before = network.get_weights()
    classifier = two_widths_classifier(model=lambda inputs, target: keras.models.clone_model(network)(inputs["a"]))
    classifier.fit(*two_widths())
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_network_given_as_a_branch_is_not_trained_in_place():
    network = keras_network()
    before = network.get_weights()
    two_widths_classifier(branches={"a": network}).fit(*two_widths())
    for old, new in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


# large layers, layers that cannot be loaded


@pytest.mark.parametrize(("filters", "side"), [((32,), 100), ((32, 64), 256)])
def test_flatten_of_a_large_image_warns_of_its_weights(filters, side):
    branch = ImageBranch(filters=filters, pooling="flatten", units=64)
    with pytest.warns(NetworkSizeWarning, match=r"Input 'photo'.*weights.*pooling='average' or a smaller image size"):
        branch.build(ArraySpec("photo", "image", (side, side, 3), "uint8"))


def test_default_pooling_of_a_large_image_does_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error", NetworkSizeWarning)
        ImageBranch(filters=(32, 64), units=64).build(ArraySpec("photo", "image", (256, 256, 3), "uint8"))


@pytest.mark.parametrize(
    "part",
    [{"merge": lambda_product}, {"branches": {"a": lambda_double}}, {"model": lambda_network}],
    ids=["merge", "branch", "model"],
)
def test_lambda_layer_is_refused_at_fit(part):
    branches = {"a": DenseBranch((4,)), "b": DenseBranch((4,))}
    with pytest.raises(BranchMismatchError, match=r"is a Lambda, .*cannot be loaded safely.*keras.layers.Multiply"):
        two_widths_classifier(**{"branches": branches, **part}).fit(*two_widths())


def test_lambda_layer_given_as_a_branch_is_refused_in_the_same_words():
    layer = keras.layers.Lambda(lambda values: 2 * values)
    with pytest.raises(BranchMismatchError, match=r"is a Lambda, .*cannot be loaded safely"):
        two_widths_classifier(branches={"a": layer}).fit(*two_widths())


def test_layer_that_keras_could_not_load_again_is_refused_at_fit():
    with pytest.raises(BranchMismatchError, match=r"is a Unregistered, .*register_keras_serializable"):
        two_widths_classifier(branches={"a": Unregistered()}).fit(*two_widths())


def test_registered_layer_in_a_callable_branch_fits():
    X, y = two_widths()
    assert two_widths_classifier(branches={"a": double}).fit(X, y).predict(X).shape == (20,)


def test_block_of_columns_of_another_size_is_refused_with_both_sizes():
    block = pd.DataFrame(np.zeros((4, 50)), columns=[f"step_{i}" for i in range(50)])
    router = InputRouter([("trace", SequencePadder(shape=(10, 4)), make_column_selector(pattern="^step_"))])
    with pytest.raises(InputMismatchError, match=r"Input 'trace'.*needs 40 columns \(10 steps of 4 features\), got 50"):
        router.fit(block)


def test_sequences_of_another_width_are_refused_with_the_row():
    cells = [np.zeros((10, 5)), np.zeros((10, 3))]
    router = InputRouter([("trace", SequencePadder(), "trace")])
    with pytest.raises(InputMismatchError, match=r"Input 'trace'.*not have 5 numbers a step, .*row label 'second'"):
        router.fit(pd.DataFrame({"trace": cells}, index=["first", "second"]))


# files, ids and code in cells


def test_words_beyond_the_vocabulary_have_the_unknown_id(fitted_on_members):
    frame, _ = members()
    rows = frame.iloc[:2].assign(review=["1000 1001", "zebra"])
    assert fitted_on_members.router_.transform(rows)["review"].tolist() == [[1, 1, 0, 0], [1, 0, 0, 0]]
    assert fitted_on_members.predict(rows).shape == (2,)


def test_location_that_fit_did_not_see_has_id_one(sensors):
    frame, y = sensors
    router = sensor_router().fit(frame, y)
    assert router.transform(frame.iloc[:2].assign(location="roof"))["location"].tolist() == [[1], [1]]


@pytest.mark.filterwarnings("ignore::skmulti.MissingValuesWarning")
def test_ids_are_never_negative_for_unknown_and_missing_locations(sensors):
    frame, y = sensors
    router = sensor_router().fit(frame, y)
    ids = router.transform(frame.iloc[:3].assign(location=["roof", None, frame["location"].iloc[0]]))["location"]
    assert ids[:2].tolist() == [[1], [0]]
    assert 2 <= ids[2, 0] < router.specs_["location"].vocabulary_sizes[0]


def test_file_of_pickled_objects_is_refused_with_the_row(sensors, tmp_path):
    frame, y = sensors
    path = tmp_path / "objects.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    frame = frame.assign(sensor_path=[str(path), *frame["sensor_path"].iloc[1:]])
    with pytest.raises(InputMismatchError, match=r"Input 'sensor'.*row label 'room0'.*objects.npy'.*need pickle"):
        sensor_router().fit(frame, y)


def test_text_of_a_cell_is_never_run(sensors, tmp_path):
    frame, y = sensors
    code = f"__import__('pathlib').Path({str(tmp_path / 'ran')!r}).touch()"
    with pytest.raises(InputMismatchError, match=r"Input 'sensor'.*8 of 8 cells are not sequences.*'room0'"):
        sensor_router().fit(frame.assign(sensor_path=code), y)
    assert not (tmp_path / "ran").exists()


def test_absent_file_is_named_with_its_row(sensors, tmp_path):
    frame, y = sensors
    paths = [*frame["sensor_path"].iloc[:7], str(tmp_path / "sensor_99.npy")]
    with pytest.raises(InputMismatchError, match=r"row label 'room7': .*sensor_99.npy' \(file not found\)"):
        sensor_router().fit(frame.assign(sensor_path=paths), y)


def test_dict_of_targets_is_refused_with_the_form_that_works():
    frame, price = make_prices(20, 0, size=(8, 8))
    router = InputRouter([("numbers", NumberScaler(), ["area", "age"])])
    with pytest.raises(ValueError, match=r"y is a dict .*DataFrame"):
        MultiInputRegressor(router, **SHORT).fit(frame, {"price": price, "tax": price})


# leaks, splits and rows of one table


def test_mean_of_a_fold_is_that_of_its_training_rows(folds):
    frame, _ = members(12)
    for estimator, rows in folds:
        np.testing.assert_allclose(estimator.router_.encoders_["money"].mean_, frame["age"].iloc[rows].mean())


def test_categories_of_a_fold_are_those_of_its_training_rows(folds):
    frame, _ = members(12)
    for estimator, rows in folds:
        assert set(estimator.router_.encoders_["place"].categories_[0]) == set(frame["city"].iloc[rows])


def test_vocabulary_of_a_fold_has_the_words_of_its_training_rows(folds):
    frame, _ = members(12)
    for estimator, rows in folds:
        words = {word for text in frame["review"].iloc[rows] for word in text.split()}
        assert set(estimator.router_.encoders_["review"].vocabulary_) == {"", "[UNK]", *words}


def test_rows_given_to_validate_teach_the_encoders_nothing():
    frame, y = members()
    classifier = MultiInputClassifier(members_router(), **SHORT)
    classifier.fit(frame, y, X_val=frame.assign(age=1e6, city="elsewhere", review="other"), y_val=y)
    encoders = classifier.router_.encoders_
    np.testing.assert_allclose(encoders["money"].mean_, frame["age"].mean())
    assert "elsewhere" not in encoders["place"].categories_[0]
    assert "other" not in encoders["review"].vocabulary_


def test_held_out_rows_teach_the_encoders_nothing_and_show_every_class():
    frame, y = members()
    # The mean of the training rows tells how many of each class the draw left there.
    router = InputRouter([("label", StandardScaler(), ["label"])])
    classifier = MultiInputClassifier(router, early_stopping=True, validation_fraction=0.2, **SHORT)
    scaler = classifier.fit(frame.assign(label=y.astype(float)), y).router_.encoders_["label"]
    assert scaler.n_samples_seen_ == 16
    assert scaler.mean_[0] == 0.5


def test_held_out_rows_are_the_same_for_the_same_seed_only():
    frame, y = members()
    router = InputRouter([("money", StandardScaler(), ["age"])])
    means = []
    for seed in (0, 0, 1):
        classifier = MultiInputClassifier(router, early_stopping=True, validation_fraction=0.2, epochs=1)
        means.append(classifier.set_params(random_state=seed).fit(frame, y).router_.encoders_["money"].mean_[0])
    assert means[0] == means[1] != means[2]


def test_unknown_category_is_a_row_of_zeros(fitted_on_members):
    frame, _ = members()
    encoded = fitted_on_members.router_.transform(frame.iloc[:1].assign(city="elsewhere"))["place"]
    assert encoded.shape == (1, 20)
    assert not encoded.any()


def test_few_rows_have_the_one_hot_columns_of_training(fitted_on_members):
    frame, _ = members()
    encoded = fitted_on_members.router_.transform(frame)["place"]
    np.testing.assert_array_equal(fitted_on_members.router_.transform(frame.iloc[[4]])["place"], encoded[[4]])


def test_column_added_in_front_changes_nothing(fitted_on_members):
    frame, _ = members()
    wider = frame.copy()
    wider.insert(0, "new", 7)
    np.testing.assert_array_equal(fitted_on_members.predict_proba(wider), fitted_on_members.predict_proba(frame))


def test_order_of_columns_changes_nothing(fitted_on_members):
    frame, _ = members()
    turned = frame[frame.columns[::-1]]
    np.testing.assert_array_equal(fitted_on_members.predict_proba(turned), fitted_on_members.predict_proba(frame))


def test_missing_column_is_named_with_the_closest_match(fitted_on_members):
    frame, _ = members()
    with pytest.raises(InputMismatchError, match=r"Input 'place' wants column 'city'.*Did you mean 'City'"):
        fitted_on_members.predict(frame.rename(columns={"city": "City"}))


@pytest.mark.parametrize(
    "rows", [np.array([3, 0, 7]), np.arange(20) % 3 == 0, slice(2, 9)], ids=["ids", "mask", "slice"]
)
def test_encoded_text_is_numpy_and_can_be_indexed(rows, fitted_on_members):
    frame, _ = members()
    router = fitted_on_members.router_
    encoded = router.transform(frame)["review"]
    assert type(encoded) is np.ndarray
    np.testing.assert_array_equal(encoded[rows], router.transform(frame.iloc[rows])["review"])


def test_filtered_frame_fits_by_position():
    frame, y = members()
    labels = pd.Series(y, index=frame.index)
    kept = frame[frame["age"] > 30]
    classifier = MultiInputClassifier(InputRouter([("money", StandardScaler(), ["age"])]), **SHORT)
    filtered = classifier.fit(kept, labels[kept.index]).predict_proba(frame)
    renumbered = classifier.fit(kept.reset_index(drop=True), labels[kept.index].to_numpy()).predict_proba(frame)
    np.testing.assert_array_equal(filtered, renumbered)


def test_filtered_frame_is_predicted_by_position(fitted_on_members):
    frame, _ = members()
    expected = fitted_on_members.predict_proba(frame)
    chosen = frame.iloc[[9, 1, 1, 4]].set_axis(["x", "y", "y", "x"])
    np.testing.assert_allclose(fitted_on_members.predict_proba(chosen), expected[[9, 1, 1, 4]], rtol=1e-5)


def test_error_in_a_filtered_frame_names_the_row_label_not_the_position(fitted_on_members):
    frame, _ = members()
    rows = frame[frame["age"] > 30].astype({"review": object})
    rows.loc[11, "review"] = 5
    with pytest.raises(InputMismatchError, match=r"Input 'review'.*first at row label 11: 5 \(type int\)"):
        fitted_on_members.predict(rows)


@pytest.mark.parametrize("cell", [b"no image", b"", b"\x89PNG\r\n\x1a\n broken"])
def test_bytes_that_are_no_image_are_refused_with_the_row(cell):
    good = image_bytes(np.zeros((8, 8, 3), "uint8"))
    frame = pd.DataFrame({"photo": [good, cell]}, index=["fine", "spoilt"])
    expected = r"Input 'photo' \(column 'photo'\).*1 of 2 images cannot be read, first at row label 'spoilt'.*on_error"
    with pytest.raises(InputMismatchError, match=expected):
        photo_router().fit_transform(frame)


def test_grey_png_has_three_equal_channels():
    grey = np.random.default_rng(0).integers(0, 256, (8, 8), dtype="uint8")
    decoded = photo_router().fit_transform(pd.DataFrame({"photo": [image_bytes(grey)]}))["photo"][0]
    np.testing.assert_array_equal(decoded, np.stack([grey] * 3, axis=-1))


@pytest.mark.parametrize("file_format", ["JPEG", "GIF", "BMP", "WEBP"])
def test_other_formats_are_known_by_their_bytes(file_format):
    frame = pd.DataFrame({"photo": [image_bytes(np.full((8, 8, 3), 90, "uint8"), file_format)]})
    decoded = photo_router().fit_transform(frame)["photo"][0]
    np.testing.assert_allclose(decoded, 90, atol=2)


def test_pixels_are_rescaled_inside_the_network():
    branch = ImageBranch(filters=(), pooling="average").build(ArraySpec("photo", "image", (8, 8, 3), "uint8"))
    output = branch(np.full((1, 8, 8, 3), [0, 51, 255], "uint8"))
    np.testing.assert_allclose(output, [[0, 0.2, 1]], atol=1e-6)


def test_pixels_take_one_byte_each_until_the_network():
    frame = pd.DataFrame({"photo": [image_bytes(np.zeros((20, 30, 3), "uint8"))] * 4})
    assert photo_router().fit_transform(frame)["photo"].nbytes == 4 * 8 * 8 * 3


def test_fold_of_a_single_class_predicts_that_class():
    frame, _ = members(6)
    classifier = MultiInputClassifier(InputRouter([("money", StandardScaler(), ["age"])]), **SHORT)
    y = [0, 0, 0, 1, 1, 1]
    scores = cross_validate(classifier, frame, y, cv=KFold(2), error_score="raise", return_estimator=True)
    assert [estimator.classes_.tolist() for estimator in scores["estimator"]] == [[1], [0]]
    assert scores["test_score"].tolist() == [0, 0]


def test_fit_on_a_single_class_warns_of_nothing_about_the_network_within():
    frame, _ = members(6)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        classifier = MultiInputClassifier(InputRouter([("money", StandardScaler(), ["age"])]), **SHORT)
        classifier.fit(frame, np.ones(6)).predict(frame)


def test_five_rows_with_early_stopping_fit_without_a_hold_out():
    frame, y = members(5)
    classifier = MultiInputClassifier(members_router(), early_stopping=True, **SHORT).fit(frame, y)
    assert "val_loss" not in classifier.history_
