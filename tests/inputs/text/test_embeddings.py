"""Word vectors that exist already: found by word in any form, first values of a network, trained or not."""

import gzip
import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skmulti import (
    ArraySpec,
    BranchMismatchError,
    IdsPadder,
    InputRouter,
    MultiInputClassifier,
    TextBranch,
    TextVectorizer,
    load,
    save,
)

WORDS = ("good", "bad", "food", "paris")
VECTORS = {"good": [1.0, 2.0, 0.5], "bad": [-1.0, 0.0, 0.5], "Paris": [0.0, 3.0, 1.0], "unused": [9.0, 9.0, 9.0]}
#          padding  unknown  good          bad             food     paris
EXPECTED = [[0] * 3, [0] * 3, [1, 2, 0.5], [-1, 0, 0.5], [0] * 3, [0, 3, 1]]
SPEC = ArraySpec("review", "text", (4,), "int32", vocabulary_sizes=(6,), words=WORDS)
IDS = np.array([[2, 4, 0, 0], [3, 5, 2, 1], [4, 0, 0, 0]], dtype="int32")


def table(model):
    """Return the table of word vectors of a branch's network."""
    return next(weight for weight in model.weights if tuple(weight.shape) == (6, 3))


def write(path, text):
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8") as file:
        file.write(text)
    return path


LINES = "\n".join(f"{word} {' '.join(map(str, vector))}" for word, vector in VECTORS.items()) + "\n"
FORMS = {
    "dict": lambda folder: VECTORS,
    "dict of arrays": lambda folder: {word: np.array(vector, dtype="float16") for word, vector in VECTORS.items()},
    "GloVe": lambda folder: write(folder / "glove.txt", LINES),
    "word2vec": lambda folder: str(write(folder / "vectors.vec", "4 3\n" + LINES)),
    "fastText, packed": lambda folder: write(folder / "vectors.vec.gz", "4 3\n" + LINES.replace("\n", " \n")),
    "arrays": lambda folder: (list(VECTORS), np.array(list(VECTORS.values()))),
    "by id": lambda folder: np.array([[7, 7, 7], *EXPECTED[1:], [1, 1, 1]], dtype=float),
}


@pytest.mark.parametrize("make", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("architecture", ["bag", "pool", "lstm"])
def test_vectors_of_any_form_are_the_fixed_table(make, architecture, tmp_path):
    branch = TextBranch(architecture, embeddings=make(tmp_path), train_embeddings=False)
    model = branch.build(SPEC)

    assert_array_equal(table(model), EXPECTED)
    assert all(weight is not table(model) for weight in model.trainable_weights)


def test_bag_of_fixed_vectors_is_their_tfidf_mean_by_hand():
    model = TextBranch(embeddings=VECTORS, train_embeddings=False).build(SPEC, IDS)
    # "good" is in two of three texts, "bad" and "paris" in one; "food" has no vector, so that it does not count.
    good, rare = np.log(4 / 3) + 1, np.log(4 / 2) + 1
    weights = np.array([rare, rare, good]) / np.sqrt(2 * rare**2 + good**2)
    vectors = np.array(EXPECTED)

    assert_allclose(model(IDS)[0], vectors[2], rtol=1e-6)
    assert_allclose(model(IDS)[1], weights @ vectors[[3, 5, 2]], rtol=1e-6)
    assert_array_equal(model(IDS)[2], np.zeros(3))


@pytest.mark.parametrize("architecture", ["bag", "pool"])
def test_trained_vectors_begin_there_and_others_as_without(architecture):
    model = TextBranch(architecture, embeddings=VECTORS).build(SPEC)
    values = np.asarray(table(model))

    assert_array_equal(values[[2, 3, 5]], np.array(EXPECTED)[[2, 3, 5]])
    assert 0 < np.abs(values[[1, 4]]).max() <= 0.05
    assert any(weight is table(model) for weight in model.trainable_weights)


def reviews(n=40):
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"review": rng.choice(["good food", "bad food", "good Paris", "bad food in paris"], n)})
    return X, X["review"].str.contains("good").astype(int)


def fitted(**params):
    router = InputRouter([("review", TextVectorizer(), "review")])
    branches = {"review": TextBranch(embeddings=VECTORS, **params)}
    return MultiInputClassifier(router, branches=branches, epochs=3, random_state=0, optimizer__learning_rate=0.1)


@pytest.mark.parametrize("train", [True, False])
def test_fit_moves_vectors_only_if_they_are_trained(train, tmp_path):
    X, y = reviews()
    est = fitted(train_embeddings=train).fit(X, y)
    vocabulary = est.router_.encoders_["review"].vocabulary_
    values = next(np.asarray(w) for w in est.model_.weights if tuple(w.shape) == (len(vocabulary), 3))

    assert (values[vocabulary.index("good")] == VECTORS["good"]).all() != train
    copies = [pickle.loads(pickle.dumps(est))]
    save(est, tmp_path / "est.skmulti")
    for copy in [*copies, load(tmp_path / "est.skmulti")]:
        assert_array_equal(copy.predict_proba(X), est.predict_proba(X))
    assert_array_equal(clone(est).fit(X, y).predict_proba(X), est.predict_proba(X))


