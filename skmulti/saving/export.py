"""Write a fitted estimator so that it predicts without skmulti: a SavedModel of TensorFlow, or a file of ONNX."""

import json
import os
import shutil
import tempfile
from contextlib import contextmanager

import tensorflow as tf
from sklearn.utils.validation import check_is_fitted

from ..errors import ExportError, closest_match, shorten
from ..estimators import MultiInputClassifier, MultiInputRegressor, output_graph
from .onnx import write_onnx
from .quiet import quiet

FORMATS, INPUTS = ("saved_model", "onnx"), ("columns", "arrays")
# Of the file that says which tensors a SavedModel takes, and how it is laid out.
COLUMNS_FILE, LAYOUT = os.path.join("assets.extra", "columns.json"), 1


def export(est, folder, *, format="saved_model", inputs="columns"):
    r"""Write a fitted estimator so that it predicts where skmulti is not installed.

    A SavedModel with ``inputs="columns"`` is the whole way of a row, preprocessing included:
    TensorFlow loads and serves it. ``inputs="arrays"`` leaves preprocessing to you, for
    ONNX or for encoders that have no graph.

    Parameters
    ----------
    est : MultiInputClassifier or MultiInputRegressor
        A fitted estimator. It stays as it is.
    folder : str or PathLike
        The folder of a SavedModel, which must not exist or be empty; for ONNX the path of the
        file. Nothing is left there if the export fails.
    format : {"saved_model", "onnx"}
        "onnx" needs ``pip install "skmulti[onnx]"`` and ``inputs="arrays"``; the file is checked with
        onnx and run with onnxruntime before it gets its name.
    inputs : {"columns", "arrays"}
        What the model takes: raw columns, or the arrays that ``est.router_.transform`` returns.

    Returns
    -------
    str
        The path that was written.

    Raises
    ------
    ExportError
        If a part has no such form; the message names the input, its encoder and the way out.
        Nothing is written then.
    FileExistsError
        If the folder holds something, or the file exists.
    ImportError
        If a package that ONNX needs is not installed.
    ValueError
        If `format` or `inputs` is unknown.

    See Also
    --------
    EncoderGraph : What an encoder of your own needs to be part of a SavedModel.

    Notes
    -----
    The signature ``serving_default`` takes one tensor a column, by name: strings, float64 for single
    numbers (whole ones, too), the content of image files as strings. A column whose cells hold any
    number of values is two tensors, its entries one row after the other, and ``<name>_lengths``, int64.
    A missing cell is NaN, or the string ``\N``. A name that is no identifier is made one: blanks, dots
    and letters beyond ASCII become "_", and names that differ in case alone get a number.
    ``assets.extra/columns.json`` in the folder lists the tensors with the labels of their columns, dtypes,
    what they hold and what stands for a missing cell, and the outputs with their classes.

    The outputs are ``probabilities`` and ``labels``, or ``predictions``; of several columns of y each has
    its own, with the column's name behind it. They are those of `predict_proba` and `predict`, except
    for rounding; photos are resized by TensorFlow, and their pixels differ by less than 2 of 255. What
    `predict` refuses, and a cell that only Python can read, lets the call fail.

    Examples
    --------
    >>> import tempfile
    >>> import tensorflow as tf
    >>> import skmulti.datasets
    >>> df, y = skmulti.datasets.make_listings(60, random_state=0)
    >>> est = skmulti.MultiInputClassifier(epochs=1, random_state=0).fit(df[["area", "city"]], y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = skmulti.export(est, f"{folder}/model")
    ...     model = tf.saved_model.load(path)
    >>> predict = model.signatures["serving_default"]
    >>> predict(area=tf.constant([50.0], tf.float64), city=tf.constant(["Rome"]))["probabilities"].shape
    TensorShape([1, 2])
    """
    _check_choice("format", format, FORMATS)
    _check_choice("inputs", inputs, INPUTS)
    if not isinstance(est, MultiInputClassifier | MultiInputRegressor):
        raise ExportError(
            f"export takes a fitted MultiInputClassifier or MultiInputRegressor, got {shorten(repr(est))}. Of a "
            "Pipeline or a search, export the estimator in it, e.g. search.best_estimator_."
        )
    check_is_fitted(est)
    path = os.path.abspath(os.path.expanduser(os.fspath(folder)))
    if format == "onnx":
        if inputs == "columns":
            raise ExportError(
                "ONNX takes arrays alone: it has no operators for what TensorFlow does with texts and images. Give "
                'inputs="arrays" and encode rows with est.router_.transform(X), or format="saved_model".'
            )
        return write_onnx(est.model_, output_graph(est), path)
    module, serve, signature, entries = _graph_of_arrays(est) if inputs == "arrays" else _graph_of_columns(est)
    with _new_folder(path) as beside:
        _save(module, serve, signature, beside)
        _describe(beside, inputs, entries, output_graph(est).describe())
    return path


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(
            f"export: `{name}` must be one of {', '.join(map(repr, choices))}, got {value!r}."
            f"{closest_match(value, choices)}"
        )


