"""Images: photos of any make to pixels, and the branch that reads them."""

from .branch import ImageBranch
from .decoder import ImageDecoder

__all__ = [
    "ImageBranch",
    "ImageDecoder",
]
