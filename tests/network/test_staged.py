"""Merges in named steps: order, missing inputs, parameters and refusals."""

import keras
import numpy as np
import pytest
from merge_cases import flag_arrays, layer_output, merge_network, rows, run, subtract
from sklearn.base import clone

from skmulti.network.merges import (
    MERGES,
    AddMerge,
    AttentionMerge,
    GatedMerge,
    InteractionMerge,
    as_merge,
)
from skmulti.network.staged import StagedMerge


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


STEPS = [("seen", "average", ["front", "back"]), ("told", InteractionMerge(), ["seen", "text"])]
STAGED_WIDTHS = {"front": 3, "age": 2, "text": 3, "back": 3}


def test_staged_merges_step_by_step_and_leftover_inputs_come_first():
    arrays = rows(STAGED_WIDTHS)
    front, age, text, back = arrays.values()
    seen = (front + back) / 2

    model = merge_network(StagedMerge(STEPS), STAGED_WIDTHS)

    np.testing.assert_allclose(run(model, arrays), np.hstack([age, seen, text, seen * text]), rtol=1e-5)
    np.testing.assert_allclose(layer_output(model, "seen", arrays), seen, rtol=1e-5)
    np.testing.assert_allclose(layer_output(model, "told", arrays), np.hstack([seen, text, seen * text]), rtol=1e-5)


def test_staged_step_is_missing_where_all_its_inputs_are():
    widths = dict.fromkeys(["front", "back", "age"], 3)
    arrays = rows(widths, 3)
    front, back, age = arrays.values()
    merge = StagedMerge([("seen", "average", ["front", "back"])], final="average")
    flags = flag_arrays(front=[False, True, True], back=[False, False, True])

    merged = run(merge_network(merge, widths, flagged=["front", "back"]), {**arrays, **flags})

    expected = [((front[0] + back[0]) / 2 + age[0]) / 2, (back[1] + age[1]) / 2, age[2]]
    np.testing.assert_allclose(merged, expected, rtol=1e-5)


def test_staged_step_is_never_missing_where_one_of_its_inputs_has_no_flag():
    widths = dict.fromkeys(["front", "back", "age"], 3)
    front, back, age = (arrays := rows(widths, 2)).values()
    merge = StagedMerge([("seen", "average", ["front", "back"])], final="average")

    merged = run(merge_network(merge, widths, flagged=["front"]), {**arrays, **flag_arrays(front=[True, False])})

    expected = [(back[0] + age[0]) / 2, ((front[1] + back[1]) / 2 + age[1]) / 2]
    np.testing.assert_allclose(merged, expected, rtol=1e-5)


def test_staged_layers_are_named_after_their_step():
    steps = [("one", "attention", ["a", "b"]), ("two", "gated", ["one", "c"])]
    widths = dict.fromkeys("abcd", 4)

    model = merge_network(StagedMerge(steps, final="attention"), widths)

    names = {layer.name for layer in model.layers}
    assert {"one", "two", "one__attention", "two__gates", "merge__attention"} <= names


def test_staged_merges_nest():
    inner = StagedMerge([("inner", "add", ["a", "b"])], final="multiply")
    widths = dict.fromkeys("abcd", 2)
    a, b, c, d = (arrays := rows(widths)).values()

    model = merge_network(StagedMerge([("outer", inner, ["a", "b", "c"])]), widths)

    np.testing.assert_allclose(run(model, arrays), np.hstack([d, (a + b) * c]), rtol=1e-5)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "needs at least one step"),
        ([("s", "add", ["front", "bakc"])], r"takes 'bakc', .* it can take .*\. Did you mean 'back'\?"),
        ([("s", "add", ["t"]), ("t", "add", ["age"])], "takes 't', which is no input or earlier step"),
        ([("s", "add", ["front"]), ("s", "add", ["back"])], "Two steps are named 's'"),
        ([("text", "add", ["front"])], "'text' has the name of an input"),
        ([("s", "add", ["front"]), ("t", "add", ["front"])], "'t' takes 'front', which step 's' took before"),
        ([("s", "add", ["front", "front"])], "takes 'front', which step 's' took before"),
        ([("s", "add", "front")], "'s' must list the inputs .* got 'front'"),
        ([("s", "add", [])], r"'s' must list the inputs .* got \[\]"),
        ([("s", "add")], r"must be \(name, merge, \[inputs or earlier steps\]\), got \('s', 'add'\)"),
        ([("s__t", "add", ["front"])], "name must be a string without '__' and '/'"),
        ([("steps", "add", ["front"])], "not 'steps', 'final' or 'merge', got 'steps'"),
        ([("merge", "add", ["front"])], "not 'steps', 'final' or 'merge', got 'merge'"),
        ([("two photos", "add", ["front"])], "may hold letters .* got 'two photos'; try 'two_photos'"),
        ([("s", "ad", ["front"])], "There is no merge 'ad'; .* Did you mean 'add'"),
        ("front", "The 'steps' parameter of StagedMerge must be"),
    ],
)
def test_staged_refuses_steps_that_do_not_fit(steps, message):
    with pytest.raises(ValueError, match=message):
        merge_network(StagedMerge(steps), STAGED_WIDTHS)