def _graph_of_columns(est):
    """Return a module, the function that takes raw columns, its signature, and the entries of its columns."""
    if not hasattr(est.router_, "graph"):
        raise ExportError(
            f"The estimator's router is a {type(est.router_).__name__}, which has no columns: rows were encoded "
            'elsewhere. Export the network alone: inputs="arrays".'
        )
    router = est.router_.graph()
    entries = []
    for column in router.columns:
        tensor = column.tensor
        entries.append(
            {
                "tensor": column.name,
                "lengths": column.lengths_name,
                "column": column.label if isinstance(column.label, str | int) else str(column.label),
                "dtype": tensor.dtype,
                "shape": [None, *tensor.shape],
                "holds": tensor.holds,
                "missing": tensor.missing,
                "inputs": column.inputs,
            }
        )
    return *_make_module(est, router.tables, router), router.signature, entries


def _graph_of_arrays(est):
    """Return the same for a function that takes encoded arrays."""
    signature = {tensor.name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype) for tensor in est.model_.inputs}
    entries = [
        {"tensor": name, "dtype": spec.dtype.name, "shape": list(spec.shape)} for name, spec in signature.items()
    ]
    return *_make_module(est, [], dict), signature, entries


def _make_module(est, tables, encode):
    """Return what a SavedModel keeps, and the function that encodes, predicts and names outputs."""
    module, network, outputs = tf.Module(), est.model_, output_graph(est)
    # What a SavedModel stores are the variables and tables that hang on the module.
    module.weights = [variable.value for variable in network.variables]
    module.tables = tables

    def serve(**tensors):
        return outputs(network(encode(tensors), training=False))

    return module, tf.function(serve, autograph=False)


def _save(module, serve, signature, folder):
    """Write a SavedModel."""
    served = serve.get_concrete_function(**signature)
    # TensorFlow warns of tables that were made outside of a graph, although it saves them.
    with quiet("tensorflow", "absl"):
        tf.saved_model.save(module, folder, signatures={"serving_default": served})


def _describe(folder, inputs, entries, outputs):
    """Write beside the graph which tensors it takes and returns."""
    path = os.path.join(folder, COLUMNS_FILE)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    content = {"layout": LAYOUT, "takes": inputs, "inputs": entries, "outputs": outputs}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(content, file, ensure_ascii=False, indent=2)


@contextmanager
def _new_folder(path):
    """Return the path of a new folder, which gets the name `path` at the end if there was no error."""
    if os.path.exists(path) and (not os.path.isdir(path) or os.listdir(path)):
        raise FileExistsError(f"{path!r} exists and is not an empty folder. Give another path, or remove it.")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    beside = tempfile.mkdtemp(prefix=".skmulti-", dir=os.path.dirname(path))
    try:
        yield beside
        # `mkdtemp` makes a folder for the owner alone.
        os.chmod(beside, 0o755)
        os.replace(beside, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
