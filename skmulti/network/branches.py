"""What stands for a branch where a user gives a callable or a Keras layer."""

import keras
from sklearn.base import clone

from ..errors import BranchMismatchError, place
from ..inputs import Branch
from .copies import copy_layer


class _FunctionBranch(Branch):
    """A branch from a callable: tensor to tensor."""

    def __init__(self, function):
        self.function = function

    def connect(self, tensor, spec, sample):
        output = self.function(tensor)
        if not isinstance(output, keras.KerasTensor):
            raise BranchMismatchError(
                f"{place(spec.name, spec.columns)}: the branch {self.function!r} gave a {type(output).__name__}; a "
                "callable branch takes a KerasTensor (batch, *shape) and gives a KerasTensor."
            )
        return output


class _LayerBranch(Branch):
    """A branch from a Keras layer or model, which is copied with its weights."""

    def __init__(self, layer):
        self.layer = layer

    def connect(self, tensor, spec, sample):
        return copy_layer(self.layer, f"{place(spec.name, spec.columns)}: ")(tensor)


def as_branch(branch):
    """Return the `Branch` that a branch, callable or Keras layer stands for, as an own copy."""
    if isinstance(branch, keras.layers.Layer):
        return _LayerBranch(branch)
    if not isinstance(branch, type):
        if hasattr(branch, "build") and hasattr(branch, "get_params"):
            return clone(branch)
        if callable(branch):
            return _FunctionBranch(branch)
    hint = f" Did you mean {branch.__name__}()?" if isinstance(branch, type) else ""
    raise BranchMismatchError(
        "A branch must be a Branch object, a Keras layer, a callable or another input's name, "
        f"got {branch!r} of type {type(branch).__name__}.{hint}"
    )
