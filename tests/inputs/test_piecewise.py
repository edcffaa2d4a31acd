"""Numbers read by a piecewise linear function of each column: edges of bins, and the branch over them."""

from itertools import pairwise

import keras
import numpy as np
import pandas as pd
import pytest
from common import predict, seeded_build
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.base import clone

from skmulti import DenseHead, InputRouter, MultiInputRegressor
from skmulti.inputs.vector import NumberScaler, PiecewiseBranch, bin_edges
from skmulti.layers.numbers import ColumnDense, PiecewiseLinear
from skmulti.network.reload import all_layers
from skmulti.spec import ArraySpec

SPEC = ArraySpec("numbers", "vector", (3,), "float32")
NAN = np.nan


def layer_of(model, kind):
    """Return the one layer of a class in a model."""
    (layer,) = [layer for layer in all_layers(model) if isinstance(layer, kind)]
    return layer


# --- edges


class TestBinEdges:
    @pytest.mark.parametrize("bins", [2, 5, 48])
    @pytest.mark.parametrize("draw", ["normal", "lognormal", "uniform"])
    def test_edges_of_continuous_values_are_their_quantiles(self, bins, draw):
        values = getattr(np.random.default_rng(0), draw)(size=1_000)
        assert_allclose(bin_edges(values, bins), np.quantile(values, np.linspace(0, 1, bins + 1)))

    def test_a_value_of_many_rows_is_an_edge_and_the_rest_has_quantiles_of_its_own(self):
        # 0 has 5 of 10 rows, more than 1 / 4; the three other bins divide 1, ..., 5.
        values = [0] * 5 + [1, 2, 3, 4, 5]
        assert_allclose(bin_edges(values, 4), [0, 1, 1 + 4 / 3, 1 + 8 / 3, 5])

    @pytest.mark.parametrize("heavy", [-100.0, 0.123, 100.0])
    def test_a_value_of_more_than_its_share_of_rows_is_an_edge(self, heavy):
        values = np.random.default_rng(0).normal(size=100)
        values[:21] = heavy
        assert heavy in bin_edges(values, 5)

    def test_several_values_of_many_rows_are_edges(self):
        values = np.concatenate([np.repeat([0, 50, 99], 30), np.arange(1, 41)])
        edges = bin_edges(values, 6)
        assert {0, 50, 99} <= set(edges)
        assert len(edges) <= 7

    @pytest.mark.parametrize("values", [[3, 1, 1, 2], [3, 1, 2, NAN, 2, 2]])
    def test_few_different_values_are_the_edges(self, values):
        assert bin_edges(values, 10).tolist() == [1, 2, 3]

    def test_one_value_more_than_bins_makes_each_an_edge(self):
        assert bin_edges([1, 2, 4, 8, 8, 8], 3).tolist() == [1, 2, 4, 8]

    def test_two_values_are_one_bin(self):
        assert bin_edges([1, 0, 0, 1, 0], 48).tolist() == [0, 1]

    @pytest.mark.parametrize("values", [[7], [7, 7, 7], [7, NAN]])
    def test_a_constant_is_in_the_middle_of_one_bin(self, values):
        assert bin_edges(values, 4).tolist() == [6.5, 7.5]

    @pytest.mark.parametrize("values", [[], [NAN, NAN]])
    def test_a_column_without_values_has_one_bin(self, values):
        assert bin_edges(values, 4).tolist() == [-0.5, 0.5]

    def test_missing_values_are_left_out(self):
        values = np.random.default_rng(0).normal(size=100)
        with_gaps = np.concatenate([values, [NAN] * 70])
        assert_array_equal(bin_edges(with_gaps, 5), bin_edges(values, 5))

    def test_the_order_of_rows_does_not_matter(self):
        values = np.random.default_rng(0).integers(0, 30, size=200)
        assert_array_equal(bin_edges(values[::-1], 7), bin_edges(values, 7))

    def test_values_that_float32_can_hardly_tell_apart_share_an_edge(self):
        assert bin_edges([1, 1 + 1e-9, 2, 3], 10).tolist() == [1, 2, 3]
        assert bin_edges([0, 1e-9, 1], 10).tolist() == [0, 1e-9, 1]

    def test_a_few_outliers_leave_the_other_values_their_bins(self):
        values = np.random.default_rng(0).normal(size=1000)
        values[:5] *= 1e6
        others = bin_edges(values[5:], 20)
        assert_allclose(bin_edges(values, 20)[1:-1], others[1:-1], atol=0.1)


