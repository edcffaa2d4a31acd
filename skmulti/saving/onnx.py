"""Write a network as a file of ONNX, and run the file before it gets its name."""

import json
import os
import tempfile
from functools import partial

import numpy as np
import tensorflow as tf

from ..errors import ExportError, shorten
from .quiet import quiet

# The version of the operators: old enough for runtimes of 2022, new enough for all layers of ours.
OPSET = 17
# By how much onnxruntime may differ from the network in rows of zeros and NaN.
_TOLERANCE = 1e-4


def write_onnx(model, outputs, path):
    """Write a network.

    Parameters
    ----------
    model : keras.Model
        Takes a dict of arrays by input name.
    outputs : object
        ``outputs.numbers(tensor)`` names what the network returns; ``outputs.describe()`` says what it is.
    path : str
        The file.

    Returns
    -------
    str
        The path.
    """
    tf2onnx = _import_onnx()
    if os.path.exists(path):
        raise FileExistsError(f"{path!r} exists. Give another path, or remove it.")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    signature = {
        tensor.name: tf.TensorSpec((None, *tensor.shape[1:]), tensor.dtype, tensor.name) for tensor in model.inputs
    }
    call = partial(model, training=False)
    function = tf.function(lambda arrays: outputs.numbers(call(arrays)), input_signature=[signature], autograph=False)
    # `_check` says what cannot be converted.
    with quiet("tf2onnx", "tensorflow"):
        proto, _ = tf2onnx.convert.from_function(
            function, input_signature=[signature], opset=OPSET, custom_op_handlers=_handlers()
        )
    about = {name: own for name, own in outputs.describe().items() if not name.startswith("labels")}
    proto.metadata_props.add(key="outputs", value=json.dumps(about))
    with tempfile.TemporaryDirectory(prefix=".skmulti-", dir=os.path.dirname(path)) as beside:
        file = os.path.join(beside, "model.onnx")
        with open(file, "wb") as stream:
            stream.write(proto.SerializeToString())
        _check(file, function, signature)
        os.replace(file, path)
    return path


def _import_onnx():
    """Return tf2onnx, or refuse if one of the packages is not installed."""
    try:
        import onnx  # noqa: F401
        import onnxruntime  # noqa: F401
        import tf2onnx
    except ImportError as error:
        raise ImportError(
            f'format="onnx" needs the package {error.name}: pip install "skmulti[onnx]" installs tf2onnx, onnx and '
            "onnxruntime."
        ) from error
    return tf2onnx


def _check(file, function, signature):
    """Refuse a file that onnxruntime does not load, or that gives other numbers than the network."""
    import onnx
    import onnxruntime

    try:
        onnx.checker.check_model(file)
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    except Exception as error:
        # Each of the packages has errors of its own, without a common base class.
        raise ExportError(
            f"The network has a layer that ONNX or onnxruntime does not know: {shorten(error, 200)}. Use layers of "
            'Keras, or format="saved_model".'
        ) from error
    for n_rows in (1, 3):
        arrays = {name: _blank(spec, n_rows) for name, spec in signature.items()}
        expected = function({name: tf.constant(array) for name, array in arrays.items()})
        names = [output.name for output in session.get_outputs()]
        for name, found in zip(names, session.run(names, arrays), strict=True):
            if not np.allclose(found, expected[name], rtol=_TOLERANCE, atol=_TOLERANCE):
                raise ExportError(f"onnxruntime does not predict as the network does: {name!r} differs.")


def _blank(spec, n_rows):
    """Return rows of zeros; floats are missing in the first."""
    array = np.zeros((n_rows, *spec.shape[1:]), spec.dtype.as_numpy_dtype)
    if array.dtype.kind == "f":
        array[0] = np.nan
    return array


# --- operators that tf2onnx does not know


def _handlers():
    """Return what writes the operators that tf2onnx leaves as they are."""
    return {"Log1p": (_log1p, []), "Erfc": (_erfc, []), "ScaleAndTranslate": (_scale_and_translate, [])}


def _log1p(graph, node, name, args):
    """Write log(1 + x)."""
    one = _constant(graph, np.ones((), _dtype_of(graph, node)))
    node.type = "Log"
    graph.insert_new_node_on_input(node, "Add", [node.input[0], one])


def _erfc(graph, node, name, args):
    """Write 1 - erf(x); onnxruntime has erf in float32 alone."""
    from onnx import TensorProto

    dtype = graph.get_dtype(node.input[0])
    narrow = graph.make_node("Cast", [node.input[0]], attr={"to": TensorProto.FLOAT})
    erf = graph.make_node("Erf", narrow.output)
    wide = graph.make_node("Cast", erf.output, attr={"to": dtype})
    one = _constant(graph, np.ones((), _dtype_of(graph, node)))
    node.type = "Sub"
    graph.replace_inputs(node, [one, wide.output[0]])


def _scale_and_translate(graph, node, name, args):
    """Write a resize to a fixed size as two products with matrices, one for the rows and one for the columns."""
    size = node.inputs[1].get_tensor_value()
    if node.get_attr("kernel_type").s != b"triangle":
        return
    # The whole image, as `tf.image.resize` takes it.
    antialias = bool(node.get_attr("antialias").i)
    sides = graph.get_shape(node.input[0])[1:3]
    rows, columns = (_resizing_matrix(side, int(own), antialias) for side, own in zip(sides, size, strict=True))
    first = graph.make_node("Transpose", [node.input[0]], attr={"perm": [0, 3, 1, 2]})
    high = graph.make_node("MatMul", [_constant(graph, rows), first.output[0]])
    wide = graph.make_node("MatMul", [high.output[0], _constant(graph, np.ascontiguousarray(columns.T))])
    node.type = "Transpose"
    graph.replace_inputs(node, wide.output)
    for attribute in list(node.attr):
        del node.attr[attribute]
    node.set_attr("perm", [0, 2, 3, 1])


def _resizing_matrix(side, size, antialias):
    """Return the matrix (size, side) that resizes a row of pixels: TensorFlow's triangles, wider for fewer pixels."""
    reach = max(side / size, 1) if antialias else 1
    centers = (np.arange(size)[:, None] + 0.5) * side / size
    weights = np.maximum(1 - np.abs(np.arange(side) + 0.5 - centers) / reach, 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype("float32")


def _constant(graph, array):
    from tf2onnx import utils

    return graph.make_const(utils.make_name("skmulti"), array).output[0]


def _dtype_of(graph, node):
    from tf2onnx import utils

    return utils.map_onnx_to_numpy_type(graph.get_dtype(node.input[0]))
