"""Text: a column of strings becomes ids of words, and the network reads these ids.

In comes one column of strings, or several that are joined with a space; missing cells are allowed. `TextVectorizer`
turns each row into an array of word ids of one length (0 = padding, 1 = unknown word), an input of the kind "text";
`PretrainedTokenizer` makes the ids of a pretrained network. `TextBranch` turns such an array into one vector a row,
whichever encoder made it. `read_by_ids`, `idle_layers` and `hub_network` prepare pretrained networks of texts. Other
parts of the package import these names only. Which columns are texts (`columns`), what a cell says (`cells`,
`reading`), how a text of any script is split (`scripts`, `tokens`, `subwords`), how its words are looked up (`words`,
`keras_words`), and where vectors of words come from (`embeddings`) stays inside of the folder.
"""

from .branch import TextBranch
from .networks import idle_layers, read_by_ids
from .pretrained import PretrainedTokenizer
from .subwords import hub_network
from .vectorizer import TextVectorizer

__all__ = [
    "PretrainedTokenizer",
    "TextBranch",
    "TextVectorizer",
    "hub_network",
    "idle_layers",
    "read_by_ids",
]
