"""Tokenizers of pretrained networks, of Hugging Face and of KerasHub, behind one interface.

A tokenizer is known by its files, which a fitted encoder keeps as bytes. So it needs the folder no more, and only plain
data is pickled or saved. Both libraries write a ``tokenizer.json``, of different content.
"""

import json
import os
import tempfile
from functools import lru_cache

import numpy as np

from ...errors import shorten

# The file that both libraries write, by which a tokenizer is found in a folder.
MAIN_FILE = "tokenizer.json"
# Names of the token of padding, if a tokenizer of Hugging Face does not say which one it is.
_PADDING = ("[PAD]", "<pad>", "<|pad|>", "<|endoftext|>")


def read_tokenizer(source):
    """Return the files of a tokenizer, by name.

    Parameters
    ----------
    source : str or PathLike
        A file ``tokenizer.json``, a folder with one, or the name of a preset of KerasHub.

    Returns
    -------
    dict of str to bytes
        What `open_tokenizer` reads.
    """
    path = os.fspath(source)
    if os.path.isfile(path):
        with open(path, "rb") as file:
            files = {MAIN_FILE: file.read()}
        return files if _is_of_hub(files) is False else _refuse(path)
    main = os.path.join(path, MAIN_FILE)
    if os.path.isfile(main):
        with open(main, "rb") as file:
            files = {MAIN_FILE: file.read()}
        return _hub_files(path) if _is_of_hub(files) else files
    if os.path.exists(path) or os.sep in path or path.endswith(".json"):
        _refuse(path)
    return _hub_files(path)


def _refuse(path):
    raise ValueError(
        f"PretrainedTokenizer: {shorten(repr(path))} is no tokenizer. Give a file tokenizer.json of Hugging Face's "
        "tokenizers (tokenizer.save writes it), a folder with one, a folder that save_to_preset of KerasHub has "
        "written, or the name of a preset of KerasHub."
    )


def _is_of_hub(files):
    """Return whether files are of KerasHub; refuse what is no tokenizer at all."""
    try:
        content = json.loads(files[MAIN_FILE])
    except ValueError:
        content = None
    if not isinstance(content, dict) or not content.keys() & {"model", "class_name"}:
        raise ValueError(
            f"PretrainedTokenizer: the file holds no tokenizer, but {shorten(repr(files[MAIN_FILE][:60]))}. Give the "
            "tokenizer.json of Hugging Face's tokenizers, or a folder that KerasHub has written."
        )
    return "class_name" in content


def _hub_files(preset):
    """Return the files of a tokenizer of KerasHub, which downloads those of a preset once."""
    import keras

    tokenizer = _from_preset("Tokenizer", preset, "PretrainedTokenizer")
    files = {MAIN_FILE: json.dumps(keras.saving.serialize_keras_object(tokenizer)).encode()}
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_assets(folder)
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), "rb") as file:
                files[name] = file.read()
    return files


def open_tokenizer(files, special_tokens=True):
    """Return the tokenizer of some files, which all encoders with these files share.

    Parameters
    ----------
    files : dict of str to bytes
        From `read_tokenizer`.
    special_tokens : bool
        Whether ids that mark begin and end of a text are added.
    """
    return _open(tuple(files.items()), special_tokens)


@lru_cache(maxsize=4)
def _open(files, special_tokens):
    files = dict(files)
    return (HubSubwords if _is_of_hub(files) else Subwords)(files, special_tokens)


class Subwords:
    """A tokenizer of Hugging Face.

    Attributes
    ----------
    size : int
        Number of ids; that of padding is one of them.
    padding_id : int
        The id of padding.
    tokens : list of str
        The token of each id; empty for ids without one.
    unknown_id : int or None
        The id of what the tokenizer cannot write.
    """

    def __init__(self, files, special_tokens):
        self._marks = special_tokens
        try:
            import tokenizers
        except ImportError as error:
            raise ImportError(
                f'A tokenizer.json of Hugging Face needs tokenizers ({error}): pip install "skmulti[tokenizers]".'
            ) from error
        text = files[MAIN_FILE].decode()
        self._tokenizer = tokenizers.Tokenizer.from_str(text)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        ids = self._tokenizer.get_vocab(with_added_tokens=True)
        padding = (json.loads(text).get("padding") or {}).get("pad_id")
        known = [ids[token] for token in _PADDING if token in ids]
        # A tokenizer without padding gets an id that it does not use.
        self.padding_id = padding if padding is not None else known[0] if known else max(ids.values()) + 1
        self.size = max(*ids.values(), self.padding_id) + 1
        self.tokens = _in_order(ids.items(), self.size)
        self.unknown_id = ids.get(json.loads(text)["model"].get("unk_token"))

    def ids(self, texts, length=None):
        """Return the ids of each text; longer texts are cut before the mark of their end."""
        return [[encoding.ids[i] for i in _places(encoding, length)] for encoding in self._encode(texts)]

    def spans(self, texts, length):
        """Return for each text a list of (characters, place, span), without the marks of its begin and end."""
        return [
            [
                (text[slice(*encoding.offsets[i])], place, encoding.offsets[i])
                for place, i in enumerate(_places(encoding, length))
                if not encoding.special_tokens_mask[i]
            ]
            for text, encoding in zip(texts, self._encode(texts), strict=True)
        ]

    def _encode(self, texts):
        return self._tokenizer.encode_batch(texts, add_special_tokens=self._marks)


