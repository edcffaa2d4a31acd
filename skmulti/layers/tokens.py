"""Layers between ids of ours, in which 0 is padding, and networks that were trained with ids of their own tokenizer."""

import keras
from keras import ops

_register = keras.saving.register_keras_serializable(package="skmulti")


@_register
class TokenIds(keras.layers.Layer):
    """Return ids as the tokenizer wrote them: 0 and its own id of padding trade places again.

    Parameters
    ----------
    padding_id : int
        The tokenizer's id of padding.
    keep : bool
        Whether the network knows that id; if not, padding stays 0, and a mask says that it is none.
    """

    def __init__(self, padding_id, keep=True, **kwargs):
        super().__init__(**kwargs)
        self.padding_id, self.keep = int(padding_id), keep

    def call(self, ids):
        traded = ops.where(ids == self.padding_id, 0, ids)
        return ops.where(ids == 0, self.padding_id, traded) if self.keep else traded

    def compute_output_spec(self, ids):
        return keras.KerasTensor(ids.shape, dtype=ids.dtype)

    def get_config(self):
        return {**super().get_config(), "padding_id": self.padding_id, "keep": self.keep}


@_register
class TokenMask(keras.layers.Layer):
    """Return 1 where an id is no padding, else 0; with ``value=0``, 0 everywhere: the types of tokens of one text.

    Parameters
    ----------
    value : int
        What stands for a token.
    dtype_name : str
        Dtype of the output.
    """

    def __init__(self, value=1, dtype_name="int32", **kwargs):
        super().__init__(**kwargs)
        self.value, self.dtype_name = int(value), dtype_name

    def call(self, ids):
        return ops.cast(ids != 0, self.dtype_name) * ops.cast(self.value, self.dtype_name)

    def compute_output_spec(self, ids):
        return keras.KerasTensor(ids.shape, dtype=self.dtype_name)

    def get_config(self):
        return {**super().get_config(), "value": self.value, "dtype_name": self.dtype_name}


@_register
class MaskedSteps(keras.layers.Layer):
    """Return the steps of a sequence, the first of two tensors, masked where the ids, the second, are padding."""

    def call(self, tensors):
        return ops.convert_to_tensor(tensors[0])

    def compute_mask(self, inputs, previous_mask):
        return inputs[1] != 0

    def compute_output_spec(self, tensors):
        return keras.KerasTensor(tensors[0].shape, dtype=tensors[0].dtype)
