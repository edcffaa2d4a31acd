"""The sections of a report: each is a function from findings to HTML, or to None if there is nothing to say.

Every text that comes from a user (cells, labels, names) passes through `escape` or `table`, which escapes.
"""

import math
from collections import Counter

import numpy as np

from ..._html import escape, table
from ...errors import shorten
from ...network import networks_in
from ...spec import layer_name
from .figures import draw_errors, draw_importances, draw_reliability, draw_training
from .unlike import rank_rows

# Classes that have a row and a column in a table of confusions; others are joined.
MOST_CLASSES = 15
# Rows that are listed as unlike, and reasons for each.
MOST_UNLIKE, MOST_REASONS = 10, 4

FIGURES = {
    "accuracy": "share of rows whose class is right",
    "balanced accuracy": "mean over classes of the share that is found",
    "ROC AUC": "0.5 by chance, 1 if every row of a class ranks before all others; mean over classes",
    "log loss": "lower is better; punishes what is sure and wrong",
    "Brier score": "lower is better; squared distance of the probabilities from what came true",
    "R2": "share of the variance that is explained",
    "MAE": "lower is better; mean absolute error, in units of y",
    "RMSE": "lower is better; root of the mean squared error, in units of y",
}


def number(value, digits=4):
    """Return a number in few characters; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "-"
    return f"{value:,.0f}" if abs(value) >= 10**digits else f"{value:.{digits}g}"


def short(value):
    """Return a label or name as a short text, which is not yet escaped."""
    return shorten(value if isinstance(value, str) else str(value), 60)


def of_output(output, evaluation):
    """Return the heading of an output, or nothing if it is the only one."""
    return f"<h3>{escape(short(output.name))}</h3>" if len(evaluation.outputs) > 1 else ""


def figure(svg):
    """Return a drawing in its frame, which scrolls where words would become too small."""
    return f'<figure class="drawing">{svg}</figure>'


def headline(findings):
    """Return the most important score of the report, in a few words."""
    output = findings.evaluation.outputs[0]
    score = next(score for score in findings.scores[0] if score.name == output.headline)
    of = f" of {short(output.name)}" if len(findings.evaluation.outputs) > 1 else ""
    return score, f"{score.name}{of}"


def summary(findings):
    """Say what was fitted, on how many rows it is judged, and how well it does."""
    evaluation, (score, name) = findings.evaluation, headline(findings)
    est = evaluation.estimator
    what = type(est).__name__
    folds = f"{len(evaluation.folds)} folds" if evaluation.is_validation else "one fit"
    best = _ends(fold.estimator.best_epoch_ for fold in evaluation.folds)
    tiles = [
        (number(score.value, 3), name, f"95 %: {number(score.low, 3)} to {number(score.high, 3)}"),
        (f"{len(np.unique(evaluation.rows)):,}", "rows judged", _of_rows(evaluation)),
        (f"{len(est.router_.specs_)}", "inputs", f"of {est.n_features_in_} columns"),
        (f"{est.model_.count_params():,}", "weights", "in the network"),
        (_ends(fold.estimator.n_iter_ for fold in evaluation.folds), "epochs", f"best: {best}"),
    ]
    boxes = "".join(
        f'<div class="tile"><b>{escape(big)}</b><span>{escape(small)}</span>'
        f'<span class="soft">{escape(more)}</span></div>'
        for big, small, more in tiles
    )
    better = _against_constant(score)
    notes = [
        f"{what}, {folds}{_of_target(evaluation)}. {better}",
        "Each row is judged by a network that did not train on it."
        if evaluation.is_validation
        else "The figures say what to expect of new rows if the network was not trained on the rows of this report.",
        *findings.evaluation.notes,
    ]
    return f'<div class="tiles">{boxes}</div>' + "".join(f"<p>{escape(note)}</p>" for note in notes)


def _ends(counts):
    """Return the lowest and the highest of some counts, or the only one."""
    ends = sorted(set(counts))
    return f"{ends[0]}" if len(ends) == 1 else f"{ends[0]} to {ends[-1]}"


def _of_target(evaluation):
    """Return what is predicted."""
    names = [short(output.name) for output in evaluation.outputs if output.name]
    return f", predicts {', '.join(names[:5])}{', ...' if len(names) > 5 else ''}" if names else ""


def _of_rows(evaluation):
    """Return what the rows are part of."""
    if evaluation.is_validation:
        return "each by the fold it is in"
    count = len(np.unique(evaluation.rows))
    return f"of {evaluation.n_rows:,}" if count < evaluation.n_rows else "all that were given"


def _against_constant(score):
    """Return whether the headline's score is beyond that of a constant prediction."""
    guess = f"a constant prediction has {number(score.constant, 3)}"
    if not math.isfinite(score.low):
        return f"The {score.name} is not defined on these rows."
    if score.low > score.constant:
        return f"The {score.name} is above chance: {guess}."
    return f"The {score.name} cannot be told from chance on these rows: {guess}."