ODD_COLUMNS = {
    "near-equal": np.concatenate([np.full(50, 1.0), np.full(50, np.nextafter(1, 2)), np.arange(50)]),
    "near-equal of float32": 1 + np.finfo("float32").eps * np.arange(100),
    "timestamps": 1.7e9 + np.arange(100) * 60.0,
    "one far away": np.append(np.random.default_rng(0).normal(size=99), 1e30),
    "two far away": np.append(np.random.default_rng(0).normal(size=98), [1e30, -1e30]),
    "heavy and near": np.concatenate([np.zeros(80), np.linspace(1e-12, 1, 100)]),
    "powers": 10.0 ** np.arange(-30, 30),
    "small": np.arange(100) * 1e-30,
    "integers": np.repeat(np.arange(7), 20),
    "constant": np.full(60, 3.0),
    "missing": np.full(60, NAN),
}
FAR = [-3e30, -1e9, -1.0, 0.0, 1e-30, 1.0, 1e9, 3e30]


@pytest.mark.parametrize("bins", [1, 2, 5, 48])
@pytest.mark.parametrize("column", ODD_COLUMNS.values(), ids=ODD_COLUMNS)
def test_edges_increase_and_are_at_most_one_more_than_bins(column, bins):
    edges = bin_edges(column, bins)
    assert (np.diff(edges) > 0).all()
    assert 2 <= len(edges) <= bins + 1


@pytest.mark.parametrize("column", ODD_COLUMNS.values(), ids=ODD_COLUMNS)
def test_every_number_has_a_finite_place_in_the_bins(column):
    layer = PiecewiseLinear([bin_edges(column, 48)])
    numbers = np.concatenate([column[~np.isnan(column)], FAR]).astype("float32")
    filled = predict(layer, numbers[:, None])
    assert np.isfinite(filled).all()
    assert filled.min() >= 0
    assert filled.max() <= 1


@pytest.mark.parametrize("column", [[0.0, 1e-39], [0.0, 5e-324]])
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning", "ignore:divide by zero:RuntimeWarning")
def test_numbers_next_to_nothing_have_a_finite_place_in_the_bins(column):
    filled = predict(PiecewiseLinear([bin_edges(column, 4)]), np.array(column, "float32")[:, None])
    assert np.isfinite(filled).all()


def test_a_curve_with_bends_at_the_edges_is_linear_in_the_bins():
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=400)
    edges = bin_edges(numbers, 8)
    curve = np.interp(numbers, edges, rng.normal(size=9))
    filled = predict(PiecewiseLinear([edges], dtype="float64"), numbers[:, None])[:, 0]
    design = np.column_stack([filled, np.ones(400)])
    solution = np.linalg.lstsq(design, curve, rcond=None)[0]
    assert_allclose(design @ solution, curve, atol=1e-8)


# --- the branch


@pytest.fixture(scope="module")
def sample():
    """Return 100 rows of three columns: continuous, an indicator, and one with gaps."""
    rng = np.random.default_rng(0)
    values = np.column_stack([rng.normal(size=100), rng.integers(0, 2, 100), rng.lognormal(size=100)])
    values[::7, 2] = NAN
    return values.astype("float32")


