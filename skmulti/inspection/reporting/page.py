"""`report`: checks what it is given, computes all findings, and writes the page."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..._html import document, escape
from ...errors import BranchMismatchError
from ...router import take_rows
from .._matplotlib import require_matplotlib
from ..evaluation import evaluate
from ..importance import input_importance
from ..reading import check_counts, read_folds
from ..scores import score_output
from .calibration import reliability
from .mistakes import find_mistakes
from .sections import SECTIONS
from .unlike import compare_folds

# Rows of all folds whose inputs are shuffled to see what they are worth.
IMPORTANCE_ROWS = 2_000

_CSS = """
.skmulti h2 { border-top: 1px solid var(--skm-line); padding-top: 1em; margin-top: 2em; scroll-margin-top: 3em; }
.skmulti h1 { margin-top: .4em; overflow-wrap: anywhere; }
.skmulti h3, .skmulti dd, .skmulti summary { overflow-wrap: anywhere; }
.skmulti nav { position: sticky; top: 0; z-index: 1; background: var(--skm-paper); padding: .5em 0; overflow-x: auto;
  white-space: nowrap; border-bottom: 1px solid var(--skm-line); }
.skmulti nav a { color: var(--skm-accent); text-decoration: none; margin-right: 1.1em; }
.skmulti nav a:hover, .skmulti nav a:focus { text-decoration: underline; }
.skmulti .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: .8em;
  margin: 1em 0; }
.skmulti .tile { background: var(--skm-panel); border-radius: 8px; padding: .8em 1em; display: flex;
  flex-direction: column; }
.skmulti .tile:first-child { border-left: 4px solid var(--skm-accent); }
.skmulti .tile b { font-size: 1.7em; line-height: 1.2; font-variant-numeric: tabular-nums; }
.skmulti .beside { display: flex; flex-wrap: wrap; gap: 1.5em; align-items: center; }
.skmulti .beside > * { min-width: 0; max-width: 100%; }
.skmulti figure.drawing { margin: .5em 0; max-width: 100%; overflow-x: auto; }
.skmulti figure.drawing svg { min-width: 330px; }
.skmulti #residuals figure.drawing svg { min-width: 560px; }
.skmulti table.confusion td { min-width: 5em; padding: .3em .6em; }
.skmulti table.confusion caption { text-align: left; }
.skmulti .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)); gap: 1em; }
.skmulti .card { background: var(--skm-panel); border-radius: 8px; padding: 0 1em .8em; min-width: 0; }
.skmulti .card h3 { margin-top: .8em; }
.skmulti .card dl { margin: .6em 0 0; }
.skmulti .card dl div { display: grid; grid-template-columns: 6.5em 1fr; gap: .6em; padding: .15em 0;
  border-top: 1px solid var(--skm-line); }
