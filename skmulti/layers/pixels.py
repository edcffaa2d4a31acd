"""Layers that bring pixels to the values for which a pretrained network was trained."""

import keras
from keras import ops

# Means and standard deviations of the channels of ImageNet, as those who trained the networks used them: of the modes
# "torch" (red, green, blue, for pixels of 0 to 1) and "caffe" (blue, green, red, for pixels of 0 to 255).
TORCH_MEAN, TORCH_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE_MEAN = (103.939, 116.779, 123.68)
PIXEL_MODES = ("tf", "torch", "caffe", "unit")


@keras.saving.register_keras_serializable(package="skmulti")
class PixelScale(keras.layers.Layer):
    """Turn pixels of 0 to 255 into the floats that a pretrained network expects.

    Parameters
    ----------
    mode : {"tf", "torch", "caffe", "unit"} or None
        The first three are the modes of ``keras.applications``: "tf" gives -1 to 1, "torch" 0 to 1 and then the
        channels less their mean over ImageNet, divided by their deviation; "caffe" gives channels in the order blue,
        green, red, less their mean. "unit" gives 0 to 1, and None leaves 0 to 255.
    """

    def __init__(self, mode=None, **kwargs):
        super().__init__(**kwargs)
        self.mode = mode

    def call(self, inputs):
        pixels = ops.cast(inputs, self.compute_dtype)
        if self.mode == "tf":
            return pixels / 127.5 - 1
        if self.mode == "torch":
            mean, deviation = (ops.convert_to_tensor(values, pixels.dtype) for values in (TORCH_MEAN, TORCH_STD))
            return (pixels / 255 - mean) / deviation
        if self.mode == "caffe":
            return ops.flip(pixels, axis=-1) - ops.convert_to_tensor(CAFFE_MEAN, pixels.dtype)
        return pixels / 255 if self.mode == "unit" else pixels

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}
