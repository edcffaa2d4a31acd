"""Tests of decision 3: inputs that share a branch, or an encoder, by naming each other."""

import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from skmulti import (
    BranchMismatchError,
    CategoryIndexer,
    DenseBranch,
    DenseHead,
    EmbeddingBranch,
    InputMismatchError,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
    PiecewiseBranch,
    TextBranch,
    TextVectorizer,
)

NUMBERS = InputRouter(
    [
        ("home", NumberScaler(), ["h1", "h2"]),
        ("away", NumberScaler(), ["a1", "a2"]),
        ("form", NumberScaler(), ["h1"]),
    ]
)
QUESTIONS = InputRouter(
    [
        ("question1", TextVectorizer(length=2), "q1"),
        ("question2", "question1", "q2"),
    ]
)


def size_of(model):
    """Count the trainable numbers of a network."""
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


PARAMS = {"head": DenseHead(units=()), "epochs": 1, "random_state": 0, "compile__run_eagerly": True}


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(24, 4)), columns=["h1", "h2", "a1", "a2"])
    frame["q1"] = np.array(["how old", "how far", "who"])[np.arange(24) % 3]
    frame["q2"] = np.array(["what age", "how far", "which man"])[np.arange(24) % 3]
    return frame


@pytest.fixture(scope="module")
def y(X):
    return np.where(X["h1"] > X["a1"], "home", "away")


def match(branches, router=NUMBERS, **params):
    return MultiInputClassifier(router, branches=branches, **{**PARAMS, **params})


BRANCHES = {"home": DenseBranch(units=(4,)), "away": "home", "form": DenseBranch(units=(4,))}


@pytest.fixture(scope="module")
def shared(X, y):
    return match(BRANCHES).fit(X, y)


@pytest.fixture(scope="module")
def apart(X, y):
    return match({**BRANCHES, "away": DenseBranch(units=(4,))}).fit(X, y)


class TestBranch:
    def test_shared_weights_are_counted_once(self, shared, apart):
        # Dense: 2 x 4 + 4; a learned fill for each of 2 numbers.
        assert size_of(apart.model_) - size_of(shared.model_) == 14

    def test_both_inputs_run_through_the_same_weights(self, X, y):
        router = InputRouter([("home", "passthrough", ["h1", "h2"]), ("away", "passthrough", ["a1", "a2"])])
        est = match({"away": "home"}, router, merge="add").fit(X, y)
        swapped = X.rename(columns={"h1": "a1", "h2": "a2", "a1": "h1", "a2": "h2"})
        np.testing.assert_allclose(est.predict_proba(swapped), est.predict_proba(X), atol=1e-6)

    def test_a_default_branch_is_shared(self, X, y):
        est = match({"away": "home"}).fit(X, y)
        assert est.branches_["away"] == "home"
        assert isinstance(est.branches_["home"], PiecewiseBranch)

    def test_the_earlier_input_may_share_the_later_ones_branch(self, X, y, shared):
        est = match({"home": "away", "away": DenseBranch(units=(4,)), "form": DenseBranch(units=(4,))}).fit(X, y)
        assert size_of(est.model_) == size_of(shared.model_)

    def test_aliases_are_followed(self, X, y):
        router = InputRouter([(name, "passthrough", [name]) for name in ("h1", "h2", "a1")])
        branches = {"h1": DenseBranch(units=(4,)), "h2": "h1", "a1": "h2"}
        est = match(branches, router).fit(X, y)
        assert est.branches_["a1"] == "h1"
        # One branch of 1 x 4 + 4 and a fill, a head of 12 + 1.
        assert size_of(est.model_) == 9 + 13

    def test_a_clone_shares_as_well(self, X, y, shared):
        assert size_of(clone(shared).fit(X, y).model_) == size_of(shared.model_)

    def test_a_pickle_shares_as_well(self, X, y, shared):
        twin = pickle.loads(pickle.dumps(shared))
        assert size_of(twin.model_) == size_of(shared.model_)
        np.testing.assert_array_equal(twin.predict_proba(X), shared.predict_proba(X))

    def test_a_shared_branch_can_be_set(self, X, y, shared):
        est = match({**BRANCHES, "away": DenseBranch(units=(4,))}).set_params(branches__away="home")
        assert size_of(est.fit(X, y).model_) == size_of(shared.model_)

    def test_an_alias_has_no_parameters(self):
        with pytest.raises(ValueError, match=r"branches\['away'\] = 'home' has no parameters to set"):
            match(BRANCHES).set_params(branches__away__units=(3,))

    def test_parameters_of_the_branch_reach_both(self, X, y):
        est = match(BRANCHES).set_params(branches__home__units=(7,)).fit(X, y)
        # Dense 2 x 7 + 7 and fill once, the form's 4 + 4 and fill, the head 7 + 7 + 4 + 1.
        assert size_of(est.model_) == 23 + 9 + 19

    def test_unequal_widths_are_refused_with_both_names_and_widths(self, X, y):
        with pytest.raises(BranchMismatchError, match=r"'home' \(.*\(2,\).*\) and 'form' \(.*\(1,\).*cannot share"):
            match({"form": "home"}).fit(X, y)

    def test_an_alias_that_is_no_input_is_refused_with_the_closest_match(self, X, y):
        with pytest.raises(ValueError, match=r"branches\['away'\] = 'hom' is no input.*Did you mean 'home'"):
            match({"away": "hom"}).fit(X, y)

    @pytest.mark.parametrize("branches", [{"home": "away", "away": "home"}, {"home": "home"}])
    def test_a_circle_is_refused(self, X, y, branches):
        with pytest.raises(ValueError, match="share in a circle: home -> "):
            match(branches).fit(X, y)

    def test_rows_that_lack_one_of_both_inputs_are_predicted(self, X, y):
        gappy = X.copy()
        gappy.loc[:3, ["a1", "a2"]] = np.nan
        router = InputRouter(
            [
                ("home", NumberScaler(add_indicator=False), ["h1", "h2"]),
                ("away", NumberScaler(add_indicator=False), ["a1", "a2"]),
            ]
        )
        est = match({"away": "home"}, router).fit(gappy, y)
        assert np.isfinite(est.predict_proba(gappy)).all()


