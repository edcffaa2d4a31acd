"""Networks over words: padding has no influence, and a bag of words is that of scikit-learn."""

import warnings

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from sklearn.feature_extraction.text import TfidfTransformer, TfidfVectorizer

from skmulti.errors import BranchMismatchError
from skmulti.inputs._steps import ARCHITECTURES
from skmulti.inputs.text.branch import TextBranch
from skmulti.inputs.text.vectorizer import TextVectorizer
from skmulti.layers.ids import inverse_document_frequencies
from skmulti.spec import ArraySpec

SPEC = ArraySpec("review", "text", (5,), "int32", vocabulary_sizes=(12,))
IDS = np.array([[2, 3, 4, 0, 0], [5, 1, 0, 0, 0], [0, 0, 0, 0, 0], [11, 10, 9, 8, 7]], dtype="int32")

saves = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


# --- the branch


@pytest.mark.parametrize("architecture", ["bag", *ARCHITECTURES])
def test_every_architecture_is_finite_for_padded_and_empty_texts(architecture):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        output = TextBranch(architecture, units=4).build(SPEC)(IDS).numpy()
    assert np.isfinite(output).all()


@pytest.mark.parametrize("architecture", ["bag", *(name for name in ARCHITECTURES if name != "flatten")])
def test_padding_has_no_influence_on_a_text(architecture):
    short = TextBranch(architecture, units=4).build(SPEC)
    long = TextBranch(architecture, units=4).build(ArraySpec("review", "text", (9,), "int32", (12,)))
    long.set_weights(short.get_weights())
    padded = np.pad(IDS, ((0, 0), (0, 4)))
    np.testing.assert_allclose(long(padded).numpy(), short(IDS).numpy(), atol=1e-6)


def test_pool_is_average_and_maximum_of_the_words_vectors():
    branch = TextBranch("pool", embedding_dim=3).build(SPEC)
    vectors = branch.get_weights()[0][[2, 3, 4]]
    expected = np.concatenate([vectors.mean(axis=0), vectors.max(axis=0)])
    np.testing.assert_allclose(branch(IDS[:1]).numpy()[0], expected, rtol=1e-5)


def test_lstm_is_keras_lstm_on_the_words_alone():
    branch = TextBranch("lstm", embedding_dim=3, units=4).build(SPEC)
    table, *weights = branch.get_weights()
    lstm = keras.layers.LSTM(4)
    lstm.build((None, None, 3))
    lstm.set_weights(weights)
    np.testing.assert_allclose(branch(IDS[:1]).numpy(), lstm(table[[2, 3, 4]][None]).numpy(), atol=1e-6)


@pytest.mark.parametrize(
    ("architecture", "units", "width"),
    [
        ("bag", None, 3),
        ("bag", 7, 7),
        ("pool", None, 6),
        ("pool", 7, 7),
        ("flatten", None, 15),
        ("flatten", 7, 7),
        ("lstm", None, 64),
        ("gru", 7, 7),
        ("conv", None, 128),
        ("attention", 7, 14),
    ],
)
def test_output_width(architecture, units, width):
    branch = TextBranch(architecture, embedding_dim=3, units=units, dropout=0.5).build(SPEC)
    assert branch.output_shape == (None, width)


@saves
@pytest.mark.parametrize("architecture", ["bag", *ARCHITECTURES])
def test_branch_reloads_in_safe_mode(architecture, tmp_path):
    branch = TextBranch(architecture, units=4, dropout=0.1).build(SPEC)
    branch.save(tmp_path / "branch.keras")
    again = keras.saving.load_model(tmp_path / "branch.keras", safe_mode=True)
    np.testing.assert_allclose(again(IDS).numpy(), branch(IDS).numpy(), atol=1e-6)


def test_array_of_another_kind_is_refused_with_both_names():
    spec = ArraySpec("city", "category", (1,), "int32", vocabulary_sizes=(9,))
    with pytest.raises(BranchMismatchError, match=r"'city'.*TextBranch reads text arrays.*category"):
        TextBranch().build(spec)


def test_spec_without_a_vocabulary_is_refused():
    with pytest.raises(BranchMismatchError, match=r"'review'.*vocabulary"):
        TextBranch().build(ArraySpec("review", "text", (5,), "int32"))


def test_unknown_architecture_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'architecture' parameter of TextBranch.*attention"):
        TextBranch("transformer").build(SPEC)


def test_encoder_and_branch_learn_the_order_of_words():
    rng = np.random.default_rng(0)
    words = rng.choice(["not good", "good not"], size=60)
    vectorizer = TextVectorizer().fit(pd.Series(words))
    branch = TextBranch("conv", embedding_dim=8, units=8).build(vectorizer.spec("review"))
    model = keras.Sequential([branch, keras.layers.Dense(1, activation="sigmoid")])
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    labels = (words == "not good").astype("float32")[:, None]
    history = model.fit(vectorizer.transform(pd.Series(words)), labels, epochs=25, verbose=0)
    assert history.history["accuracy"][-1] == 1.0


# --- the branch: a bag of words


TEXTS = pd.Series(["good food here", "bad food", "good music here today", "nothing", "", "bad bad day"], name="review")


def bag_of(ids, n_ids, sample=None, **params):
    """Build a bag over ids; give its model."""
    spec = ArraySpec("review", "text", (ids.shape[1],), "int32", vocabulary_sizes=(n_ids,))
    return TextBranch("bag", **params).build(spec, sample)