def test_staged_parameters_are_addressed_by_step():
    merge = StagedMerge(STEPS, final=GatedMerge(units=4))

    params = merge.get_params()

    assert params["seen"] == "average"
    assert params["seen__units"] is None
    assert params["told"] is STEPS[1][1]
    assert params["final__units"] == 4
    assert set(merge.get_params(deep=False)) == {"steps", "final"}


def test_staged_set_params_makes_a_string_a_merge_and_leaves_the_users_list_alone():
    steps = [("seen", "average", ["front", "back"]), ("told", "add", ["seen", "text"])]
    merge = StagedMerge(steps)

    merge.set_params(seen__units=8, told=AttentionMerge(), told__num_heads=2, final__units=5, final="gated")

    assert steps == [("seen", "average", ["front", "back"]), ("told", "add", ["seen", "text"])]
    assert repr(merge.get_params()["seen"]) == "AverageMerge(units=8)"
    assert repr(merge.get_params()["told"]) == "AttentionMerge(num_heads=2)"
    assert repr(merge.final) == "GatedMerge(units=5)"
    assert merge_network(merge, STAGED_WIDTHS).get_layer("front__projection").units == 8


def test_staged_set_params_takes_new_steps_first():
    merge = StagedMerge([("old", "add", ["a"])]).set_params(new__units=3, steps=[("new", "add", ["a"])])

    assert merge.get_params()["new__units"] == 3


def test_staged_set_params_reaches_into_nested_stages():
    merge = StagedMerge([("outer", StagedMerge([("inner", "add", ["a", "b"])]), ["a", "b"])])

    merge.set_params(outer__inner__units=7)

    assert merge.get_params()["outer__inner__units"] == 7


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"sen__units": 3}, r"no parameter 'sen__units'; it has .*'seen'.* Did you mean 'seen'\?"),
        ({"seen__unit": 3}, "Invalid parameter 'unit' for estimator AverageMerge"),
        ({"seen": subtract, "seen__units": 3}, "'seen' is .*, which has no parameters to set"),
    ],
)
def test_staged_set_params_refuses_unknown_names(params, message):
    with pytest.raises(ValueError, match=message):
        StagedMerge(STEPS).set_params(**params)


def test_staged_clone_copies_merges_and_keeps_their_parameters():
    merge = StagedMerge([("seen", AttentionMerge(units=3), ["front", "back"])], final=GatedMerge(2))

    twin = clone(merge).set_params(seen__units=9, final__units=9)

    assert merge.get_params()["seen__units"] == 3
    assert merge.final.units == 2
    assert twin.get_params()["seen__units"] == 9


@pytest.mark.parametrize("steps", [None, [("s", "add")], 3])
def test_staged_with_malformed_steps_still_shows_its_parameters(steps):
    assert StagedMerge(steps).get_params()["steps"] is steps


@pytest.mark.parametrize("name", MERGES)
def test_a_string_stands_for_the_merge_with_defaults(name):
    merge = as_merge(name)

    assert type(merge) is MERGES[name]
    assert merge.get_params() == MERGES[name]().get_params()


def test_combine_leaves_the_users_staged_merge_as_it_was():
    part, final = GatedMerge(), AddMerge()
    merge = StagedMerge([("s", part, ["a", "b"])], final=final)
    tensors = {name: keras.Input((4,)) for name in "abc"}

    merge.combine(tensors, {})

    assert merge.steps[0][1] is part
    assert vars(part) == vars(final) == {"units": None}
    assert list(tensors) == ["a", "b", "c"]