class TestEncoder:
    @pytest.fixture
    def router(self, X):
        return clone(QUESTIONS).fit(X)

    def test_the_vocabulary_holds_the_words_of_both_columns(self, router):
        words = set(router.encoders_["question1"].vocabulary_) - {"", "[UNK]"}
        assert words == {"how", "old", "far", "who", "what", "age", "which", "man"}

    def test_there_is_one_encoder(self, router):
        assert router.encoders_["question1"] is router.encoders_["question2"]

    def test_one_word_has_one_id_in_both_columns(self, router):
        arrays = router.transform(pd.DataFrame({"q1": ["how far", "man"], "q2": ["far how", "man"]}))
        np.testing.assert_array_equal(arrays["question1"][0], arrays["question2"][0][::-1])
        np.testing.assert_array_equal(arrays["question1"][1], arrays["question2"][1])

    def test_specs_name_their_own_columns(self, router):
        assert {name: spec.columns for name, spec in router.specs_.items()} == {
            "question1": ("q1",),
            "question2": ("q2",),
        }

    def test_categories_of_both_columns_are_learned(self, X):
        router = InputRouter([("from", CategoryIndexer(), "q1"), ("to", "from", "q2")]).fit(X)
        expected = sorted(set(X["q1"]) | set(X["q2"]))
        assert [list(values) for values in router.encoders_["from"].categories_] == [expected]

    def test_the_mean_of_both_columns_is_learned(self, X):
        router = InputRouter([("home", NumberScaler(), ["h1"]), ("away", "home", ["a1"])]).fit(X)
        assert router.encoders_["away"].mean_ == pytest.approx([(X["h1"].mean() + X["a1"].mean()) / 2])

    def test_weights_reach_a_shared_encoder(self, X, y):
        weight = np.linspace(0.1, 3, 24)
        router = InputRouter([("home", NumberScaler(), ["h1"]), ("away", "home", ["a1"])])
        fitted = router.fit(X, y, sample_weight=weight)
        expected = np.average(np.concatenate([X["h1"], X["a1"]]), weights=np.tile(weight, 2))
        assert fitted.encoders_["away"].mean_ == pytest.approx([expected])

    def test_branch_and_vocabulary_are_shared_by_both_questions(self, X, y):
        branches = {"question1": TextBranch(embedding_dim=3), "question2": "question1"}
        est = match(branches, QUESTIONS).fit(X, y)
        # 10 ids of 3 numbers, a head of 3 + 3 + 1.
        assert size_of(est.model_) == 30 + 7

    def test_vocabularies_of_different_size_are_refused(self, X, y):
        router = InputRouter([("one", TextVectorizer(length=2), "q1"), ("two", TextVectorizer(length=2), "q2")])
        with pytest.raises(BranchMismatchError, match=r"'one' .*6 ids.* and 'two' .*8 ids.* cannot share a branch"):
            match({"two": "one"}, router).fit(X, y)

    def test_vocabularies_of_other_values_are_refused(self, X, y):
        frame = X.assign(q1=np.array(["cat", "dog"])[np.arange(24) % 2], q2=np.array(["oak", "elm"])[np.arange(24) % 2])
        router = InputRouter([("pet", CategoryIndexer(), "q1"), ("tree", CategoryIndexer(), "q2")])
        with pytest.raises(
            BranchMismatchError, match=r"'pet' .* 'tree' .*vocabularies differ.*\('tree', 'pet', columns\)"
        ):
            match({"pet": EmbeddingBranch(2), "tree": "pet"}, router).fit(frame, y)

    def test_inputs_that_share_an_encoder_have_one_vocabulary(self, router):
        assert router.specs_["question1"].vocabulary == router.specs_["question2"].vocabulary

    def test_aliases_of_an_encoder_have_one_vocabulary(self, X):
        router = InputRouter([("a", CategoryIndexer(), "q1"), ("b", "a", "q2"), ("c", "b", "q1")]).fit(X)
        assert len({spec.vocabulary for spec in router.specs_.values()}) == 1

    def test_encoders_that_learned_the_same_values_have_one_vocabulary(self, X):
        router = InputRouter([("a", CategoryIndexer(), "q1"), ("b", CategoryIndexer(), "q1")]).fit(X)
        assert router.specs_["a"].vocabulary == router.specs_["b"].vocabulary

    def test_an_encoder_of_a_later_input_is_refused(self, X):
        router = InputRouter([("question2", "question1", "q2"), ("question1", TextVectorizer(), "q1")])
        with pytest.raises(ValueError, match="'question1' is neither 'drop', 'passthrough' nor an earlier input"):
            router.fit(X)

    def test_inputs_of_unequal_numbers_of_columns_are_refused(self, X):
        router = InputRouter([("home", NumberScaler(), ["h1", "h2"]), ("away", "home", ["a1"])])
        with pytest.raises(InputMismatchError, match="'home' and 'away' share an encoder but have 2 and 1 columns"):
            router.fit(X)


