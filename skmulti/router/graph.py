"""A fitted router in a TensorFlow graph: one tensor a column comes in by name, one array an input goes out."""

import keyword
import re
from dataclasses import dataclass, field

import tensorflow as tf

from ..errors import ExportError, place
from ..inputs import ColumnTensor


@dataclass(frozen=True)
class GraphColumn:
    """A column that a graph reads.

    Parameters
    ----------
    name : str
        Name of its tensor. Of a ragged column the entries have it, and ``<name>_lengths`` their numbers.
    label : object
        The column's label in the table.
    tensor : ColumnTensor
        What the tensor holds.
    inputs : list of str
        The inputs that read it.
    """

    name: str
    label: object
    tensor: ColumnTensor
    inputs: list = field(default_factory=list)

    @property
    def lengths_name(self):
        """Name of the tensor with the number of entries of each row; None if there is none."""
        return f"{self.name}_lengths" if self.tensor.ragged else None


class RouterGraph:
    """Encode raw columns in a graph, as `FittedRoutes` encodes a table.

    Parameters
    ----------
    fitted : FittedRoutes
        The fitted routes.

    Attributes
    ----------
    columns : list of GraphColumn
        The columns that inputs read. A column that inputs read in two ways is in it twice.
    tables : list
        Lookup tables that have to be saved.

    Raises
    ------
    ExportError
        If the encoder of an input has no graph.
    """

    def __init__(self, fitted):
        if fitted.of_arrays:
            raise ExportError(
                "The router was fitted on a dict of arrays, which has no columns. Fit on a DataFrame, or export the "
                'network alone: inputs="arrays".'
            )
        self._routes = [(route, _graph_of(route)) for route in fitted.routes]
        self.tables = [table for _, graph in self._routes for table in graph.tables]
        found, taken = {}, set()
        for route, graph in self._routes:
            for label, tensor in zip(route.labels, graph.columns, strict=True):
                if (label, tensor) not in found:
                    found[label, tensor] = GraphColumn(safe_name(label, taken), label, tensor)
                found[label, tensor].inputs.append(route.name)
        self.columns = list(found.values())
        self._found = found

    @property
    def signature(self):
        """The tensors that a call takes: dict of str to tf.TensorSpec."""
        specs = {}
        for column in self.columns:
            tensor = column.tensor
            specs[column.name] = tf.TensorSpec((None, *tensor.shape), tensor.dtype, column.name)
            if tensor.ragged:
                specs[column.lengths_name] = tf.TensorSpec((None,), tf.int64, column.lengths_name)
        return specs

    def __call__(self, tensors):
        """Return the network's arrays, with missing flags, by name; `tensors` is a dict as `signature` says."""
        arrays = {}
        for route, graph in self._routes:
            columns = [self._take(self._found[pair], tensors) for pair in zip(route.labels, graph.columns, strict=True)]
            array = tf.ensure_shape(tf.cast(graph.encode(*columns), route.spec.dtype), (None, *route.spec.shape))
            if array.dtype.is_floating:
                where = place(route.name, route.labels)
                tf.debugging.Assert(~tf.reduce_any(tf.math.is_inf(array)), [f"{where}: numbers must be finite"])
            arrays[route.name] = array
            if route.spec.missing_name:
                arrays[route.spec.missing_name] = graph.missing(*columns)[:, None]
        return arrays

    @staticmethod
    def _take(column, tensors):
        """Return the tensor of a column."""
        tensor = tensors[column.name]
        if not column.tensor.ragged:
            return tensor
        return tf.RaggedTensor.from_row_lengths(tensor, tensors[column.lengths_name])


def _graph_of(route):
    """Return the graph of an input, or refuse its encoder by name."""
    try:
        return route.encoder.graph()
    except ExportError as error:
        encoder = type(getattr(route.encoder, "transformer_", route.encoder)).__name__
        raise ExportError(
            f"{place(route.name, route.labels)}, encoder {encoder}, cannot be part of a graph: {error}. Or export the "
            'network alone, inputs="arrays", and give it what est.router_.transform(X) returns.'
        ) from error


def safe_name(label, taken):
    """Return a name for a tensor that TensorFlow takes as it is, and add it to those that are taken.

    Whatever is no letter or digit of ASCII becomes "_", and names that differ in their case alone get
    a number, since TensorFlow would give them one itself.
    """
    plain = re.sub("_{2,}", "_", re.sub("[^A-Za-z0-9_]", "_", str(label))).strip("_")
    if not plain or plain[0].isdigit() or keyword.iskeyword(plain) or plain == "self":
        plain = f"column_{plain}".rstrip("_")
    number, name = 1, plain
    # The lengths of a ragged column must not have the name of another column.
    while {name.lower(), f"{name}_lengths".lower()} & taken:
        number += 1
        name = f"{plain}_{number}"
    taken |= {name.lower(), f"{name}_lengths".lower()}
    return name
