"""Parameters of parts inside lists, by name."""

import pickle

import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skmulti import CategoryIndexer, InputRouter, TextVectorizer
from skmulti._params import refuse_unknown, split_nested


def make_router():
    return InputRouter(
        [
            ("money", StandardScaler(), ["age", "income"]),
            ("review", TextVectorizer(max_tokens=100), "review"),
            ("words", make_pipeline(TfidfVectorizer(), StandardScaler(with_mean=False)), "review"),
            ("same", "review", "reply"),
        ],
        remainder=MinMaxScaler(),
    )


def test_parts_and_their_parameters_are_got_by_name():
    router = make_router()
    params = router.get_params()
    assert params["review"] is router.inputs[1][1]
    assert params["review__max_tokens"] == 100
    assert params["words__tfidfvectorizer__lowercase"] is True
    assert params["remainder__clip"] is False
    assert params["same"] == "review"


def test_without_deep_only_the_own_parameters_are_got():
    assert list(make_router().get_params(deep=False)) == ["dtype", "inputs", "kinds", "n_jobs", "remainder"]


@pytest.mark.parametrize(
    "name", ["review__max_tokens", "words__tfidfvectorizer__max_df", "remainder__feature_range", "money__with_std"]
)
def test_what_is_set_is_got(name):
    assert make_router().set_params(**{name: 7}).get_params()[name] == 7


def test_every_parameter_got_can_be_set_again():
    router = make_router()
    params = router.get_params()
    assert router.set_params(**params).get_params() == params


def test_a_whole_part_is_set_by_its_name():
    indexer = CategoryIndexer()
    router = make_router().set_params(review=indexer)
    assert router.inputs[1] == ("review", indexer, "review")


def test_a_whole_part_is_set_before_its_parameters_in_any_order():
    router = make_router().set_params(review__max_categories=3, review=CategoryIndexer())
    assert router.inputs[1][1].max_categories == 3


def test_the_whole_list_is_set_before_its_parts():
    router = InputRouter().set_params(place__max_categories=3, inputs=[("place", CategoryIndexer(), "city")])
    assert router.get_params()["place__max_categories"] == 3


def test_setting_a_part_leaves_the_list_that_the_user_passed():
    inputs = [("review", TextVectorizer(), "review")]
    before = list(inputs)
    InputRouter(inputs).set_params(review="drop")
    assert inputs == before


def test_a_tuple_of_inputs_can_be_changed_too():
    router = InputRouter((("review", TextVectorizer(), "review"),)).set_params(review="drop")
    assert router.inputs == [("review", "drop", "review")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("reviw", "Invalid parameter 'reviw' for estimator InputRouter.*'words'.*Did you mean 'review'"),
        ("reviw__max_tokens", "Invalid parameter 'reviw'.*Did you mean 'review'"),
        ("review__max_tokenz", "Invalid parameter 'max_tokenz' for estimator TextVectorizer.*mean 'max_tokens'"),
        ("remainder__clipp", "Invalid parameter 'clipp' for estimator MinMaxScaler.*Did you mean 'clip'"),
        ("words__tfidfvectoriser__max_df", "Invalid parameter 'tfidfvectoriser' for estimator Pipeline.*Did you mean"),
        ("n_job", "Invalid parameter 'n_job'.*Did you mean 'n_jobs'"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_closest_match(name, message):
    with pytest.raises(ValueError, match=message):
        make_router().set_params(**{name: 1})


@pytest.mark.parametrize("name", ["same__max_tokens", "inputs__review", "n_jobs__x"])
def test_a_part_without_parameters_is_refused(name):
    with pytest.raises(ValueError, match=r"has no parameters to set"):
        make_router().set_params(**{name: 1})


def test_a_refused_name_leaves_the_other_parameters_as_they_were():
    router = make_router()
    with pytest.raises(ValueError, match=r"Invalid parameter"):
        router.set_params(n_jobs=2, reviw="drop")
    assert router.n_jobs is None


def test_parts_that_the_new_list_lacks_are_refused():
    with pytest.raises(ValueError, match=r"Invalid parameter 'review'"):
        make_router().set_params(inputs=None, review__max_tokens=5)


def test_a_clone_has_equal_parameters_and_parts_of_its_own():
    router = make_router().set_params(review__max_tokens=50)
    copy = clone(router)
    assert copy.get_params()["review__max_tokens"] == 50
    copy.set_params(review__max_tokens=60)
    assert router.get_params()["review__max_tokens"] == 50


def test_an_unpickled_router_has_equal_parameters():
    router = make_router()
    assert repr(pickle.loads(pickle.dumps(router))) == repr(router)


def test_repr_shows_the_inputs():
    router = InputRouter([("place", CategoryIndexer(max_categories=3), "city")], n_jobs=2)
    assert (
        repr(router)
        == "InputRouter(inputs=[('place', CategoryIndexer(max_categories=3), 'city')],\n            n_jobs=2)"
    )


def test_names_are_split_at_the_first_double_underscore():
    assert split_nested({"a": 1, "b__c": 2, "b__d__e": 3}) == ({"a": 1}, {"b": {"c": 2, "d__e": 3}})


def test_known_names_pass():
    refuse_unknown(make_router(), ["inputs"], ["inputs", "n_jobs"])