@pytest.fixture(scope="module")
def encoded():
    """Return the texts' (ids, vocabulary)."""
    vectorizer = TextVectorizer(length=None).fit(TEXTS)
    return vectorizer.transform(TEXTS), vectorizer.vocabulary_


def test_inverse_document_frequencies_are_those_of_scikit_learn(encoded):
    ids, vocabulary = encoded
    weights = inverse_document_frequencies(ids, len(vocabulary))
    tfidf = TfidfVectorizer().fit(TEXTS)
    assert sorted(tfidf.vocabulary_) == sorted(vocabulary[2:])
    for word, column in tfidf.vocabulary_.items():
        assert weights[vocabulary.index(word)] == pytest.approx(tfidf.idf_[column])


def test_a_word_counts_once_for_each_text_wherever_it_stands():
    weights = inverse_document_frequencies(np.array([[2, 2, 2], [3, 2, 0], [0, 0, 0]]), 5)
    # Three texts: id 2 is in two of them, 3 in one, 1 and 4 in none.
    np.testing.assert_allclose(weights[2:], np.log(4 / np.array([3, 2, 1])) + 1)


def test_the_unknown_word_weighs_nothing_if_training_knew_all():
    assert inverse_document_frequencies(np.array([[2, 3]]), 4)[1] == 0
    assert inverse_document_frequencies(np.array([[2, 1]]), 4)[1] == pytest.approx(1)


def test_without_a_sample_all_words_weigh_alike():
    assert inverse_document_frequencies(None, 4).tolist() == [1, 1, 1, 1]


def test_bag_is_scikit_learn_s_tfidf_times_the_words_vectors(encoded):
    ids, vocabulary = encoded
    model = bag_of(ids, len(vocabulary), ids, embedding_dim=3)
    counts = np.array([np.bincount(row, minlength=len(vocabulary))[2:] for row in ids])
    weights = TfidfTransformer(norm="l2").fit_transform(counts).toarray()
    expected = weights @ model.get_weights()[0][2:]
    once = (counts <= 1).all(axis=1)
    assert once.tolist() == [True] * 5 + [False]
    np.testing.assert_allclose(model(ids).numpy()[once], expected[once], rtol=1e-5, atol=1e-7)


def test_bag_has_no_order(encoded):
    ids, vocabulary = encoded
    model = bag_of(ids, len(vocabulary), ids)
    np.testing.assert_allclose(model(ids[:, ::-1]).numpy(), model(ids).numpy(), rtol=1e-5, atol=1e-7)


def test_padding_has_no_influence_on_a_bag_with_weights(encoded):
    ids, vocabulary = encoded
    short = bag_of(ids, len(vocabulary), ids)
    padded = np.pad(ids, ((0, 0), (2, 3)))
    long = bag_of(padded, len(vocabulary), padded)
    long.set_weights(short.get_weights())
    np.testing.assert_allclose(long(padded).numpy(), short(ids).numpy(), rtol=1e-5, atol=1e-7)


def test_words_that_come_back_count_for_more():
    ids = np.array([[2, 3, 0, 0], [2, 3, 2, 3]])
    once, twice = bag_of(ids, 5)(ids).numpy()
    np.testing.assert_allclose(twice, once * np.sqrt(2), rtol=1e-5, atol=1e-7)


def test_an_empty_text_gives_zeros_and_no_gradient_that_is_nan():
    ids = np.zeros((2, 4), dtype="int32")
    model = bag_of(ids, 5, ids, embedding_dim=3)
    with tf.GradientTape() as tape:
        output = model(ids)
        loss = tf.reduce_sum(output**2)
    assert output.numpy().tolist() == np.zeros((2, 3)).tolist()
    (gradient,) = tape.gradient(loss, model.trainable_variables)
    assert np.isfinite(tf.convert_to_tensor(gradient).numpy()).all()


def test_padding_s_vector_is_never_trained(encoded):
    ids, vocabulary = encoded
    model = bag_of(ids, len(vocabulary), ids, embedding_dim=3)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(ids) ** 2)
    gradient = tf.convert_to_tensor(tape.gradient(loss, model.trainable_variables)[0]).numpy()
    assert gradient[0].tolist() == [0, 0, 0]
    assert np.abs(gradient[2:]).min(axis=1).all()


@pytest.mark.parametrize(("dropout", "rate"), [(None, 0.2), (0.1, 0.1)])
def test_a_bag_drops_a_fifth_of_its_values_in_training_unless_told(dropout, rate):
    model = TextBranch("bag", dropout=dropout).build(SPEC)
    assert [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)] == [rate]


def test_other_architectures_drop_nothing_unless_told():
    model = TextBranch("pool").build(SPEC)
    assert not [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]


def test_the_bag_is_what_text_is_read_with_by_default():
    assert TextVectorizer.default_branch().architecture == "bag"


@saves
def test_weights_of_a_bag_come_back_in_safe_mode(encoded, tmp_path):
    ids, vocabulary = encoded
    model = bag_of(ids, len(vocabulary), ids)
    model.save(tmp_path / "bag.keras")
    again = keras.saving.load_model(tmp_path / "bag.keras", safe_mode=True)
    np.testing.assert_array_equal(again(ids).numpy(), model(ids).numpy())
