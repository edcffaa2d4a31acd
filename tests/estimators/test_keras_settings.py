"""Global settings of Keras, TensorFlow and Python's warnings change no result."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from skmulti import (
    ArraySpec,
    DenseHead,
    ImageBranch,
    MultiInputClassifier,
    MultiInputRegressor,
    SequenceBranch,
    TextBranch,
)

RNG = np.random.default_rng(0)
N = 60
X = RNG.normal(size=N)
Y = (X > 0).astype(int)
WORDS = ["the", "a", "good", "bad", "film", "plot", "actor", "very", "nice"]
COLUMNS = {
    "number": X,
    "missing": np.where(RNG.random(N) < 0.2, np.nan, X),
    "category": pd.Categorical(RNG.choice(list("abc"), N)),
    "text": [" ".join(RNG.choice(WORDS, 6)) for _ in range(N)],
    "sequence": [list(RNG.normal(size=k)) for k in RNG.integers(2, 9, N)],
    "date": pd.date_range("2020", periods=N, freq="7h"),
    "image": [RNG.integers(0, 255, (14, 14, 3), dtype="uint8") for _ in range(N)],
}


def make(**params):
    return MultiInputClassifier(**{"head": DenseHead(units=(4,)), "epochs": 1, "random_state": 0, **params})


def probabilities(column, **params):
    frame = pd.DataFrame({"x": X, column: COLUMNS[column]})
    return make(**params).fit(frame, Y).predict_proba(frame)


@pytest.fixture
def channels_first():
    keras.config.set_image_data_format("channels_first")
    yield
    keras.config.set_image_data_format("channels_last")


BRANCHES = {
    "conv": (SequenceBranch("conv"), ArraySpec("s", "sequence", (6, 3), "float32")),
    "flatten": (SequenceBranch("flatten"), ArraySpec("s", "sequence", (6, 3), "float32")),
    "attention": (SequenceBranch("attention"), ArraySpec("s", "sequence", (6, 3), "float32")),
    "text": (TextBranch("conv"), ArraySpec("s", "text", (6,), "int32", (9,))),
    "words": (TextBranch("flatten"), ArraySpec("s", "text", (6,), "int32", (9,))),
    "average": (ImageBranch((4,)), ArraySpec("s", "image", (12, 10, 3), "uint8")),
    "pixels": (ImageBranch((4,), pooling="flatten"), ArraySpec("s", "image", (12, 10, 3), "uint8")),
    "both": (ImageBranch((4,), pooling="both", augment=True), ArraySpec("s", "image", (12, 10, 3), "uint8")),
}


class TestChannelsFirst:
    @pytest.mark.parametrize("name", BRANCHES)
    def test_a_branch_is_the_same(self, name, channels_first):
        branch, spec = BRANCHES[name]
        rows = RNG.integers(0, 9, (5, *spec.shape)).astype(spec.dtype)
        first = branch.build(spec, None)
        keras.config.set_image_data_format("channels_last")
        last = branch.build(spec, None)
        assert [w.shape for w in first.get_weights()] == [w.shape for w in last.get_weights()]
        last.set_weights(first.get_weights())
        np.testing.assert_allclose(first(rows), last(rows), rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize("column", ["sequence", "text", "image"])
    def test_a_fit_is_the_same_and_leaves_the_setting(self, column, channels_first):
        found = probabilities(column)
        assert keras.config.image_data_format() == "channels_first"
        keras.config.set_image_data_format("channels_last")
        np.testing.assert_array_equal(found, probabilities(column))

    def test_a_users_own_branch_reads_the_channels_last(self, channels_first):
        def average(tensor):
            return keras.layers.GlobalAveragePooling2D()(tensor)

        frame = pd.DataFrame({"image": COLUMNS["image"]})
        clf = make(branches={"image": average}).fit(frame, Y)
        assert clf.model_.get_layer("image__branch").output.shape == (None, 3)


@pytest.fixture(scope="module")
def expected():
    return probabilities("category")


class TestFloats:
    @pytest.mark.parametrize("name", ["float16", "float64", "mixed_bfloat16", "mixed_float16"])
    def test_a_global_float_type_or_policy_changes_nothing(self, name, expected):
        floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
        try:
            if name.startswith("float"):
                keras.config.set_floatx(name)
            keras.config.set_dtype_policy(name)
            found = probabilities("category")
            assert keras.config.dtype_policy().name == name
        finally:
            keras.config.set_floatx(floatx)
            keras.config.set_dtype_policy(policy)
        np.testing.assert_array_equal(found, expected)


def test_functions_that_run_eagerly_give_the_same(expected):
    tf.config.run_functions_eagerly(True)
    try:
        found = probabilities("category")
    finally:
        tf.config.run_functions_eagerly(False)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_seeds_of_the_user_change_nothing(expected):
    keras.utils.set_random_seed(7)
    np.testing.assert_array_equal(probabilities("category"), expected)


def test_full_tracebacks_have_our_messages():
    keras.config.disable_traceback_filtering()
    try:
        with pytest.raises(ValueError, match="merge") as full:
            make(merge=lambda tensors: None).fit(pd.DataFrame({"x": X}), Y)
    finally:
        keras.config.enable_traceback_filtering()
    with pytest.raises(ValueError, match="merge") as filtered:
        make(merge=lambda tensors: None).fit(pd.DataFrame({"x": X}), Y)
    assert str(full.value).split(" at 0x")[0] == str(filtered.value).split(" at 0x")[0]


class TestWarnings:
    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("column", COLUMNS)
    def test_no_line_of_ours_warns(self, column):
        # Also of what the suite's settings ignore.
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            probabilities(column)

    def test_a_regression_on_all_kinds_is_silent(self):
        frame = pd.DataFrame(COLUMNS)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            params = {"early_stopping": True, "warm_start": True, "merge": "attention", "epochs": 1}
            reg = MultiInputRegressor(head=DenseHead(units=(4,)), random_state=0, **params).fit(frame, X)
            reg.fit(frame, X).score(frame, X)
