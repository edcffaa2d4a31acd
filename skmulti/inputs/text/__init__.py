"""Text: columns of words to ids, and the branch that reads them."""

from .branch import TextBranch
from .vectorizer import TextVectorizer

__all__ = [
    "TextBranch",
    "TextVectorizer",
]
