"""What few rows drop follows from how closely the target follows the inputs."""

import pickle

import keras
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import skmulti
from skmulti import (
    CalendarEncoder,
    DenseHead,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    PiecewiseBranch,
    TargetSpec,
    TextBranch,
    TextVectorizer,
)
from skmulti.layers import open_dropouts
from skmulti.training.closeness import PENALTIES, Look, explained_share, look
from skmulti.training.defaults import Recipe, auto_dropout
from skmulti.training.run import Rows

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(RNG.normal(size=(120, 3)), columns=["a", "b", "c"])
FOLLOWS = pd.Series(3 * FRAME["a"] - FRAME["b"], name="y")
NOISE = pd.Series(RNG.normal(size=120), name="y")


def regressor(**params):
    return MultiInputRegressor(**{"epochs": 1, "random_state": 0, **params})


def rates(est):
    """Return the shares that the open layers of an estimator's network drop."""
    return {layer.chosen for layer in open_dropouts(est.model_)}


def test_the_share_is_that_of_rows_left_out_one_by_one():
    vectors, targets = RNG.normal(size=(12, 4)), RNG.normal(size=(12, 2))
    scaled = (vectors - vectors.mean(axis=0)) / vectors.std(axis=0)
    products = scaled @ scaled.T / 4 + 1
    centred = targets - targets.mean(axis=0)
    shares = []
    for penalty in PENALTIES:
        errors = []
        for row in range(12):
            others = np.delete(np.arange(12), row)
            weights = np.linalg.solve(products[np.ix_(others, others)] + penalty * np.eye(11), centred[others])
            errors.append(centred[row] - products[row, others] @ weights)
        shares.append(1 - np.square(errors).sum() / np.square(centred).sum())
    assert_allclose(explained_share(vectors, targets), max(shares), rtol=1e-8)


@pytest.mark.parametrize(
    ("vectors", "targets"),
    [
        (np.full((5, 2), np.nan), np.arange(5.0)[:, None]),
        (np.ones((5, 2)), np.arange(5.0)[:, None]),
        (RNG.normal(size=(5, 2)), np.ones((5, 1))),
    ],
)
def test_nothing_can_be_told_of_what_does_not_vary_or_is_not_finite(vectors, targets):
    assert explained_share(vectors, targets) is None


class TestRule:
    @pytest.mark.parametrize(
        ("n_rows", "share", "expected"),
        [(999, None, 0.5), (999, 0.2, 0.5), (999, 0.65, 0.25), (999, 0.9, 0.0), (999, -3.0, 0.5), (1000, 0.2, 0.0)],
    )
    def test_the_closer_the_less(self, n_rows, share, expected):
        assert auto_dropout(n_rows, share) == pytest.approx(expected)

    @pytest.mark.parametrize(("share", "expected"), [(None, 0.5), (0.1, 0.5), (0.3, 0.25), (0.5, 0.0)])
    def test_of_classes_less_is_explained(self, share, expected):
        assert auto_dropout(999, share, classes=True) == pytest.approx(expected)

    def test_a_hold_out_needs_less(self):
        assert auto_dropout(999, 0.5, held=True) == pytest.approx(0.25)
        assert auto_dropout(999, 0.4, classes=True, held=True) == 0.0

    @pytest.mark.parametrize(("share", "left_out"), [(None, ()), (0.4, ()), (0.6, ("text",))])
    def test_an_idle_input_is_left_out_where_others_tell_the_target(self, share, left_out):
        recipe = Recipe.of(600, TargetSpec()).with_look(Look(share, ("text",)))
        assert recipe.left_out == left_out
        assert recipe.reasons["left_out"].startswith("auto: the other" if left_out else "auto: every")

    @pytest.mark.parametrize(
        ("share", "left_out"), [(0.0, ("dates",)), (0.4, ("dates",)), (0.6, ("dates", "text")), (0.9, ("text",))]
    )
    def test_an_idle_input_of_which_a_look_sees_all_is_left_out_where_much_is_random(self, share, left_out):
        recipe = Recipe.of(600, TargetSpec()).with_look(Look(share, ("dates", "text")), plain=["dates"])
        assert recipe.left_out == left_out

    @pytest.mark.parametrize(("stops_early", "left_out"), [(False, ("text",)), (True, ())])
    def test_behind_a_pretrained_network_it_is_left_out_where_no_hold_out_ends_the_fit(self, stops_early, left_out):
        recipe = Recipe.of(300, TargetSpec(), stops_early=stops_early)
        assert recipe.with_look(Look(0.1, ("text",)), pretrained=True).left_out == left_out


