"""Every layer of the package comes back from a file."""

import keras
import numpy as np
import pytest
from common import predict
from layer_cases import flags, numbers
from numpy.testing import assert_array_equal

from skmulti.layers import dense, ids, missing, outputs, pixels, steps
from skmulti.layers import numbers as number_layers
from skmulti.layers.dense import Gates, InputEmbedding, OpenDropout, OpenInput
from skmulti.layers.ids import CategoryEmbedding, OneHotIds, WordBag, WordEmbedding
from skmulti.layers.missing import (
    AllMissing,
    FillFromOthers,
    LearnedFill,
    LearnedWhenMissing,
    MissingRow,
    PresentInputs,
    RandomFlag,
)
from skmulti.layers.numbers import ColumnDense, ColumnSymlog, FeatureScale, PiecewiseLinear
from skmulti.layers.outputs import MemberMean, Members, NetworkMean, OutputsSoftmax, TargetUnits
from skmulti.layers.pixels import PixelScale
from skmulti.layers.steps import StepMask, StepPosition, StepSummary, ZeroMasked


def network(layer, *inputs, **kwargs):
    tensors = list(inputs)
    given = tensors if len(tensors) > 1 else tensors[0]
    return keras.Model(given, layer(given, **kwargs))


NETWORKS = {
    "AllMissing": lambda: network(AllMissing(), flags(), flags()),
    "CategoryEmbedding": lambda: network(CategoryEmbedding([4, 3], 2), keras.Input((2,), dtype="int32")),
    "ColumnDense": lambda: network(ColumnDense(2), keras.Input((3, 2))),
    "ColumnSymlog": lambda: network(ColumnSymlog([0, 0], [1, 2]), keras.Input((2,))),
    "FeatureScale": lambda: network(FeatureScale([1, 2], [3, 4]), keras.Input((3, 2))),
    "FillFromOthers": lambda: network(FillFromOthers([1, 2], [0, 0], [3, 3]), keras.Input((2,))),
    "Gates": lambda: network(Gates(), keras.Input((3,), dtype="bool")),
    "InputEmbedding": lambda: network(InputEmbedding(), keras.Input((3, 2))),
    "OpenDropout": lambda: network(OpenDropout(0.5, chosen=0.0), keras.Input((3,))),
    "OpenInput": lambda: network(OpenInput(left_out=True), keras.Input((3,))),
    "LearnedFill": lambda: network(LearnedFill([1, 2]), keras.Input((3, 2))),
    "LearnedWhenMissing": lambda: network(LearnedWhenMissing(), keras.Input((2,)), flags()),
    "MemberMean": lambda: network(MemberMean(2, "sigmoid"), keras.Input((3, 2))),
    "Members": lambda: network(Members(3), keras.Input((2,))),
    "MissingRow": lambda: network(MissingRow(1), keras.Input((3,))),
    "NetworkMean": lambda: network(NetworkMean("softmax", [2]), keras.Input((2,)), keras.Input((2,))),
    "OneHotIds": lambda: network(OneHotIds([4, 3]), keras.Input((2,), dtype="int32")),
    "OutputsSoftmax": lambda: network(OutputsSoftmax([2, 1]), keras.Input((3,))),
    "PiecewiseLinear": lambda: network(PiecewiseLinear([[0, 1, 2], [0, 1]]), keras.Input((2,))),
    "PixelScale": lambda: network(PixelScale("torch"), keras.Input((4, 4, 3))),
    "PresentInputs": lambda: network(PresentInputs([True, False, True]), flags(), flags()),
    "RandomFlag": lambda: network(RandomFlag(0.5, seed=3), flags()),
    "StepMask": lambda: network(StepMask(), keras.Input((3, 2))),
    "StepPosition": lambda: network(StepPosition(), keras.Input((3, 2))),
    "StepSummary": lambda: network(StepSummary(), keras.Input((3, 2))),
    "TargetUnits": lambda: network(TargetUnits([1], [2]), keras.Input((1,))),
    "ZeroMasked": lambda: network(ZeroMasked(), keras.Input((3, 2))),
    "WordBag": lambda: network(WordBag([0, 1, 2.5], 4), keras.Input((3,), dtype="int32")),
    "WordEmbedding": lambda: network(WordEmbedding(5, 2), keras.Input((3,), dtype="int32")),
}


def test_every_layer_is_saved_below():
    modules = (dense, ids, missing, number_layers, outputs, pixels, steps)
    kinds = [thing for module in modules for thing in vars(module).values() if isinstance(thing, type)]
    own = {kind.__name__ for kind in kinds if kind.__module__.startswith("skmulti") and issubclass(kind, keras.Layer)}
    assert NETWORKS.keys() == own


@pytest.mark.parametrize("name", NETWORKS)
def test_layer_comes_back_from_a_file_in_safe_mode(name, tmp_path):
    model = NETWORKS[name]()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    arrays = [2 * np.abs(numbers(2, *tensor.shape[1:])) for tensor in model.inputs]
    arrays = [
        (array > 1 if tensor.dtype == "bool" else array).astype(tensor.dtype)
        for array, tensor in zip(arrays, model.inputs, strict=True)
    ]

    before = predict(model, arrays if len(arrays) > 1 else arrays[0])

    assert_array_equal(predict(loaded, arrays if len(arrays) > 1 else arrays[0]), before)
    assert before.shape[1:] == loaded.output_shape[1:]


@pytest.mark.parametrize("name", NETWORKS)
def test_layer_is_in_its_config_in_full(name):
    layer = NETWORKS[name]().layers[-1]
    twin = type(layer).from_config(layer.get_config())

    assert twin.get_config() == layer.get_config()