class TestPiecewiseBranch:
    def test_the_output_is_a_curve_of_each_column_then_the_numbers(self, sample):
        model = seeded_build(PiecewiseBranch(bins=4, embedding_dim=2), SPEC, sample)
        kernel, bias = layer_of(model, ColumnDense).get_weights()
        rows = sample[~np.isnan(sample).any(axis=1)]
        curves = []
        for c in range(3):
            edges = bin_edges(sample[:, c], 4)
            filled = np.zeros((len(rows), 4))
            for b, (low, high) in enumerate(pairwise(edges)):
                filled[:, b] = np.clip((rows[:, c] - low) / (high - low), 0, 1)
            curves.append(np.maximum(filled @ kernel[c] + bias[c], 0))
        assert_allclose(predict(model, rows), np.hstack([*curves, rows]), rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize(("n_rows", "n_bins"), [(40, 2), (59, 2), (60, 3), (100, 5)])
    def test_a_bin_holds_20_rows(self, n_rows, n_bins):
        sample = np.random.default_rng(0).normal(size=(n_rows, 3))
        model = seeded_build(PiecewiseBranch(), SPEC, sample)
        assert [len(column) - 1 for column in layer_of(model, PiecewiseLinear).edges] == [n_bins] * 3

    def test_bins_are_the_most_there_are(self):
        sample = np.random.default_rng(0).normal(size=(300, 3))
        model = seeded_build(PiecewiseBranch(bins=3), SPEC, sample)
        assert [len(column) - 1 for column in layer_of(model, PiecewiseLinear).edges] == [3] * 3

    @pytest.mark.parametrize("n_rows", [1, 39])
    def test_below_40_rows_the_numbers_are_all_there_is(self, n_rows):
        rows = np.random.default_rng(0).normal(size=(n_rows, 3)).astype("float32")
        assert_array_equal(predict(seeded_build(PiecewiseBranch(), SPEC, rows), rows), rows)

    def test_without_a_sample_edges_are_quantiles_of_a_normal_distribution(self):
        model = seeded_build(PiecewiseBranch(bins=4), SPEC, None)
        edges = norm.ppf([0.1, 0.3, 0.5, 0.7, 0.9])
        assert_allclose(layer_of(model, PiecewiseLinear).edges, [edges] * 3, atol=1e-12)
        assert model.output_shape == (None, 3 * 17)

    def test_one_bin_would_be_the_number_itself(self, sample):
        rows = sample[1:7]
        assert_array_equal(predict(seeded_build(PiecewiseBranch(bins=1), SPEC, sample), rows), rows)

    def test_outside_of_the_training_range_numbers_grow_with_the_logarithm(self):
        rows = np.random.default_rng(0).uniform([0, -2, 5], [1, 0, 9], (200, 3)).astype("float32")
        model = seeded_build(PiecewiseBranch(bins=1), SPEC, rows)
        lowest, highest = rows.min(axis=0), rows.max(axis=0)
        margin = (highest - lowest) / 4
        distance = np.array([[0.01], [0.3], [1], [10], [1e6]])
        above, below = (predict(model, values) for values in (highest + distance * margin, lowest - distance * margin))
        assert_allclose(above, highest + margin * np.log1p(distance), rtol=1e-4)
        assert_allclose(below, lowest - margin * np.log1p(distance), rtol=1e-4)

    @pytest.mark.parametrize("value", [0.0, 2.5, NAN])
    def test_a_column_of_one_value_or_none_has_a_range_of_width_1(self, value):
        rows = np.array([[1, value, 0], [2, value, 1]], "float32")
        model = seeded_build(PiecewiseBranch(), SPEC, rows)
        start = np.nan_to_num(value)
        expected = [[1, start + np.log1p(4) / 4, 0.5]]
        assert_allclose(predict(model, np.array([[1, start + 1, 0.5]], "float32")), expected, rtol=1e-6)

    @pytest.mark.parametrize("scale", [1e-38, 1, 2e38])
    def test_no_size_of_the_numbers_gives_nan(self, scale, sample):
        model = seeded_build(PiecewiseBranch(bins=1), SPEC, np.clip(sample, -1, 1) * np.float32(scale))
        far = np.array([[3e38, -3e38, 1e38], [scale, -scale, 0]], "float32")
        assert np.isfinite(predict(model, far)).all()

    @pytest.mark.parametrize("n_rows", [30, 80])
    def test_whole_numbers_are_read_as_floats(self, n_rows):
        rows = np.random.default_rng(0).integers(0, 9, (n_rows, 3)).astype("int32")
        model = seeded_build(PiecewiseBranch(), ArraySpec("numbers", "vector", (3,), "int32"), rows)
        assert_array_equal(predict(model, rows)[:, -3:], rows)

    def test_without_a_sample_numbers_stay_as_they_are(self):
        far = np.full((1, 3), 1e6, "float32")
        assert_array_equal(predict(seeded_build(PiecewiseBranch(bins=1), SPEC, None), far), far)

    def test_missing_numbers_are_at_first_the_training_means(self, sample):
        model = seeded_build(PiecewiseBranch(embedding_dim=2), SPEC, sample)
        missing = np.array([[NAN, NAN, NAN]], "float32")
        filled = np.nanmean(sample, axis=0, keepdims=True).astype("float32")
        assert_allclose(predict(model, missing), predict(model, filled), rtol=1e-5, atol=1e-6)

    @pytest.mark.parametrize(("units", "width"), [((), 3 * 17), ((8,), 8), ((8, 5), 5)])
    def test_dense_layers_decide_the_width(self, units, width, sample):
        assert seeded_build(PiecewiseBranch(units=units), SPEC, sample).output_shape == (None, width)

    def test_dropout_is_for_training_only(self, sample):
        rows = sample[1:7]
        model = seeded_build(PiecewiseBranch(dropout=0.9), SPEC, sample)
        plain = seeded_build(PiecewiseBranch(), SPEC, sample)
        assert_array_equal(predict(model, rows), predict(plain, rows))
        assert not np.array_equal(model(rows, training=True), predict(model, rows))

    def test_dropout_leaves_the_numbers_themselves(self, sample):
        rows = sample[1:7]
        model = seeded_build(PiecewiseBranch(dropout=0.9), SPEC, sample)
        assert_array_equal(model(rows, training=True)[:, -3:], rows)

    def test_the_sample_is_left_as_it_was(self, sample):
        before = sample.copy()
        seeded_build(PiecewiseBranch(), SPEC, sample)
        assert_array_equal(sample, before)

    def test_it_reloads_in_safe_mode_with_its_edges(self, sample, tmp_path):
        model = seeded_build(PiecewiseBranch(units=(4,), dropout=0.1), SPEC, sample)
        model.save(tmp_path / "branch.keras")
        loaded = keras.saving.load_model(tmp_path / "branch.keras", safe_mode=True)
        for rows in (sample, 100 * sample):
            assert_array_equal(predict(loaded, rows), predict(model, rows))

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"bins": 0}, "The 'bins' parameter of PiecewiseBranch"),
            ({"bins": "auto"}, "The 'bins' parameter"),
            ({"embedding_dim": 0}, "The 'embedding_dim' parameter"),
            ({"units": 8}, "The 'units' parameter"),
            ({"units": (0,)}, "units must hold positive integers"),
            ({"dropout": 1}, "The 'dropout' parameter"),
        ],
    )
    def test_bad_parameters_are_refused(self, params, message, sample):
        with pytest.raises(ValueError, match=message):
            PiecewiseBranch(**params).build(SPEC, sample)


