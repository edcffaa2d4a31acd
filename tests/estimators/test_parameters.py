"""Names of parameters before fit: parts with their defaults, routed names, and parameters that wait for the router."""

import pytest

from skmulti import (
    ConcatenateMerge,
    DenseBranch,
    DenseHead,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
    TextBranch,
    TextVectorizer,
)
from skmulti.estimators.parameters import Parts, branches_at_fit, check_routed

ROUTER = InputRouter([("numbers", NumberScaler(), ["a"]), ("note", TextVectorizer(), "note")])


def test_parts_that_are_left_out_are_the_defaults():
    parts = Parts(MultiInputClassifier(ROUTER))
    assert isinstance(parts.merge, ConcatenateMerge)
    assert isinstance(parts.head, DenseHead)
    assert list(parts.branches) == ["numbers", "note"]


def test_given_branches_replace_the_defaults_of_their_inputs_only():
    own = DenseBranch((3,))
    branches = Parts(MultiInputClassifier(ROUTER, branches={"numbers": own})).branches
    assert branches["numbers"] is own
    assert isinstance(branches["note"], TextBranch)


def test_an_unknown_merge_is_left_as_it_is_until_fit():
    assert Parts(MultiInputClassifier(merge="averge")).merge == "averge"


def test_a_part_that_is_an_alias_has_no_parameters():
    params = Parts(MultiInputClassifier(ROUTER, branches={"note": "numbers"})).get_params()
    assert params["branches__note"] == "numbers"
    assert not [name for name in params if name.startswith("branches__note__")]


def test_parameters_that_waited_reach_a_clone_of_the_default():
    default = DenseBranch((3,))
    branches = branches_at_fit({"numbers__dropout": 0.5}, {"numbers": default})
    assert branches["numbers"].get_params() == {**default.get_params(), "dropout": 0.5}
    assert default.dropout == 0


def test_an_input_with_parameters_of_its_own_shares_no_branch():
    defaults = {"first": DenseBranch((3,)), "second": "first"}
    branches = branches_at_fit({"second__dropout": 0.5}, defaults)
    assert branches["second"].units == (3,)
    assert branches["second"].dropout == 0.5
    assert defaults["first"].dropout == 0


def test_the_users_dict_of_branches_is_left_as_it_was():
    given = {"numbers__dropout": 0.5}
    branches_at_fit(given, {"numbers": DenseBranch()})
    assert given == {"numbers__dropout": 0.5}


@pytest.mark.parametrize(
    ("routed", "message"),
    [
        ({"fit__epochs": 3}, "'fit__epochs' is decided by 'epochs'"),
        ({"fit__validation_data": 3}, 'is decided by "fit\'s X_val and y_val"'),
        ({"loss__from_logits": True}, "the network gives probabilities"),
        ({"predict__verbose": 1}, "there is only 'predict__batch_size'"),
        ({"optimizer__learning_rat": 1}, "learning_rate"),
    ],
)
def test_routed_parameters_that_would_be_ignored_are_refused(routed, message):
    with pytest.raises(ValueError, match=message):
        check_routed(routed, "adam")


def test_routed_parameters_that_keras_takes_pass():
    check_routed({"optimizer__learning_rate": 0.1, "fit__steps_per_epoch": 2, "loss__from_logits": False}, "adam")