@pytest.fixture(scope="module")
def frame():
    """Return titles and bodies in the same words, and names in others."""
    rng = np.random.default_rng(0)
    words, names = (np.array([f"{stem}{i}" for i in range(40)]) for stem in ("word", "name"))

    def texts(vocabulary, length):
        return [" ".join(rng.choice(vocabulary, length)) for _ in range(60)]

    return pd.DataFrame({"title": texts(words, 5), "body": texts(words, 12), "who": texts(names, 5)})


class TestAlikeTexts:
    """Columns of text that speak in the same words share encoder and branch, unless somebody says otherwise."""

    def test_they_share_an_encoder_and_the_plan_says_so(self, frame):
        router = InputRouter().fit(frame)

        assert router.encoders_["title"] is router.encoders_["body"]
        assert router.encoders_["who"] is not router.encoders_["body"]
        reason = router.plan_.set_index("column").loc["body", "reason"]
        assert reason.endswith("like 'title', so that it shares its encoder and branch")

    def test_words_must_be_known_both_ways(self, frame):
        body = frame["title"] + " " + frame["who"] + " " + frame["who"].to_numpy()[::-1]

        assert TextVectorizer.alike(frame["title"], frame["body"])
        assert not TextVectorizer.alike(frame["title"], body)
        assert not TextVectorizer.alike(body, frame["title"])

    def test_they_share_a_branch_unless_it_is_given_or_has_parameters_of_its_own(self, frame):
        y = np.arange(60) % 2

        def branches(**params):
            return MultiInputClassifier(epochs=1, random_state=0, **params).fit(frame, y).branches_

        assert branches()["body"] == "title"
        assert branches(branches={"title": TextBranch(embedding_dim=8)})["body"] == "title"
        assert branches(branches={"body": TextBranch(embedding_dim=8)})["body"].embedding_dim == 8
        own = MultiInputClassifier(epochs=1, random_state=0).set_params(branches={"body__embedding_dim": 8})
        assert own.fit(frame, y).branches_["body"].embedding_dim == 8

    def test_an_encoder_of_the_users_is_not_shared(self, frame):
        router = InputRouter(kinds={"title": TextVectorizer()}).fit(frame)

        assert router.encoders_["title"] is not router.encoders_["body"]

    def test_cells_that_are_no_text_are_refused_as_ever(self, frame):
        router = InputRouter(kinds={"age": "text"})

        with pytest.raises(InputMismatchError, match=r"'age'.*are not text"):
            router.fit(frame.assign(age=range(60)))

    def test_the_encoder_of_given_inputs_is_shared_only_as_they_say(self, frame):
        router = InputRouter([("title", TextVectorizer(), "title"), ("body", "title", "body")]).fit(frame)

        assert isinstance(router.default_branches()["body"], TextBranch)
