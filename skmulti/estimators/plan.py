"""The `Plan` of a fit: what goes where, and how the network is built and trained; data that shows itself."""

from dataclasses import dataclass
from pathlib import Path

from .._html import document, fragment
from .plan_page import PAGE_CSS, plan_body
from .plan_text import plan_text


@dataclass(frozen=True)
class Choice:
    """One choice of a fit, with its reason and the line that makes another one.

    Parameters
    ----------
    what : str
        What was chosen, such as "batch".
    value : str
        What it is, in words.
    why : str
        The reason; "given" if the user chose.
    line : str
        Keyword of ``set_params`` that states the choice, or makes another one; empty if there is none.
    """

    what: str
    value: str
    why: str
    line: str = ""


@dataclass(frozen=True)
class PlannedInput:
    """One input of a planned network, from its columns to its branch.

    Parameters
    ----------
    name : str
        Name of the input.
    columns : tuple of str
        Names of its columns.
    encoder, branch : str
        Encoder and branch as code. A branch that is shared names the input whose it is, and
        it is empty for a network made by hand.
    spec : ArraySpec
        What the array holds.
    missing : float
        Share of the training cells that are missing.
    truncated : float or None
        Share of the training cells that are longer than the array; None if its length is not limited.
    layers : str
        The layers of the branch that have weights, with the shapes of their outputs.
    width : int or None
        Length of the branch's vector.
    n_weights : int or None
        Number of weights, without those of a branch that is shared.
    """

    name: str
    columns: tuple
    encoder: str
    branch: str
    spec: object
    missing: float
    truncated: float | None
    layers: str
    width: int | None
    n_weights: int | None


@dataclass(frozen=True)
class PlannedPart:
    """The merge, the head or a network made by hand.

    Parameters
    ----------
    name : str
        "merge", "head" or "model".
    part : str
        The part as code.
    layers : str
        Its layers with weights, with the shapes of their outputs.
    width : int or None
        Length of the vector that comes out.
    n_weights : int or None
        Number of weights.
    """

    name: str
    part: str
    layers: str
    width: int | None
    n_weights: int | None


@dataclass(frozen=True)
class Plan:
    """What a fit would do, from the columns of the table to the last epoch.

    Estimators make it: see ``plan`` of `MultiInputClassifier` and `MultiInputRegressor`. Printed,
    it is text of at most 100 characters a line; a notebook shows it as a diagram.

    Parameters
    ----------
    estimator : str
        Name of the estimator's class.
    columns : DataFrame
        Which column goes where, and why: the router's `plan_`.
    inputs : tuple of PlannedInput
        The inputs of the network with their arrays and branches.
    parts : tuple of PlannedPart
        Merge and head, or the network made by hand.
    target : tuple of Choice
        The target, the loss and the metrics.
    recipe : Recipe
        How the fit would train: what `recipe_` is after fit.
    n_rows, n_held : int
        Number of rows to train on, and of rows to validate on.
    n_weights : int
        Number of weights, of all networks together.
    memory : dict of str to int
        Bytes of "weights", "optimizer", "arrays" (all encoded rows) and "batch" (its arrays). What
        layers compute comes on top.
    seconds : dict of str to float
        What the plan has taken: "route" and "build". With ``measure=True`` also "trace" (once for a
        fit), "step" and "epoch".
    training : tuple of Choice
        The recipe in words.
    routing : tuple of Choice
        What was inferred about columns and branches, with the lines that change it.
    warnings : tuple of str
        Warnings that the fit would give before it trains.
    n_networks : int
        Number of networks that are averaged; `inputs` and `parts` describe one of them.

    See Also
    --------
    InputRouter : Its `plan_` says which column goes where.

    Examples
    --------
    >>> from skmulti import MultiInputClassifier
    >>> from skmulti.datasets import make_listings
    >>> frame, outcome = make_listings(60, 0)
    >>> plan = MultiInputClassifier(random_state=0).plan(frame[["area", "city"]], outcome)
    >>> plan.n_rows, plan.n_held, plan.recipe.batch_size, plan.recipe.epochs
    (60, 0, 32, 100)
    >>> [entry.name for entry in plan.inputs]
    ['numbers', 'categories']
    >>> plan.recipe.reasons["batch_size"]
    'auto: the smallest batch, 32'
    """

    estimator: str
    columns: object
    inputs: tuple
    parts: tuple
    target: tuple
    recipe: object
    n_rows: int
    n_held: int
    n_weights: int
    memory: dict
    seconds: dict
    training: tuple
    routing: tuple
    warnings: tuple = ()
    n_networks: int = 1

    def __str__(self):
        return plan_text(self)

    __repr__ = __str__

    def _repr_html_(self):
        return fragment(plan_body(self), PAGE_CSS)

    def to_html(self, path):
        """Write the plan as a page of HTML that needs no network.

        Parameters
        ----------
        path : str or PathLike
            The file.

        Returns
        -------
        Path
            The file.

        Examples
        --------
        >>> import tempfile
        >>> from skmulti import MultiInputRegressor
        >>> from skmulti.datasets import make_listings
        >>> frame, _ = make_listings(60, 0)
        >>> plan = MultiInputRegressor(random_state=0).plan(frame[["area", "city"]], frame["price"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     plan.to_html(f"{folder}/plan.html").name
        'plan.html'
        """
        path = Path(path)
        title = f"Plan of {self.estimator}"
        path.write_text(document(title, plan_body(self), PAGE_CSS), encoding="utf-8")
        return path
