"""Text: a column of strings becomes ids of words, and the network reads these ids.

In comes one column of strings, or several that are joined with a space; missing cells are allowed. `TextVectorizer`
turns each row into an array of word ids of one length (0 = padding, 1 = unknown word), an input of the kind "text".
`TextBranch` turns such an array into one vector a row, whichever encoder made it. Other parts of the package import
these two names only. Which columns are texts (`columns`), what a cell says (`cells`), how a text of any script is
split (`scripts`, `tokens`) and how its words are looked up (`words`, `keras_words`) stays inside of the folder.
"""

from .branch import TextBranch
from .vectorizer import TextVectorizer

__all__ = [
    "TextBranch",
    "TextVectorizer",
]