def test_a_fitted_estimator_needs_the_file_no_more(tmp_path):
    X, y = reviews()
    path = FORMS["GloVe"](tmp_path)
    est = fitted().set_params(branches__review__embeddings=path).fit(X, y)
    path.unlink()

    assert_array_equal(pickle.loads(pickle.dumps(est)).predict_proba(X), est.predict_proba(X))


def test_grid_over_trained_and_fixed():
    X, y = reviews()
    grid = {"branches__review__train_embeddings": [True, False], "branches__review__architecture": ["bag", "pool"]}
    search = GridSearchCV(fitted(), grid, cv=2, error_score="raise").fit(X, y)

    assert len(search.cv_results_["params"]) == 4


def test_fixed_vectors_know_words_that_no_training_row_had():
    # The vocabulary is given, so that a word of later rows has a vector, too.
    X, y = reviews()
    vectors = {**VECTORS, "great": VECTORS["good"], "awful": VECTORS["bad"]}
    router = InputRouter([("review", TextVectorizer(vocabulary=[word.lower() for word in vectors]), "review")])
    branches = {"review": TextBranch(embeddings=vectors, train_embeddings=False)}
    est = MultiInputClassifier(router, branches=branches, epochs=20, random_state=0, optimizer__learning_rate=0.05)

    est.fit(X, y)
    assert est.predict(pd.DataFrame({"review": ["great", "awful food"]})).tolist() == [1, 0]


def test_ids_that_exist_already_have_rows_of_an_array():
    tokens = {"tokens": np.array([[2, 3, 0], [4, 2, 5]] * 10)}
    router = InputRouter([("tokens", IdsPadder(), "tokens")])
    vectors = np.arange(16.0).reshape(8, 2)
    branches = {"tokens": TextBranch(embeddings=vectors, train_embeddings=False)}
    est = MultiInputClassifier(router, branches=branches, epochs=1).fit(tokens, [0, 1] * 10)

    values = next(np.asarray(w) for w in est.model_.weights if tuple(w.shape) == (6, 2))
    assert_array_equal(values, [[0, 0], *vectors[1:6].tolist()])


def path_of(text):
    return lambda folder: write(folder / "vectors.txt", text)


WRONG = {
    "no file": (lambda folder: str(folder / "absent.txt"), "'review'.*absent.txt', which is no file"),
    "other words": (lambda folder: {"voiture": [1.0]}, "none of the 4 words has a vector .*the first is 'good'"),
    "widths": (lambda folder: {"good": [1.0], "bad": [1.0, 2.0]}, r"'bad' in .* the shape \(2,\); expected \(1,\)"),
    "no numbers": (lambda folder: {"good": ["x"]}, "'good' in `embeddings` holds no numbers"),
    "NaN": (lambda folder: {"good": [np.nan]}, "NaN or infinity of 'good'"),
    "a short tuple": (lambda folder: (["good"],), r"a tuple of `embeddings` is \(words, vectors\)"),
    "lengths": (lambda folder: (["good"], np.ones((2, 2))), r"got \(1,\) and \(2, 2\)"),
    "few ids": (lambda folder: np.ones((5, 2)), r"each of the 6 ids, got shape \(5, 2\)"),
    "one axis": (lambda folder: np.ones(6), r"got shape \(6,\)"),
    "a broken line": (path_of("good 1 2\nbad\n"), "line 2 of .* has 1 fields; a word and 2 numbers were expected"),
    "prose": (path_of("good food is rare\n"), "'good' in `embeddings` holds no numbers: .*'food'"),
    "width": (lambda folder: VECTORS, "embedding_dim=8, and its `embeddings` have vectors of 3 numbers"),
}


@pytest.mark.parametrize(("make", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_used_is_refused_with_its_input(make, message, tmp_path):
    dim = 8 if message.startswith("embedding_dim") else None
    with pytest.raises(BranchMismatchError, match=message) as error:
        TextBranch(embeddings=make(tmp_path), embedding_dim=dim).build(SPEC)

    assert "Input 'review'" in str(error.value)
    assert len(str(error.value)) <= 600


def test_words_must_be_known_and_vectors_given():
    with pytest.raises(BranchMismatchError, match=r"encoder knows no words.*an array with a row for each id"):
        TextBranch(embeddings=VECTORS).build(ArraySpec("a", "text", (4,), "int32", vocabulary_sizes=(6,)))
    with pytest.raises(BranchMismatchError, match="has no `embeddings` to keep"):
        TextBranch(train_embeddings=False).build(SPEC)
