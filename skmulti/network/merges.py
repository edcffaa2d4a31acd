"""Join the outputs of all branches into one tensor."""

from itertools import combinations

import keras
from sklearn.base import BaseEstimator, clone

from .._params import check_call
from .._validation import POSITIVE_INT
from ..errors import NetworkSizeWarning, closest_match, describe_object, describe_output, quote, warn
from ..layers import Gates, InputEmbedding, PresentInputs, ZeroMasked, copy_layer
from ..spec import layer_name

# The widest that a merge makes tensors of different widths by itself. Narrow inputs gain nothing from more, and an
# attention over inputs as wide as a photo's features has tens of millions of weights.
MAX_COMMON_WIDTH = 256
# As for the layers of a branch: 20 MB of float32, and another 60 MB while Adam trains it.
MAX_WEIGHTS = 5_000_000


class Merge(BaseEstimator):
    """Join the outputs of all branches into one tensor.

    Subclass it and implement `combine` with Keras layers. If there are no parameters to search
    over, a plain callable ``f({name: tensor}) -> tensor`` is enough.

    Attributes
    ----------
    layer_prefix : str
        Beginning of the names of the merge's layers: "merge", or the step's name inside a
        `StagedMerge`. Follow it with "__", which an input's name may not hold: Keras refuses
        a layer ("average") that has the name of an input.

    Examples
    --------
    >>> import keras
    >>> from skmulti import Merge
    >>> class DifferenceMerge(Merge):
    ...     def combine(self, tensors, missing):
    ...         return keras.layers.Subtract(name=f"{self.layer_prefix}__difference")(list(tensors.values()))
    >>> tensors = {"bid": keras.ops.array([[3.0]]), "ask": keras.ops.array([[5.0]])}
    >>> DifferenceMerge().combine(tensors, {}).numpy()
    array([[-2.]], dtype=float32)
    """

    layer_prefix = "merge"

    def combine(self, tensors, missing):
        """Join branch outputs.

        Parameters
        ----------
        tensors : dict of str to KerasTensor of shape (batch, width)
            Output of each input's branch; widths may differ.
        missing : dict of str to KerasTensor of shape (batch, 1), bool
            True where a row has no value of the input; its tensor is then a learned
            vector. Inputs that are never missing have no entry.

        Returns
        -------
        KerasTensor of shape (batch, merged)
            The tensor that the head reads.

        Raises
        ------
        ValueError
            If there is no tensor, or the shape of one is not (batch, width).
        """
        raise NotImplementedError

    def _name(self, layer):
        """Return the name of one of the merge's layers."""
        return f"{self.layer_prefix}__{layer}"


class ConcatenateMerge(Merge):
    """Put the branch outputs side by side, in the order of the inputs.

    The default: nothing is lost, and the head learns how the inputs act together.

    Notes
    -----
    ``[a, b, ...]``: https://keras.io/api/layers/merging_layers/concatenate/

    Examples
    --------
    >>> import keras
    >>> from skmulti import ConcatenateMerge
    >>> tensors = {"a": keras.ops.array([[1.0, 2.0]]), "b": keras.ops.array([[3.0]])}
    >>> ConcatenateMerge().combine(tensors, {}).numpy()
    array([[1., 2., 3.]], dtype=float32)
    """

    def combine(self, tensors, missing):
        check_tensors(tensors)
        return _connect(keras.layers.Concatenate, tensors.values(), self._name("concatenate"))


class _EqualWidths(Merge):
    """What merges of tensors of one width share: the parameter `units`, and the layers that make widths equal."""

    _parameter_constraints = {"units": [POSITIVE_INT, None]}

    def __init__(self, units=None):
        self.units = units

    def _project(self, tensors, widest=None):
        """Check the merge's parameters and the tensors, and return these with one width."""
        self._validate_params()
        check_tensors(tensors)
        return _to_one_width(tensors, self.units, widest)

    def _stack(self, tensors):
        """Stack n tensors of one width: (batch, n, width)."""
        # `ops.stack` would get its name from Keras, which an input of the same name would collide with.
        together = _connect(keras.layers.Concatenate, tensors.values(), self._name("side_by_side"))
        return keras.layers.Reshape((len(tensors), -1), name=self._name("stack"))(together)

    def _present(self, tensors, missing):
        """Return which inputs a row has: bool (batch, n), or None if no input can be missing."""
        flags = [missing[name] for name in tensors if name in missing]
        if not flags:
            return None
        return PresentInputs([name in missing for name in tensors], name=self._name("present"))(flags)