.skmulti .card dt { color: var(--skm-soft); overflow-wrap: anywhere; }
.skmulti .card dd { margin: 0; min-width: 0; white-space: pre-line; }
.skmulti .card img { display: block; border-radius: 4px; max-width: 128px; height: auto; }
.skmulti .card summary { cursor: pointer; }
.skmulti .minus { color: var(--skm-minus); }
.skmulti .plus { color: var(--skm-plus); }
/* A table that is too wide scrolls in its box; words and numbers stay whole. */
.skmulti th, .skmulti td { overflow-wrap: break-word; }
.skmulti .number { white-space: nowrap; }
.skmulti td:not(.number) { min-width: 7em; }
.skmulti td:last-child:not(.number) { min-width: 12em; padding-left: .6em; }
.skmulti th:last-child:not(.number) { padding-left: .6em; }
@media print { .skmulti nav { position: static; } .skmulti .card { break-inside: avoid; } }
"""


@dataclass(frozen=True)
class Findings:
    """All numbers of a report.

    Parameters
    ----------
    evaluation : Evaluation
        Rows, truth and predictions.
    labels : Index
        Labels of X's rows.
    scores : list of list of Score
        The scores of each output.
    reliabilities : list of Reliability
        Of each output of classes.
    mistakes : list of Mistake
        The worst ones.
    importances : Bunch or None
        Of the inputs.
    cells, columns, n_looked : DataFrame or None, DataFrame or None, int
        What `compare_folds` returns.
    n_draws, n_importance_rows, random_state : int
        How it was computed.
    """

    evaluation: object
    labels: object
    scores: list
    reliabilities: list
    mistakes: list
    importances: object
    cells: object
    columns: object
    n_looked: int
    n_draws: int
    n_importance_rows: int
    random_state: int


def report(
    est,
    X,
    y,
    path,
    *,
    sample_weight=None,
    title=None,
    n_draws=1000,
    n_mistakes=12,
    n_repeats=5,
    max_rows=20_000,
    random_state=0,
):
    """Write a page of HTML that shows how well a fitted estimator does, and where it fails.

    The page is one file without scripts, which asks for nothing from a network: it can be mailed and
    kept. It is light or dark as its reader's system is.

    Parameters
    ----------
    est : estimator or dict
        A fitted `MultiInputClassifier` or `MultiInputRegressor`, a Pipeline that ends with one, or
        a search with a ``best_estimator_``. Or what ``cross_validate(..., return_estimator=True,
        return_indices=True)`` returned: each row is then judged by the fold that did not train on it.
    X : DataFrame of shape (n_rows, n_columns), 2-D array, or dict of arrays by input name
        Rows that the estimator was not trained on; for a cross-validation its own X.
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
        Their target.
    path : str or PathLike
        The file to write. Its folder must exist; an existing file is replaced.
    sample_weight : array-like of shape (n_rows,) or None
        Weight of each row in the scores and the calibration. Rows of weight 0 are left out.
    title : str or None
        Title of the page; None names the estimator's class.
    n_draws : int
        Number of bootstrap draws for the intervals of the scores.
    n_mistakes : int
        Number of mistakes that are shown.
    n_repeats : int
        How often each input is shuffled for its importance; 0 leaves the section out.
    max_rows : int or None
        The most rows to look at, drawn at random; the page says so. None looks at all.
    random_state : int
        Seed of all draws: equal calls write equal numbers.

    Returns
    -------
    pathlib.Path
        The path of the page.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    ImportError
        If matplotlib is not installed: ``pip install "skmulti[plot]"``.
    InputMismatchError
        If X is not a table in memory, or y has another number of rows.
    TypeError
        If `est` is none of these.
    ValueError
        If the result of a cross-validation has no estimators or no indices.

    See Also
    --------
    input_importance : The importances of inputs as numbers.
    InputRouter.compare : Tells whether columns have shifted.

    Notes
    -----
    The page holds cells of X, as text and small pictures: whoever reads it reads them.

    - Scores have percentile intervals of a bootstrap over rows; a row that several folds predict is
      drawn with all its predictions. They are computed as by scikit-learn's metrics.
    - The expected calibration error is compared with what perfect probabilities would give by
      chance.
    - Mistakes are ordered by log loss, or by the error in standard deviations of y.
    - The importance of an input is the drop of the score when its values are shuffled; of up to
      2,000 rows.
    - Rows unlike the training rows are those of `InputRouter.unlike_cells`; of up to 2,000 rows of
      each fold.

    References
    ----------
    Efron and Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993. Guo et al., "On
    Calibration of Modern Neural Networks", ICML 2017.

    Examples
    --------
    >>> import tempfile
    >>> from skmulti import MultiInputClassifier, report
    >>> from skmulti.datasets import make_listings
    >>> frame, outcome = make_listings(90, 0)
    >>> frame = frame[["area", "city"]]
    >>> clf = MultiInputClassifier(epochs=2, random_state=0).fit(frame[:60], outcome[:60])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = report(clf, frame[60:], outcome[60:], f"{folder}/listings.html", n_draws=100)
    ...     print(page.name, page.read_text(encoding="utf-8")[:15])
    listings.html <!DOCTYPE html>
    """
    path = _check_path(path)
    require_matplotlib("report")
    check_counts(n_draws=(n_draws, 1), n_mistakes=(n_mistakes, 0), n_repeats=(n_repeats, 0))
    if max_rows is not None:
        check_counts(max_rows=(max_rows, 1))
    folds, weight, labels, notes = read_folds(est, X, y, sample_weight, max_rows, random_state)
    evaluation = evaluate(folds, weight, len(labels), notes)
    found = find_all(evaluation, labels, n_draws, n_mistakes, n_repeats, random_state)
    # A lone surrogate in a cell is no text that UTF-8 can write.
    path.write_text(make_page(found, title), encoding="utf-8", errors="replace")
    return path


def _check_path(path):
    """Return a path whose folder exists, before any work is done for it."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"`path` is the file to write, a str or PathLike, got {path!r} of type {type(path).__name__}.")
    path = Path(path).expanduser()
    if path.is_dir():
        raise IsADirectoryError(
            f"`path` is the folder {str(path)!r}. Name a file in it: {str(path / 'report.html')!r}."
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"`path` is {str(path)!r}, and there is no folder {str(path.parent)!r}. Make it first: "
            f"os.makedirs({str(path.parent)!r})."
        )
    return path