def scores(findings):
    """Tabulate all scores with their intervals."""
    evaluation = findings.evaluation
    headings = ["figure", "value", "95 % from", "to", "constant prediction", "what it is"]
    parts = []
    for output, own in zip(evaluation.outputs, findings.scores, strict=True):
        rows = [
            (s.name, number(s.value), number(s.low), number(s.high), number(s.constant), FIGURES[s.name]) for s in own
        ]
        parts.append(of_output(output, findings.evaluation) + table(headings, rows, numbers=headings[1:5]))
    rule = (
        f"Intervals: percentiles of {findings.n_draws:,} bootstrap draws of the rows, seeded. They hold for these rows "
        "and this fit; another seed of the fit moves the figures, too. A constant prediction gives each row the shares "
        "of the classes, or the mean."
    )
    parts.append(f'<p class="soft">{escape(rule)}</p>')
    if evaluation.is_validation:
        parts.append(_scores_by_fold(findings))
    return "".join(parts)


def _scores_by_fold(findings):
    """Tabulate the first output's scores of each fold."""
    evaluation = findings.evaluation
    output = evaluation.outputs[0]
    in_fold = np.arange(len(evaluation.folds))[:, None] == evaluation.fold
    found = np.array(list(output.figures(evaluation.weight * in_fold).values())).T
    rows = [
        (k, len(fold.rows), *map(number, own))
        for k, (fold, own) in enumerate(zip(evaluation.folds, found, strict=True), 1)
    ]
    rows += [("mean", "", *map(number, found.mean(axis=0))), ("deviation", "", *map(number, found.std(axis=0)))]
    headings = ["fold", "rows", *(score.name for score in findings.scores[0])]
    of = f" of {escape(short(output.name))}" if len(evaluation.outputs) > 1 else ""
    return f"<h3>Folds{of}</h3>" + table(headings, rows, numbers=headings[1:])


def confusion(findings):
    """Count which class is taken for which."""
    if not findings.evaluation.is_classifier:
        return None
    return "".join(
        of_output(output, findings.evaluation) + _confusion_table(output) for output in findings.evaluation.outputs
    )


def count_confusions(output):
    """Return the labels and counts (true, predicted) of a table of confusions; rare classes are joined."""
    n_classes = len(output.classes)
    counts = np.zeros((n_classes, n_classes), dtype=int)
    np.add.at(counts, (output.truth, np.minimum(output.predicted, n_classes - 1)), 1)
    labels = [short(label) for label in output.classes]
    if n_classes <= MOST_CLASSES:
        return labels, counts
    order = np.argsort(-(counts.sum(axis=0) + counts.sum(axis=1)), kind="stable")
    kept = np.sort(order[: MOST_CLASSES - 1])
    places = np.full(n_classes, len(kept))
    places[kept] = np.arange(len(kept))
    joined = np.zeros((len(kept) + 1, len(kept) + 1), dtype=int)
    np.add.at(joined, (places[:, None], places[None, :]), counts)
    return [*(labels[k] for k in kept), f"{n_classes - len(kept)} others"], joined