class AddMerge(_EqualWidths):
    """Add the branch outputs, for inputs whose effects add up.

    Parameters
    ----------
    units : int or None, default=None
        Width to which trained linear layers bring the outputs. None is the largest of their widths, but at most 256,
        if they differ.

    Notes
    -----
    ``a + b + ...``: https://keras.io/api/layers/merging_layers/add/
    A missing input takes part with its learned vector.

    Examples
    --------
    >>> import keras
    >>> from skmulti import AddMerge
    >>> tensors = {"a": keras.ops.array([[1.0, 2.0]]), "b": keras.ops.array([[3.0, 5.0]])}
    >>> AddMerge().combine(tensors, {}).numpy()
    array([[4., 7.]], dtype=float32)
    """

    def combine(self, tensors, missing):
        return _connect(keras.layers.Add, self._project(tensors).values(), self._name("add"))


class AverageMerge(_EqualWidths):
    """Average the branch outputs of the inputs that a row has.

    For similar sources of one thing: two photos, three sensors.

    Parameters
    ----------
    units : int or None, default=None
        Width to which trained linear layers bring the outputs. None is the largest of their widths, but at most 256,
        if they differ.

    Notes
    -----
    ``sum(present_i * x_i) / sum(present_i)``. If no input can be missing, this is
    https://keras.io/api/layers/merging_layers/average/. A row in which every input is
    missing gets the plain average of the learned vectors.

    Examples
    --------
    >>> import keras
    >>> from skmulti import AverageMerge
    >>> tensors = {"a": keras.ops.array([[1.0], [1.0]]), "b": keras.ops.array([[3.0], [3.0]])}
    >>> AverageMerge().combine(tensors, {"b": keras.ops.array([[False], [True]])}).numpy()
    array([[2.],
           [1.]], dtype=float32)
    """

    def combine(self, tensors, missing):
        tensors = self._project(tensors)
        present = self._present(tensors, missing) if len(tensors) > 1 else None
        if present is None:
            return _connect(keras.layers.Average, tensors.values(), self._name("average"))
        # Without scores the gates of the inputs that a row has are equal: their sum of products is the average.
        shares = Gates(name=self._name("shares"))(present)
        return keras.layers.Dot(axes=1, name=self._name("average"))([shares, self._stack(tensors)])


class MaximumMerge(_EqualWidths):
    """Take the elementwise maximum, where a strong signal in any one input should decide.

    Parameters
    ----------
    units : int or None, default=None
        Width to which trained linear layers bring the outputs. None is the largest of their widths, but at most 256,
        if they differ.

    Notes
    -----
    ``max(a, b, ...)``: https://keras.io/api/layers/merging_layers/maximum/
    A missing input takes part with its learned vector.

    Examples
    --------
    >>> import keras
    >>> from skmulti import MaximumMerge
    >>> tensors = {"a": keras.ops.array([[1.0, 7.0]]), "b": keras.ops.array([[3.0, 5.0]])}
    >>> MaximumMerge().combine(tensors, {}).numpy()
    array([[3., 7.]], dtype=float32)
    """

    def combine(self, tensors, missing):
        return _connect(keras.layers.Maximum, self._project(tensors).values(), self._name("maximum"))


class MultiplyMerge(_EqualWidths):
    """Multiply the branch outputs elementwise.

    For inputs that matter only together. `InteractionMerge`, which also keeps the outputs
    themselves, is the safer choice.

    Parameters
    ----------
    units : int or None, default=None
        Width to which trained linear layers bring the outputs. None is the largest of their widths, but at most 256,
        if they differ.

    Notes
    -----
    ``a * b * ...``: https://keras.io/api/layers/merging_layers/multiply/
    A missing input takes part with its learned vector.

    Examples
    --------
    >>> import keras
    >>> from skmulti import MultiplyMerge
    >>> tensors = {"a": keras.ops.array([[1.0, 2.0]]), "b": keras.ops.array([[3.0, 5.0]])}
    >>> MultiplyMerge().combine(tensors, {}).numpy()
    array([[ 3., 10.]], dtype=float32)
    """

    def combine(self, tensors, missing):
        return _connect(keras.layers.Multiply, self._project(tensors).values(), self._name("multiply"))


class InteractionMerge(_EqualWidths):
    """Put the branch outputs and the products of each two of them side by side.

    For inputs that change each other's meaning. ``n`` inputs have ``n * (n - 1) / 2``
    products: with many inputs, small `units` keep the result narrow.

    Parameters
    ----------
    units : int or None, default=None
        Width to which trained linear layers bring the factors. None is the largest of their widths, but at most 256,
        if they differ.

    Notes
    -----
    ``[a, b, (Wa a + ca) * (Wb b + cb)]`` for two inputs, or ``[a, b, a * b]`` without
    projections. Products of projections: Kim et al., "Hadamard Product for Low-rank
    Bilinear Pooling", ICLR 2017. A missing input takes part with its learned vector.

    Examples
    --------
    >>> import keras
    >>> from skmulti import InteractionMerge
    >>> tensors = {"a": keras.ops.array([[1.0, 2.0]]), "b": keras.ops.array([[3.0, 5.0]])}
    >>> InteractionMerge().combine(tensors, {}).numpy()
    array([[ 1.,  2.,  3.,  5.,  3., 10.]], dtype=float32)
    """

    def combine(self, tensors, missing):
        self._validate_params()
        check_tensors(tensors)
        # A single input has no product, so its projection would be a layer that nothing reads.
        factors = _to_one_width(tensors, self.units) if len(tensors) > 1 else {}
        products = [
            keras.layers.Multiply(name=f"{layer_name(a)}__times__{layer_name(b)}")([factors[a], factors[b]])
            for a, b in combinations(factors, 2)
        ]
        return _connect(keras.layers.Concatenate, [*tensors.values(), *products], self._name("concatenate"))


