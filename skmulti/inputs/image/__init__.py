"""Images: photos of any make to pixels, and the branch that reads them."""

from .decoder import ImageBranch, ImageDecoder

__all__ = [
    "ImageBranch",
    "ImageDecoder",
]