def _confusion_table(output):
    """Return a table whose cells are shaded by their share of the true class."""
    labels, counts = count_confusions(output)
    head = "".join(f'<th class="number">{escape(label)}</th>' for label in labels)
    lines = []
    for i, label in enumerate(labels):
        total = max(counts[i].sum(), 1)
        cells = "".join(_confusion_cell(count, count / total, right=i == j) for j, count in enumerate(counts[i]))
        lines.append(f'<tr><th scope="row">{escape(label)}</th>{cells}</tr>')
    caption = "Rows: true class. Columns: predicted class. Per cent of the true class."
    return (
        f'<div class="scroll"><table class="confusion"><caption class="soft">{caption}</caption>'
        f"<thead><tr><th>true \\ predicted</th>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _confusion_cell(count, share, *, right):
    """Return a count with its share of the true class, on a shade of green or red."""
    colour = f"color-mix(in srgb, var(--skm-{'plus' if right else 'minus'}) {round(45 * share)}%, transparent)"
    return f'<td class="number" style="background: {colour}">{count:,}<br><span class="soft">{share:.0%}</span></td>'


def residuals(findings):
    """Draw predicted against true numbers."""
    if findings.evaluation.is_classifier:
        return None
    parts = []
    for output in findings.evaluation.outputs:
        errors = output.predicted - output.truth
        quantiles = [
            ("error (predicted - true)", *(number(q) for q in np.quantile(errors, [0.05, 0.25, 0.5, 0.75, 0.95])))
        ]
        headings = ["", "5 %", "25 %", "median", "75 %", "95 %"]
        label = f"Predicted against true numbers {short(output.name)}, and a histogram of the errors; quantiles follow."
        drawn = figure(draw_errors(output, findings.random_state, label))
        parts.append(of_output(output, findings.evaluation) + drawn + table(headings, quantiles, numbers=headings[1:]))
    return "".join(parts)


def calibration(findings):
    """Compare probabilities with what came true."""
    if not findings.evaluation.is_classifier:
        return None
    return "".join(
        of_output(output, findings.evaluation) + _calibration_of(output, found)
        for output, found in zip(findings.evaluation.outputs, findings.reliabilities, strict=True)
    )


def _calibration_of(output, found):
    """Draw and tabulate the reliability of one output."""
    what = (
        f"probability of {short(output.classes[1])!r}"
        if len(output.classes) == 2
        else "probability of the predicted class"
    )
    fits = found.error <= found.chance
    verdict = (
        "No more than chance would give if all probabilities were right."
        if fits
        else "More than chance would give: take the probabilities for ranks rather than for shares, or calibrate them "
        "on held-out rows (sklearn.calibration.CalibratedClassifierCV)."
    )
    words = (
        f"Expected calibration error {number(found.error, 3)} of the {what}, in bins of a tenth. If all "
        f"probabilities were right, 95 % of such samples would have up to {number(found.chance, 3)}. {verdict}"
    )
    headings = ["from", "to", "weight of rows", "mean probability", "came true"]
    rows = [
        (f"{low:.1f}", f"{high:.1f}", number(weight), f"{said:.3f}", f"{came:.3f}")
        for low, high, weight, said, came in found.table
    ]
    label = f"Reliability curve of the {what}; the table beside it has the numbers."
    return (
        f'<p>{escape(words)}</p><div class="beside">{figure(draw_reliability(found, label))}'
        f"{table(headings, rows, numbers=headings)}</div>"
    )


def mistakes(findings):
    """Show the rows that are predicted worst, with their texts and photos."""
    if not findings.mistakes:
        return "<p>None: every row is predicted right.</p>"
    rule = "Surest wrong labels first." if findings.evaluation.is_classifier else "Largest errors first."
    cards = "".join(
        _card(mistake, findings.evaluation.is_validation, len(findings.evaluation.outputs) > 1)
        for mistake in findings.mistakes
    )
    return f'<p class="soft">{rule}</p><div class="cards">{cards}</div>'


def _card(mistake, names_fold, names_output):
    """Return one mistake: what was said, what is true, and the row."""
    said = "".join(
        f"<p>{escape(short(name) + ': ') if names_output else ''}"
        f'<b class="minus">{escape(short(predicted))}</b> predicted, <b class="plus">{escape(short(true))}</b> true</p>'
        for name, predicted, true in mistake.said
    )
    cells = "".join(f"<div><dt>{escape(short(column))}</dt><dd>{cell}</dd></div>" for column, cell in mistake.cells)
    fold = f", fold {mistake.fold + 1}" if names_fold else ""
    return f'<article class="card"><h3>row {escape(short(mistake.label))}{fold}</h3>{said}<dl>{cells}</dl></article>'


def importance(findings):
    """Say how much worse the score gets without each input."""
    found = findings.importances
    if found is None:
        return None
    label = "Importance of each input; the table has the numbers."
    order = np.argsort(-found.importances_mean, kind="stable")
    headings = ["input", "mean drop of the score", "standard deviation"]
    rows = [
        (short(found.names[k]), number(found.importances_mean[k], 3), number(found.importances_std[k], 3))
        for k in order
    ]
    words = (
        f"How much the score drops if the values of one input are shuffled among {findings.n_importance_rows:,} rows. "
        "Inputs that say the same thing share what they are worth."
    )
    return (
        f'<p>{escape(words)}</p><div class="beside">{figure(draw_importances(found, label))}'
        f"{table(headings, rows, numbers=headings[1:])}</div>"
    )


def unlike(findings):
    """List rows and columns that differ from the training rows."""
    if findings.cells is None:
        return None
    ranked = rank_rows(findings.cells, MOST_UNLIKE)
    count = findings.cells["row"].nunique()
    parts = [
        f"<p>{count:,} of {findings.n_looked:,} rows hold a cell of a sort that is rare among the training cells of "
        "its column (fewer than 1 in 20). The rarer, the more bits.</p>"
    ]
    if ranked:
        headings = ["row", "bits", "what is unlike"]
        rows = [
            (short(findings.labels[row]), f"{bits:.1f}", "; ".join(short_reason(why) for why in reasons[:MOST_REASONS]))
            for row, bits, reasons in ranked
        ]
        parts.append("<h3>Rows, the most unlike first</h3>" + table(headings, rows, numbers=["bits"]))
    parts.append("<h3>Columns as a whole</h3>" + _shifted_columns(findings))
    return "".join(parts)


def short_reason(why):
    """Return the reason of a cell, whose column may have a long name."""
    return shorten(why, 160)


def _shifted_columns(findings):
    """Tabulate the columns that have shifted."""
    columns = findings.columns
    shifted = columns[columns["shifted"]]
    if not len(shifted):
        return f"<p>None of {columns.index.nunique()} columns differs from its training cells by more than chance.</p>"
    n_folds = len(findings.evaluation.folds)
    seen, rows = Counter(map(str, shifted.index)), {}
    for label, found in shifted.iterrows():
        name = short(label)
        fold = f"{seen[str(label)]} of {n_folds}"
        rows.setdefault(name, (name, number(found["shift"], 3), found["reason"], *([fold] if n_folds > 1 else [])))
    headings = ["column", "shift (index)", "what has changed", *(["folds"] if n_folds > 1 else [])]
    return table(headings, rows.values(), numbers=["shift (index)"])


def training(findings):
    """Draw the loss of each epoch, and say how the fit was trained."""
    evaluation = findings.evaluation
    headings = ["", "epochs", "of at most", "best epoch", "rows", "batch", "learning rate", "how it ended"]
    rows = [_training_row(k, fold.estimator) for k, fold in enumerate(evaluation.folds)]
    if not evaluation.is_validation:
        headings, rows = headings[1:], [row[1:] for row in rows]
    label = "Loss and metrics of each epoch, in training and on the hold-out; the table has how it ended."
    drawn = figure(draw_training([fold.estimator for fold in evaluation.folds], label))
    return table(headings, rows) + drawn


def _training_row(number_of_fold, est):
    """Return how one fit was trained."""
    recipe = est.recipe_
    rate = "as given" if recipe.learning_rate is None else f"{recipe.learning_rate:.2g}"
    if recipe.rate is not None:
        rate += f", {recipe.rate.__name__}"
    return (
        f"fold {number_of_fold + 1}",
        est.n_iter_,
        recipe.epochs,
        est.best_epoch_,
        f"{recipe.n_rows:,}",
        recipe.batch_size,
        rate,
        getattr(est, "stop_reason_", "not known"),
    )


def plan(findings):
    """Tabulate which column went where and why, and the network."""
    est = findings.evaluation.estimator
    parts = []
    routes = getattr(est.router_, "plan_", None)
    if routes is not None:
        headings = [name for name in ("column", "input", "encoder", "reason") if name in routes]
        rows = [tuple(short_reason(str(cell)) for cell in row) for row in routes[headings].itertuples(index=False)]
        parts.append("<h3>Columns</h3>" + table(headings, rows))
    headings = ["input", "columns", "array", "missing values", "branch", "weights"]
    rows = [_input_row(est, name, spec) for name, spec in est.router_.specs_.items()]
    parts.append("<h3>Inputs and branches</h3>" + table(headings, rows, numbers=["weights"]))
    end = [
        ("merge", short_reason(repr(getattr(est, "merge_", "by hand")))),
        ("head", short_reason(repr(est.head_)) if est.model is None else "by hand"),
        ("weights in all", f"{est.model_.count_params():,}"),
        ("parameters", shorten(repr(est), 600)),
    ]
    parts.append("<h3>Merge, head, parameters</h3>" + table(["part", "what it is"], end))
    if findings.evaluation.is_validation:
        parts.insert(0, "<p>Those of the first fold; each fold fits its own.</p>")
    return "".join(parts)


def _input_row(est, name, spec):
    """Return what one input is, and the branch that reads it."""
    branch = getattr(est, "branches_", {}).get(name)
    # A string names the input whose branch is shared.
    words = "by hand" if branch is None else f"that of {branch}" if isinstance(branch, str) else repr(branch)
    return (
        short(name),
        shorten(", ".join(map(str, spec.columns)), 160),
        spec.describe(),
        "yes" if spec.has_missing else "no",
        short_reason(words),
        f"{input_weights(est, name):,}",
    )


def input_weights(est, name):
    """Return the number of weights in the layers of one input."""
    begin = f"{layer_name(name)}__"
    own = [layer for network in networks_in(est.model_) for layer in network.layers]
    return sum(layer.count_params() for layer in own if layer.name.startswith(begin))


def timings(findings):
    """Tabulate how long the parts of fit and report took."""
    words = {
        "route": "fit: columns to arrays",
        "build": "fit: build the network",
        "trace": "fit: compile",
        "train": "fit: train",
        "predict": "all predictions since",
    }
    total = Counter()
    for fold in findings.evaluation.folds:
        total.update(getattr(fold.estimator, "timings_", {}))
    rows = [(words.get(name, name), f"{seconds:.2f}") for name, seconds in total.items()]
    rows += [(f"report: {name}", f"{seconds:.2f}") for name, seconds in findings.evaluation.seconds.items()]
    return table(["part", "seconds"], rows, numbers=["seconds"])


SECTIONS = (
    ("summary", "Summary", summary),
    ("scores", "Scores", scores),
    ("confusion", "Confusion", confusion),
    ("residuals", "Errors", residuals),
    ("calibration", "Calibration", calibration),
    ("importance", "Importance of inputs", importance),
    ("mistakes", "Worst mistakes", mistakes),
    ("unlike", "Unlike the training rows", unlike),
    ("plan", "Plan", plan),
    ("training", "Training", training),
    ("timings", "Timings", timings),
)