class AttentionMerge(_EqualWidths):
    """Let the inputs attend to each other, then put the results side by side.

    For inputs whose relevance depends on what the others hold.

    Parameters
    ----------
    units : int or None, default=None
        Width to which trained linear layers bring the outputs. None is the largest of their widths, but at most 256,
        if they differ or are wider.
    num_heads : int, default=1
        Attention heads; each has ``max(1, width // num_heads)`` dimensions.

    Notes
    -----
    ``LayerNorm(t + MultiHeadAttention(t, t))``, flattened to (batch, inputs * width),
    with ``t_i = x_i + e_i``: each input is a token, and the learned vector ``e_i`` says
    which one. After Vaswani et al., "Attention Is All You Need", 2017, and Gorishniy et
    al., "Revisiting Deep Learning Models for Tabular Data", 2021. The latter read one extra
    token; this merge keeps all tokens. No token attends to a missing input, and its own
    place in the result is 0. The result of a row without any input is zeros. A single input
    is returned as it is. The attention layer is named "merge__attention", and reads the
    output of "merge__tokens".

    Examples
    --------
    >>> import keras
    >>> from skmulti import AttentionMerge
    >>> tensors = {"photo": keras.Input((8,)), "text": keras.Input((8,))}
    >>> AttentionMerge(num_heads=2).combine(tensors, {}).shape
    (None, 16)
    """

    _parameter_constraints = {**_EqualWidths._parameter_constraints, "num_heads": [POSITIVE_INT]}

    def __init__(self, units=None, *, num_heads=1):
        self.units = units
        self.num_heads = num_heads

    def combine(self, tensors, missing):
        # Equal widths need no projection for a sum, but the weights of an attention grow with their square.
        tensors = self._project(tensors, MAX_COMMON_WIDTH if len(tensors) > 1 else None)
        if len(tensors) == 1:
            return next(iter(tensors.values()))
        present = self._present(tensors, missing)
        tokens = InputEmbedding(name=self._name("tokens"))(self._stack(tensors))
        count, width = tokens.shape[1:]
        mask = None
        if present is not None:
            # Of shape (batch, 1, inputs): no token may attend to a missing one, whichever token asks.
            mask = keras.layers.Reshape((1, count), name=self._name("attention_mask"))(present)
        _check_size(4 * width**2, f"lets {count} inputs of {width:,} units attend to each other")
        attention = keras.layers.MultiHeadAttention(
            self.num_heads, max(1, width // self.num_heads), name=self._name("attention")
        )
        attended = attention(tokens, tokens, attention_mask=mask)
        attended = keras.layers.Add(name=self._name("residual"))([tokens, attended])
        result = keras.layers.LayerNormalization(name=self._name("normalization"))(attended)
        if present is not None:
            # The mask keeps others from a missing token, but the residual would let its own vector through.
            result = ZeroMasked(name=self._name("present_tokens"))(result, mask=present)
        return keras.layers.Reshape((count * width,), name=self._name("flatten"))(result)


class GatedMerge(_EqualWidths):
    """Weigh the inputs of each row by learned gates, and add them.

    For inputs whose relevance differs from row to row. The gates of a row sum to 1.

    Parameters
    ----------
    units : int or None, default=None
        Width to which trained linear layers bring the outputs. None is the largest of their widths, but at most 256,
        if they differ.

    Notes
    -----
    ``sum(g_i * x_i)`` with ``g = softmax(W [x_1, ..., x_n] + c)`` over the inputs that the
    row has: the gated unit of Arevalo et al., "Gated Multimodal Units for Information
    Fusion", 2017, with a softmax in place of its sigmoids and no tanh on x. The gate of a
    missing input is 0; a row without any input has equal gates. A single input is
    returned as it is. The layer that computes the gates is named "merge__gates".

    Examples
    --------
    >>> import keras
    >>> from skmulti import GatedMerge
    >>> tensors = {"a": keras.ops.array([[1.0, 2.0]]), "b": keras.ops.array([[3.0, 5.0]])}
    >>> GatedMerge().combine(tensors, {"b": keras.ops.array([[True]])}).numpy()
    array([[1., 2.]], dtype=float32)
    """

    def combine(self, tensors, missing):
        tensors = self._project(tensors)
        if len(tensors) == 1:
            return next(iter(tensors.values()))
        together = _connect(keras.layers.Concatenate, tensors.values(), self._name("gate_inputs"))
        scores = keras.layers.Dense(len(tensors), name=self._name("gate_scores"))(together)
        present = self._present(tensors, missing)
        if present is None:
            gates = keras.layers.Softmax(name=self._name("gates"))(scores)
        else:
            gates = Gates(name=self._name("gates"))(present, scores)
        return keras.layers.Dot(axes=1, name=self._name("gated_sum"))([gates, self._stack(tensors)])


class FunctionMerge(Merge):
    """A merge made of a callable that maps a dict of tensors to a tensor."""

    def __init__(self, function):
        self.function = function

    def combine(self, tensors, missing):
        check_tensors(tensors)
        advice = "Write a function of a dict {input name: tensor} that returns a tensor."
        check_call(self.function, "The merge", ["tensors"], advice=advice)
        # A layer is copied, so that fitting does not train the user's own object.
        is_layer = isinstance(self.function, keras.layers.Layer)
        merged = (copy_layer(self.function) if is_layer else self.function)(dict(tensors))
        shape = merged.shape if isinstance(merged, keras.KerasTensor) else ()
        if len(shape) != 2 or shape[-1] is None:
            found = f"a tensor of shape {tuple(shape)}" if shape else describe_output(merged)
            raise ValueError(
                f"The merge {self.function!r} returned {found}; a callable merge takes "
                "{input name: KerasTensor (batch, width)} and gives a KerasTensor (batch, merged) of known width."
            )
        return merged


MERGES = {
    "concatenate": ConcatenateMerge,
    "add": AddMerge,
    "average": AverageMerge,
    "maximum": MaximumMerge,
    "multiply": MultiplyMerge,
    "interaction": InteractionMerge,
    "attention": AttentionMerge,
    "gated": GatedMerge,
}


def as_merge(merge):
    """Return a string, merge or callable as a `Merge`, which is a copy of the user's."""
    if isinstance(merge, str):
        if merge not in MERGES:
            raise ValueError(f"There is no merge {merge!r}; there are {quote(MERGES)}.{closest_match(merge, MERGES)}")
        return MERGES[merge]()
    # A class has the methods of its objects: without this check, `AddMerge` would be taken for `AddMerge()`.
    if not isinstance(merge, type):
        if hasattr(merge, "combine") and hasattr(merge, "get_params"):
            return clone(merge)
        if callable(merge):
            return FunctionMerge(merge)
    raise TypeError(
        f"A merge must be one of {quote(MERGES)}, a Merge object, or a callable that takes "
        f"{{input name: tensor}}, got {describe_object(merge)}"
    )


def check_tensors(tensors):
    """Refuse an empty dict, and tensors that do not hold one vector for each row."""
    if not tensors:
        raise ValueError("There is nothing to merge: a merge needs at least one input, got none.")
    for name, tensor in tensors.items():
        if len(tensor.shape) != 2 or tensor.shape[-1] is None:
            raise ValueError(
                f"Input {name!r}: a merge takes tensors of shape (batch, width) with a width that is known, "
                f"got {tuple(tensor.shape)}."
            )


def _to_one_width(tensors, units, widest=None):
    """Project tensors to `units` or, if they differ or are wider than `widest`, to a width that suits them."""
    widths = {tensor.shape[-1] for tensor in tensors.values()}
    # Equal widths need no projection: a sum of them has no weights, as in Keras.
    if units is None and len(widths) == 1 and (widest is None or max(widths) <= widest):
        return dict(tensors)
    units = units or min(max(widths), MAX_COMMON_WIDTH)
    for name, tensor in tensors.items():
        _check_size(
            tensor.shape[-1] * units, f"brings {name!r}, which is {tensor.shape[-1]:,} wide, to {units:,} units"
        )
    return {
        name: keras.layers.Dense(units, name=layer_name(name, "projection"))(tensor) for name, tensor in tensors.items()
    }


def _check_size(n_weights, what):
    """Warn of a layer of a merge that has too many weights."""
    if n_weights > MAX_WEIGHTS:
        warn(
            f"The merge {what} by a layer of {n_weights:,} weights. Give it fewer `units` (merge__units=128), or give "
            "the wide inputs branches with fewer units.",
            NetworkSizeWarning,
        )


def _connect(layer, tensors, name):
    """Connect a class of Keras' merging layers to tensors; a single tensor needs no layer."""
    tensors = list(tensors)
    return layer(name=name)(tensors) if len(tensors) > 1 else tensors[0]
