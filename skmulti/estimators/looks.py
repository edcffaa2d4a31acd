"""What a quick look at the rows decides before a network is trained: what is dropped, and which inputs are left out."""

from ..layers import open_dropouts
from ..training import Look, left_out, look, may_leave_out, teller


def with_look(estimator, recipe, rows, cuts, *, whole):
    """Choose what a look decides, and set it in the network; one that has been trained keeps what it has.

    Parameters
    ----------
    estimator : MultiInputClassifier or MultiInputRegressor
        With a router that is fitted, and a network.
    recipe : Recipe
        The choices so far.
    rows : Rows, SharedRows or StreamRows
        Training rows.
    cuts : dict of str to Cut
        Layers of the network, by input name, of which the rows hold what is fixed in the place of the array.
    whole : bool
        Whether this is a whole fit. The rows of a `partial_fit` are not looked at.

    Returns
    -------
    Recipe
        The choices so far.
    """
    if estimator.n_iter_:
        return recipe
    # What was chosen for another network of the same fit is not chosen anew.
    if "dropout" not in recipe.reasons:
        found = _look(estimator, recipe, rows, cuts) if whole else Look()
        recipe = recipe.with_look(found, plain=_plain_inputs(estimator), pretrained=estimator._is_pretrained())
        if recipe.left_out:
            teller().say(left_out(recipe.left_out))
    recipe.set_in(estimator.model_)
    return recipe


def _look(estimator, recipe, rows, cuts):
    """Look at the rows, if that could decide anything."""
    doubted = _doubted_inputs(estimator) if may_leave_out(recipe.n_rows) else []
    if not doubted and not (recipe.dropout and open_dropouts(estimator.model_)):
        return Look()
    with estimator.timings_.measure("build"):
        classes = bool(estimator._target.spec.n_classes)
        return look(estimator.model_, rows, classes=classes, doubted=doubted, cuts=cuts)


def _doubted_inputs(estimator):
    """Return the names of inputs that may add nothing, those first of which a look sees all."""
    router, branches = estimator.router_, getattr(estimator, "branches_", {})
    # What a user has named, as an input, by its kind or by its branch, is no question.
    if getattr(router, "inputs", ()) is not None:
        return []
    named = set(router.kinds or ())
    given = {key.partition("__")[0] for key in estimator.branches or ()}
    # A name in the place of a branch is that of an input that has it.
    own = {name: branches[branch] if isinstance(branch, str) else branch for name, branch in branches.items()}
    soon_known = [name for name, branch in own.items() if getattr(branch, "memorises", False)]
    return [
        name
        for name in dict.fromkeys([*_plain_inputs(estimator), *soon_known])
        if name not in given and named.isdisjoint(router.specs_[name].columns)
    ]


def _plain_inputs(estimator):
    """Return the names of inputs that may add nothing, and of which a look sees all."""
    encoders = getattr(estimator.router_, "encoders_", {})
    return [name for name, encoder in encoders.items() if getattr(encoder, "may_add_nothing", False)]
