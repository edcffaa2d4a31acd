"""Scores, intervals, confusions and calibration of a report, held against scikit-learn and against numbers by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn import metrics

from skmulti.inspection.evaluation import ClassOutput, NumberOutput
from skmulti.inspection.reporting.calibration import reliability
from skmulti.inspection.reporting.mistakes import worst_entries
from skmulti.inspection.reporting.sections import count_confusions
from skmulti.inspection.scores import draw_weights, score_output


def classes(n_classes, n=80, seed=0):
    """Return an output of classes with ties among its probabilities, and weights of its rows."""
    rng = np.random.default_rng(seed)
    proba = rng.dirichlet(np.ones(n_classes), n).round(1) + 0.01
    proba /= proba.sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(n_classes, p=row) for row in proba])
    labels = [f"class {k}" for k in range(n_classes)]
    return ClassOutput("", labels, truth, proba.argmax(axis=1), proba), rng.uniform(0.5, 2, n)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_figures_of_classes_are_those_of_scikit_learn(n_classes):
    output, weight = classes(n_classes)
    own = {name: found[0] for name, found in output.figures(weight[None]).items()}
    options = {"sample_weight": weight}
    ranks = output.proba[:, 1] if n_classes == 2 else output.proba
    multi = {} if n_classes == 2 else {"multi_class": "ovr"}
    expected = {
        "accuracy": metrics.accuracy_score(output.truth, output.predicted, **options),
        "balanced accuracy": metrics.balanced_accuracy_score(output.truth, output.predicted, **options),
        "ROC AUC": metrics.roc_auc_score(output.truth, ranks, **multi, **options),
        "log loss": metrics.log_loss(output.truth, output.proba, **options),
        "Brier score": metrics.brier_score_loss(output.truth, ranks, **options),
    }
    assert_allclose([own[name] for name in expected], list(expected.values()))


def test_figures_of_numbers_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth = 1e6 + rng.normal(size=60)
    output, weight = NumberOutput("", truth, truth + rng.normal(size=60)), rng.uniform(0.5, 2, 60)
    pair, options = (truth, output.predicted), {"sample_weight": weight}
    expected = {
        "R2": metrics.r2_score(*pair, **options),
        "MAE": metrics.mean_absolute_error(*pair, **options),
        "RMSE": metrics.root_mean_squared_error(*pair, **options),
    }
    for name, found in output.figures(weight[None]).items():
        assert_allclose(found, [expected[name]], err_msg=name)


def test_the_figures_of_a_draw_are_those_of_the_drawn_rows():
    output, _ = classes(3)
    (draws,) = draw_weights(np.arange(80), np.ones(80), 5, 0)
    assert draws.sum(axis=1).tolist() == [80] * 5
    found = output.figures(draws)
    for draw, weights in enumerate(draws.astype(int)):
        rows = np.repeat(np.arange(80), weights)
        expected = metrics.roc_auc_score(output.truth[rows], output.proba[rows], multi_class="ovr")
        assert_allclose(found["ROC AUC"][draw], expected)


def test_all_entries_of_a_row_are_drawn_together():
    rows = np.array([0, 1, 2, 0, 1, 2])
    (draws,) = draw_weights(rows, np.ones(6), 20, 0)
    assert (draws[:, :3] == draws[:, 3:]).all()


def test_intervals_cover_what_they_should():
    """Of 200 samples with an accuracy of 0.7, about 95 % of the intervals hold 0.7."""
    rng = np.random.default_rng(0)
    proba, covered = np.tile([0.4, 0.6], (100, 1)), 0
    for seed in range(200):
        truth = (rng.random(100) < 0.7).astype(int)
        output = ClassOutput("", [0, 1], truth, np.ones(100, dtype=int), proba)
        accuracy = score_output(output, np.ones(100), np.arange(100), n_draws=300, random_state=seed)[0]
        covered += accuracy.low <= 0.7 <= accuracy.high
    assert 180 <= covered <= 199


def test_equal_seeds_give_equal_intervals():
    output, weight = classes(3)
    one, two, other = (score_output(output, weight, np.arange(80), n_draws=50, random_state=k) for k in (1, 1, 2))
    assert one == two
    assert one != other


def test_a_constant_prediction_is_the_shares_of_the_classes():
    output, _ = classes(2)
    scores = {
        score.name: score for score in score_output(output, np.ones(80), np.arange(80), n_draws=10, random_state=0)
    }
    share = np.bincount(output.truth).max() / 80
    assert_allclose(scores["accuracy"].constant, share)
    assert_allclose(scores["log loss"].constant, -(share * np.log(share) + (1 - share) * np.log(1 - share)))
    assert scores["ROC AUC"].constant == 0.5


def test_figures_that_are_not_defined_are_nan():
    output = ClassOutput("", ["a", "b"], np.zeros(4, int), np.zeros(4, int), np.tile([0.8, 0.2], (4, 1)))
    scores = {score.name: score for score in score_output(output, np.ones(4), np.arange(4), n_draws=10, random_state=0)}
    assert np.isnan([scores["ROC AUC"].value, scores["ROC AUC"].low]).all()
    assert scores["accuracy"].value == 1
    same = NumberOutput("", np.full(4, 7.0), np.arange(4.0))
    assert np.isnan(same.figures(np.ones((1, 4)))["R2"]).all()


def test_calibration_error_by_hand():
    # In the bin of 0.1: said 0.1, came 1 of 2. In the bin of 0.8: said 0.8, came 1 of 2, of which one row weighs 3.
    found = reliability(
        np.array([0.1, 0.1, 0.8, 0.8]), np.array([True, False, True, False]), np.array([1, 1, 1, 3.0]), 0
    )
    assert_allclose(np.array(found.table), [[0.1, 0.2, 2, 0.1, 0.5], [0.8, 0.9, 4, 0.8, 0.25]])
    assert_allclose(found.error, (2 * 0.4 + 4 * 0.55) / 6)


def test_right_probabilities_stay_below_the_limit_of_chance():
    rng = np.random.default_rng(0)
    below = 0
    for _ in range(40):
        said = rng.random(200)
        found = reliability(said, rng.random(200) < said, np.ones(200), 0)
        below += found.error <= found.chance
    assert below >= 34
    wrong = reliability(said, rng.random(200) < said**4, np.ones(200), 0)
    assert wrong.error > wrong.chance


def test_confusions_are_those_of_scikit_learn():
    output, _ = classes(4)
    labels, counts = count_confusions(output)
    assert labels == output.classes
    assert (counts == metrics.confusion_matrix(output.truth, output.predicted, labels=range(4))).all()


def test_rare_classes_are_joined():
    output, _ = classes(30, n=200)
    labels, counts = count_confusions(output)
    assert len(labels) == 15
    assert labels[-1] == "16 others"
    assert counts.sum() == 200
    assert counts.shape == (15, 15)


def test_mistakes_are_ordered_by_their_loss():
    truth, proba = np.array([0, 0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.99, 0.01], [0.4, 0.6]])
    output = ClassOutput("", ["a", "b"], truth, proba.argmax(axis=1), proba)
    entries, losses = worst_entries([output], 10)
    assert entries.tolist() == [2, 1]
    assert_allclose(losses, [0, -np.log(0.2), -np.log(0.01), 0])
    numbers = NumberOutput("", np.array([1.0, 2, 3]), np.array([1.5, 2, 1]))
    assert worst_entries([numbers], 1)[0].tolist() == [2]
    # Errors of several outputs add up, whatever their units.
    doubled = NumberOutput("", np.array([1000.0, 2000, 3000]), np.array([1000.0, 5000, 3000]))
    assert worst_entries([numbers, doubled], 3)[0].tolist() == [1, 2, 0]
