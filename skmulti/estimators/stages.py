"""The stages of a fit: which branches train other layers after some epochs."""

from ..spec import layer_name


def branch_layers(model, branches):
    """Return (branch, its layers in a network) of the branches that decide which of their layers are trained.

    Parameters
    ----------
    model : keras.Model
        From `build_network`.
    branches : dict of str to Branch or str
        As given to `build_network`.
    """
    layers = {layer.name: layer for layer in model.layers}
    found = []
    for name, branch in branches.items():
        if getattr(branch, "thaws", ()):
            names = (layer_name(name, part) for part in ("features", "layers"))
            found.append((branch, [layers[own] for own in names if own in layers]))
    return found


def fine_tuned(branches):
    """Return what is trained of pretrained networks, by the names of those of some branches that train any of it.

    Parameters
    ----------
    branches : dict of str to object
        The user's branches.
    """
    # Whether a branch of another make trains what it may unfreeze is not known, unless it says so in the same way.
    found = {name: getattr(part, "trainable", True) for name, part in branches.items() if getattr(part, "thaws", ())}
    return {name: trainable for name, trainable in found.items() if trainable}


def thaw_state(parts, epoch):
    """Return what decides which layers are trained from an epoch on: parameters, and what is unfrozen by then."""
    return [
        ({name: getattr(branch, name) for name in branch.thaws}, epoch >= (branch.unfreeze_at or 0))
        for branch, _ in parts
    ]


def stage_end(branches, done, last):
    """Return the number of the epoch that ends a stage: the next one after which layers are unfrozen, or the last.

    Parameters
    ----------
    branches : dict of str to Branch or str
        The branches of a network.
    done, last : int
        Number of the epochs that the network was trained for, and will be at the end of the fit.
    """
    ends = [getattr(branch, "unfreeze_at", None) or 0 for branch in branches.values()]
    return min([end for end in ends if done < end < last], default=last)


def refuse_late(branches, epochs):
    """Raise a ValueError if layers would be unfrozen after the last epoch of a fit, and so never."""
    for name, branch in branches.items():
        late = getattr(branch, "unfreeze_at", None)
        if late is not None and late >= epochs:
            raise ValueError(
                f"branches[{name!r}] has unfreeze_at={late}, but the fit ends after epoch {epochs}: nothing of it "
                f"would be fine-tuned. Set epochs={2 * late} or more, or a smaller unfreeze_at."
            )