# --- in an estimator


ROUTER = InputRouter([("numbers", NumberScaler(), ["a", "b"])])


@pytest.fixture(scope="module")
def fitted():
    """Return (regressor, frame) with the default branch of numbers, its bins changed."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=60), "b": rng.integers(0, 9, 60)})
    est = MultiInputRegressor(ROUTER, head=DenseHead(()), epochs=1, random_state=0, compile__run_eagerly=True)
    est.set_params(branches__numbers__bins=3, branches__numbers__embedding_dim=2)
    return est.fit(frame, frame["a"] ** 2), frame


class TestEstimator:
    def test_numbers_are_read_by_bins_unless_the_user_says_so(self):
        assert NumberScaler.default_branch is PiecewiseBranch
        assert MultiInputRegressor(ROUTER).get_params()["branches__numbers__bins"] == 48

    def test_parameters_reach_the_default_branch(self, fitted):
        est, _ = fitted
        assert (est.branches_["numbers"].bins, est.branches_["numbers"].embedding_dim) == (3, 2)

    def test_edges_are_those_of_the_encoded_training_rows(self, fitted):
        est, frame = fitted
        encoded = est.router_.transform(frame)["numbers"]
        edges = layer_of(est.model_, PiecewiseLinear).edges
        for column, expected in zip(encoded.T, edges, strict=True):
            assert_allclose(bin_edges(column, 3), expected)

    def test_a_new_number_far_off_moves_no_prediction_out_of_sight(self, fitted):
        est, frame = fitted
        far = est.predict(pd.DataFrame({"a": [-1e9, 1e9, 0.0], "b": [1e9, 0.0, -1e9]}))
        assert np.abs(far).max() < 100 * np.abs(est.predict(frame)).max()

    def test_a_column_that_is_constant_in_the_first_chunk_is_learned_from_later_ones(self):
        rng = np.random.default_rng(0)
        frame = pd.DataFrame({"a": rng.normal(size=400), "b": rng.integers(0, 2, 400)})
        goal = 3.0 * frame["b"]
        est = MultiInputRegressor(ROUTER, head=DenseHead(()), optimizer__learning_rate=0.05, random_state=0)
        est.partial_fit(frame[:1], goal[:1])
        for _ in range(30):
            est.partial_fit(frame, goal)
        assert est.score(frame, goal) > 0.9

    def test_numbers_that_rise_from_chunk_to_chunk_are_told_apart(self):
        frame = pd.DataFrame({"a": np.linspace(0, 10, 2_000), "b": np.zeros(2_000)})
        goal = 3.0 * frame["a"]
        est = MultiInputRegressor(ROUTER, optimizer__learning_rate=0.01, random_state=0)
        for _ in range(3):
            for start in range(0, 2_000, 200):
                est.partial_fit(frame[start : start + 200], goal[start : start + 200])
        assert est.score(frame, goal) > 0.9

    def test_a_clone_learns_edges_of_its_own(self, fitted):
        est, frame = fitted
        other = clone(est).fit(frame.assign(a=frame["a"] ** 3), frame["a"])
        first, second = (layer_of(model, PiecewiseLinear).edges for model in (est.model_, other.model_))
        assert first[0] != second[0]
        assert_allclose(first[1], second[1])