def _places(encoding, length):
    """Return which places of an encoding a cut leaves: the first ones, and the marks of its end."""
    # Cut here, and not by the tokenizer, whose setting threads would share.
    n_ids, n_marks = len(encoding.ids), 0
    if length is None or n_ids <= length:
        return range(n_ids)
    while n_marks < length - 1 and encoding.special_tokens_mask[-1 - n_marks]:
        n_marks += 1
    return [*range(length - n_marks), *range(n_ids - n_marks, n_ids)]


class HubSubwords:
    """A tokenizer of KerasHub; its attributes are those of `Subwords`."""

    def __init__(self, files, special_tokens):
        import keras

        _keras_hub()
        self._tokenizer = keras.saving.deserialize_keras_object(json.loads(files[MAIN_FILE]))
        with tempfile.TemporaryDirectory() as folder:
            for name, content in files.items():
                if name != MAIN_FILE:
                    with open(os.path.join(folder, os.path.basename(name)), "wb") as file:
                        file.write(content)
            self._tokenizer.load_assets(folder)
        n_ids, padding = self._tokenizer.vocabulary_size(), getattr(self._tokenizer, "pad_token_id", None)
        self.padding_id = n_ids if padding is None else int(padding)
        self.size = max(n_ids, self.padding_id + 1)
        self.tokens = _in_order(((self._tokenizer.id_to_token(i), i) for i in range(n_ids)), self.size)
        marks = [getattr(self._tokenizer, f"{name}_token_id", None) for name in ("start", "end") if special_tokens]
        self._begin, self._end = ([] if mark is None else [int(mark)] for mark in marks or (None, None))
        unknown = getattr(self._tokenizer, "oov_token", None)
        self.unknown_id = self.tokens.index(unknown) if unknown in self.tokens else None

    def ids(self, texts, length=None):
        """Return the ids of each text; longer texts are cut before the mark of their end."""
        rows = self._tokenizer(texts)
        rows = rows.to_list() if hasattr(rows, "to_list") else rows
        room = None if length is None else max(length - len(self._begin) - len(self._end), 1)
        return [[*self._begin, *np.asarray(row, dtype=int)[:room].tolist(), *self._end] for row in rows]

    def spans(self, texts, length):
        """Return None: KerasHub does not say where a token stands in its text."""
        return None


def _in_order(tokens, size):
    """Return tokens in the order of their ids."""
    ordered = [""] * size
    for token, i in tokens:
        ordered[i] = str(token)
    return ordered


def _keras_hub():
    """Import KerasHub, or say how to install it."""
    try:
        import keras_hub
    except ImportError as error:
        raise ImportError(f'KerasHub cannot be imported ({error}): pip install "skmulti[hub]".') from error
    return keras_hub


def _from_preset(kind, preset, where, **options):
    """Return a tokenizer or a network of KerasHub."""
    models = _keras_hub().models
    try:
        return getattr(models, kind).from_preset(os.fspath(preset), **options)
    # Of a preset that is not known, not there, or that cannot be downloaded.
    except (ValueError, OSError, ImportError) as error:
        raise ValueError(
            f"{where}: KerasHub has no {kind.lower()} {shorten(repr(preset))}: {shorten(error, 200)} Give the name of "
            "a preset, or a folder that save_to_preset has written, of the backbone and of the tokenizer."
        ) from error


def hub_network(preset, where, *, load_weights):
    """Return the network of a preset of KerasHub, or of a folder that ``save_to_preset`` has written."""
    return _from_preset("Backbone", preset, where, load_weights=load_weights)
