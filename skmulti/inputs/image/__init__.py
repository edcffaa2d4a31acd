"""Images: a column of pictures becomes pixels of one size, and the network reads these pixels.

In comes one column of paths, contents of image files, arrays, tensors or PIL images; missing cells are allowed.
`ImageDecoder` turns each row into an array of pixels (height, width, channels), uint8 from 0 to 255, an input of the
kind "image". `ImageBranch` turns such an array into one vector a row. Other parts of the package import these two
names, and for other branches of photos `augment_photos`. What a cell may be (`cells`), how numbers become brightness
(`arrays`), how a file is read (`pixels`, `opencv`) and how filters are learned (`patches`) stays inside of the folder.
"""

from .arrays import ArrayCounts
from .branch import ImageBranch, augment_photos
from .decoder import ImageDecoder

__all__ = [
    "ArrayCounts",
    "ImageBranch",
    "ImageDecoder",
    "augment_photos",
]