class TestFit:
    def test_a_target_that_follows_drops_nothing_and_noise_half(self):
        close, loose = regressor().fit(FRAME, FOLLOWS), regressor().fit(FRAME, NOISE)
        assert close.recipe_.closeness > 0.9
        assert rates(close) == {0.0} == {close.recipe_.dropout}
        assert loose.recipe_.closeness < 0.3
        assert rates(loose) == {0.5} == {loose.recipe_.dropout}
        assert close.recipe_.reasons["dropout"].startswith("auto: few rows, of whose target the inputs explain ")

    @pytest.mark.parametrize("y", [FOLLOWS > 0, (FOLLOWS // 2).clip(-1, 1), np.column_stack([FOLLOWS, NOISE])])
    def test_classes_and_several_outputs_have_a_share(self, y):
        classes = np.ndim(y) == 1
        est = (MultiInputClassifier if classes else MultiInputRegressor)(epochs=1, random_state=0).fit(FRAME, y)
        assert 0 < est.recipe_.closeness < 1
        assert rates(est) == {est.recipe_.dropout}

    def test_what_is_given_stays(self):
        est = regressor(head=DenseHead((4,), dropout=0.3), branches={"numbers": PiecewiseBranch(dropout=0.2)})
        est.fit(FRAME, FOLLOWS)
        assert rates(est) == set()
        assert est.recipe_.closeness is None
        assert est.model_.get_layer("head__dropout_0").rate == 0.3

    def test_a_plan_says_the_same_as_the_fit(self):
        assert regressor().plan(FRAME, FOLLOWS).recipe.dropout == 0.0

    def test_chunks_drop_what_suits_few_rows(self):
        est = regressor().partial_fit(FRAME, FOLLOWS)
        assert rates(est) == {0.5}
        assert est.recipe_.closeness is None

    def test_a_fit_that_goes_on_keeps_its_share(self):
        est = regressor(warm_start=True).fit(FRAME, FOLLOWS).fit(FRAME, NOISE)
        assert rates(est) == {0.0}

    def test_several_networks_drop_the_same(self):
        est = regressor(n_networks=2).fit(FRAME, FOLLOWS)
        assert est.recipe_.dropout == 0.0

    def test_round_trips_keep_share_and_predictions(self, tmp_path):
        est = regressor().fit(FRAME, NOISE * 0.7 + FOLLOWS * 0.3)
        skmulti.save(est, tmp_path / "est.skm")
        for other in (pickle.loads(pickle.dumps(est)), skmulti.load(tmp_path / "est.skm")):
            assert rates(other) == rates(est)
            assert other.recipe_.closeness == est.recipe_.closeness
            assert_array_equal(other.predict(FRAME), est.predict(FRAME))

    def test_rows_without_a_merge_are_not_looked_at(self):
        est = regressor(model=lambda inputs, target: keras.layers.Dense(1)(inputs["numbers"])).fit(FRAME, FOLLOWS)
        assert est.recipe_.closeness is None
        arrays = est.router_.transform(FRAME)
        assert look(est.model_, Rows(arrays, FOLLOWS.to_numpy()[:, None], None), classes=False) == Look()


class TestLeftOut:
    """A text whose words are nearly all different, beside numbers that tell the target."""

    WORDS = pd.DataFrame(RNG.integers(0, 300, (240, 3))).map("word{}".format).agg(" ".join, axis=1)
    TABLE = pd.DataFrame(RNG.normal(size=(240, 2)), columns=["a", "b"]).assign(name=WORDS)
    Y = TABLE["a"] - 2 * TABLE["b"]

    def fit(self, y=None, **params):
        return regressor(**params).fit(self.TABLE, self.Y if y is None else y)

    def test_it_changes_no_prediction(self):
        est = self.fit(verbose=0)
        assert est.recipe_.left_out == ("name",)
        other = self.TABLE.assign(name=self.TABLE["name"].iloc[::-1].to_numpy())
        assert_array_equal(est.predict(other), est.predict(self.TABLE))
        assert_array_equal(est.embed(self.TABLE, "name"), 0)

    def test_it_is_told(self, capsys):
        self.fit(verbose=1)
        assert "left out 'name': the other inputs explain the target no less" in capsys.readouterr().out
        assert "left out" in str(regressor().plan(self.TABLE, self.Y))

    @pytest.mark.parametrize(
        "params",
        [
            {"router": InputRouter(kinds={"name": "text"})},
            {"router": InputRouter([("numbers", NumberScaler(), ["a", "b"]), ("name", TextVectorizer(), "name")])},
            {"branches": {"name": TextBranch("bag")}},
            {"branches__name__dropout": 0.1},
        ],
    )
    def test_what_a_user_names_is_read(self, params):
        assert self.fit(**params).recipe_.left_out == ()

    def test_words_that_tell_the_target_are_read(self):
        y = self.TABLE["name"].str.len() + self.Y / 10
        assert self.fit(y).recipe_.left_out == ()

    def test_several_networks_leave_out_the_same(self):
        est = self.fit(n_networks=2)
        assert est.recipe_.left_out == ("name",)
        other = self.TABLE.assign(name="other")
        assert_array_equal(est.predict(other), est.predict(self.TABLE))

    def test_round_trips(self, tmp_path):
        est = self.fit()
        skmulti.save(est, tmp_path / "est.skm")
        for other in (pickle.loads(pickle.dumps(est)), skmulti.load(tmp_path / "est.skm")):
            assert_array_equal(other.predict(self.TABLE), est.predict(self.TABLE))
            assert other.recipe_.left_out == ("name",)


class TestDatesLeftOut:
    """Dates at random, beside numbers that tell little of the target."""

    DAYS = pd.to_datetime("2024-01-01") + pd.to_timedelta(RNG.integers(0, 300 * 24, 240), unit="h")
    TABLE = pd.DataFrame({"a": RNG.normal(size=240), "day": DAYS})
    NOISE = pd.Series(RNG.normal(size=240))

    def test_dates_that_tell_nothing_change_no_prediction(self):
        est = regressor().fit(self.TABLE, self.NOISE + self.TABLE["a"] / 2)
        assert est.recipe_.left_out == ("dates",)
        assert est.recipe_.closeness < 0.5
        other = self.TABLE.assign(day=self.TABLE["day"].iloc[::-1].to_numpy())
        assert_array_equal(est.predict(other), est.predict(self.TABLE))

    @pytest.mark.parametrize("part", ["day_of_year", "day_of_week", "hour"])
    def test_dates_that_tell_the_target_are_read(self, part):
        told = getattr(self.TABLE["day"].dt, part)
        est = regressor().fit(self.TABLE, self.NOISE / 3 + (told - told.mean()) / told.std())
        assert est.recipe_.left_out == ()
        assert est.recipe_.closeness > 0.5

    @pytest.mark.parametrize(
        "params", [{"router": InputRouter(kinds={"day": CalendarEncoder()})}, {"branches__dates__units": (8,)}]
    )
    def test_dates_that_a_user_names_are_read(self, params):
        assert regressor(**params).fit(self.TABLE, self.NOISE).recipe_.left_out == ()

    def test_dates_of_many_rows_are_read(self):
        table = pd.concat([self.TABLE] * 12, ignore_index=True)
        assert regressor().fit(table, pd.Series(RNG.normal(size=len(table)))).recipe_.left_out == ()