def find_all(evaluation, labels, n_draws, n_mistakes, n_repeats, random_state):
    """Return all numbers of a report; `report` has the parameters."""
    seconds = evaluation.seconds
    started = time.perf_counter()

    def lap(name):
        nonlocal started
        now = time.perf_counter()
        seconds[name], started = now - started, now

    outputs = evaluation.outputs
    scores = [
        score_output(output, evaluation.weight, evaluation.rows, n_draws=n_draws, random_state=random_state)
        for output in outputs
    ]
    reliabilities = [
        reliability(*output.probabilities(), evaluation.weight, random_state)
        for output in outputs
        if evaluation.is_classifier
    ]
    lap("scores")
    found = find_mistakes(evaluation, labels, n_mistakes)
    lap("mistakes")
    cells, columns, n_looked = compare_folds(evaluation, random_state)
    lap("comparison with training rows")
    importances, n_importance_rows = find_importances(evaluation, n_repeats, random_state)
    lap("importance")
    return Findings(
        evaluation,
        labels,
        scores,
        reliabilities,
        found,
        importances,
        cells,
        columns,
        n_looked,
        n_draws,
        n_importance_rows,
        random_state,
    )


def find_importances(evaluation, n_repeats, random_state):
    """Return the importances of inputs, those of folds side by side, and the number of rows."""
    folds = evaluation.folds
    names = [list(fold.estimator.router_.specs_) for fold in folds]
    # Folds that route a column each in its own way have no inputs in common.
    if not n_repeats or any(own != names[0] for own in names):
        return None, 0
    rng = np.random.default_rng(random_state)
    results, n_rows = [], 0
    for number, fold in enumerate(folds):
        most = max(IMPORTANCE_ROWS // len(folds), 2)
        some = np.sort(rng.permutation(len(fold.rows))[:most])
        n_rows += len(some)
        table, y = take_rows(fold.table, some), fold.y[some]
        weight = evaluation.weight[np.flatnonzero(evaluation.fold == number)[some]]
        options = {"n_repeats": n_repeats, "random_state": random_state, "sample_weight": weight}
        try:
            results.append(input_importance(fold.estimator, table, y, **options))
        except BranchMismatchError:
            # A network without branches that can be told apart, such as one of an earlier version.
            return None, 0
    joined = results[0]
    joined.importances = np.hstack([one.importances for one in results])
    joined.importances_mean = joined.importances.mean(axis=1)
    joined.importances_std = joined.importances.std(axis=1)
    return joined, n_rows


def make_page(findings, title=None):
    """Return the page of HTML."""
    title = f"Report on a {type(findings.evaluation.estimator).__name__}" if title is None else str(title)
    made = [(anchor, name, make(findings)) for anchor, name, make in SECTIONS]
    made = [section for section in made if section[2] is not None]
    links = "".join(f'<a href="#{anchor}">{escape(name)}</a>' for anchor, name, _ in made)
    # The headline stands for the heading of the first section.
    heads = ["", *(f"<h2>{escape(name)}</h2>" for _, name, _ in made[1:])]
    body = "".join(
        f'<section id="{anchor}" aria-label="{escape(name)}">{head}{content}</section>'
        for head, (anchor, name, content) in zip(heads, made, strict=True)
    )
    return document(title, f'<h1>{escape(title)}</h1><nav aria-label="Sections">{links}</nav>{body}', _CSS)
