"""Drawings of a report that no display makes: probabilities beside what came true, and errors of numbers."""

import numpy as np

from .._svg import figure_to_svg

# Seen on paper and in the dark. What is black becomes the colour of the page's text.
ACCENT = "#3b82f6"
INK = "black"
# Points of a drawing; more of them hide each other, and make the file large.
MOST_POINTS = 1500


def _axes(width, height, n_columns=1):
    """Return a figure and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, n_columns, squeeze=False)[0]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    return figure, axes


def draw_reliability(found, label):
    """Return the curve of a `Reliability`, the size of a point by the weight of its bin."""
    figure, (axes,) = _axes(4.6, 4.2)
    _, _, weight, said, came = np.array(found.table).T
    axes.plot([0, 1], [0, 1], color=INK, linewidth=0.8, linestyle="--", alpha=0.6)
    axes.plot(said, came, color=ACCENT, linewidth=1.2)
    axes.scatter(said, came, s=12 + 180 * weight / weight.max(), color=ACCENT, alpha=0.8)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="probability, mean of the bin", ylabel="share that came true")
    return figure_to_svg(figure, label=label)


def draw_errors(output, random_state, label):
    """Return predicted against true numbers, and how often each error occurs."""
    figure, (points, errors) = _axes(9, 3.8, 2)
    some = np.arange(len(output.truth))
    if len(some) > MOST_POINTS:
        some = np.random.default_rng(random_state).choice(some, MOST_POINTS, replace=False)
    ends = [min(output.truth.min(), output.predicted.min()), max(output.truth.max(), output.predicted.max())]
    points.plot(ends, ends, color=INK, linewidth=0.8, linestyle="--", alpha=0.6)
    points.scatter(output.truth[some], output.predicted[some], s=9, color=ACCENT, alpha=0.5, linewidths=0)
    points.set(xlabel="true", ylabel="predicted")
    errors.hist(output.predicted - output.truth, bins=min(40, max(5, len(output.truth) // 8)), color=ACCENT, alpha=0.8)
    errors.axvline(0, color=INK, linewidth=0.8, linestyle="--", alpha=0.6)
    errors.set(xlabel="predicted - true", ylabel="rows")
    return figure_to_svg(figure, label=label)


def draw_training(estimators, label):
    """Return loss and metrics of each epoch of one fit or several."""
    from matplotlib.figure import Figure

    from ..displays import TrainingDisplay

    names = {"fit": estimators[0]} if len(estimators) == 1 else {f"fold {k}": e for k, e in enumerate(estimators, 1)}
    n_figures = len({name.removeprefix("val_") for one in estimators for name in one.history_})
    # A figure of its own, of which pyplot, that belongs to the user, does not know.
    figure = Figure(figsize=(5, 1 + 1.6 * n_figures), layout="constrained")
    TrainingDisplay.from_estimators(names, ax=figure.subplots())
    return figure_to_svg(figure, label=label)


def draw_importances(found, label):
    """Return the importances of inputs."""
    from matplotlib.figure import Figure

    from ..displays import InputImportanceDisplay

    figure = Figure(figsize=(5, 1.2 + 0.4 * min(len(found.names), 20)), layout="constrained")
    InputImportanceDisplay.from_importances(found, ax=figure.subplots())
    return figure_to_svg(figure, label=label)
