"""Text: columns of words to ids, and the branch that reads them."""

from .vectorizer import TextBranch, TextVectorizer

__all__ = [
    "TextBranch",
    "TextVectorizer",
]
