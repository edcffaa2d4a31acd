"""Exceptions and warnings that a user can catch, and the words that messages have in common."""

import contextlib
import contextvars
import difflib
import itertools
import os
import re
import sys
import warnings

import joblib
import sklearn

# A warning points at the user's line. On the stack, code of these packages is between that line and the call of `warn`.
# They end with a separator, as the user's own package may be called skmulti_models.
_BETWEEN = (
    *(os.path.dirname(path) + os.sep for path in (__file__, sklearn.__file__, joblib.__file__)),
    contextlib.__file__,
)


class InputMismatchError(ValueError):
    """Raised when data do not fit the input that should read them.

    For example if a column is missing or two have its name, if cells have a wrong type, an
    array has a wrong shape, an id is not in the vocabulary, or a number is infinite.

    Examples
    --------
    >>> from skmulti import InputMismatchError
    >>> issubclass(InputMismatchError, ValueError)
    True
    """


class CellTypeError(InputMismatchError, TypeError):
    """Raised when cells are of a type that no encoder reads.

    Examples
    --------
    >>> from skmulti import CellTypeError
    >>> issubclass(CellTypeError, TypeError)
    True
    """


class BranchMismatchError(ValueError):
    """Raised when a branch cannot read its input, or inputs cannot share one.

    Examples
    --------
    >>> from skmulti import BranchMismatchError
    >>> issubclass(BranchMismatchError, ValueError)
    True
    """


class ExportError(ValueError):
    """Raised when a part of an estimator cannot be written in the form that `export` is asked for.

    Examples
    --------
    >>> from skmulti import ExportError
    >>> issubclass(ExportError, ValueError)
    True
    """


class SavedFileError(ValueError):
    """Raised when a file cannot be loaded: it is damaged, made by something else, or by a newer skmulti.

    Examples
    --------
    >>> from skmulti import SavedFileError
    >>> issubclass(SavedFileError, ValueError)
    True
    """


class UntrustedTypesError(SavedFileError):
    """Raised when a file needs classes, functions or other files that `load` was not told to trust.

    Parameters
    ----------
    message : str
        What was found, and what the user can do.
    names : sequence of str
        All that is missing in `trusted`: dotted names, and presets or files of weights.

    Attributes
    ----------
    names : list of str
        The names, sorted.

    Examples
    --------
    >>> from skmulti import UntrustedTypesError
    >>> UntrustedTypesError("The file needs 'mine.Encoder'.", ["mine.Encoder"]).names
    ['mine.Encoder']
    """

    def __init__(self, message, names=()):
        super().__init__(message)
        self.names = sorted(names)


class ClusterError(RuntimeError):
    """Raised when a fit on a cluster ends because of a worker: it was lost, hangs, or has no memory or disk left.

    Examples
    --------
    >>> from skmulti import ClusterError
    >>> raise ClusterError("The worker tcp://10.0.0.7:40123 was lost in epoch 3.")
    Traceback (most recent call last):
        ...
    skmulti.errors.ClusterError: The worker tcp://10.0.0.7:40123 was lost in epoch 3.
    """


class MissingValuesWarning(UserWarning):
    """Warns that values are missing in an input that had none at fit.

    The rows are predicted nevertheless. A missing number becomes its training mean, a missing
    text has no words, and a missing photo is blank.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import MissingValuesWarning
    >>> warnings.simplefilter("ignore", MissingValuesWarning)
    """


class OddCellsWarning(UserWarning):
    """Warns that cells count as missing because they are not what the rest of their column is.

    For example a "?" among numbers, or a day that does not exist among dates.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import OddCellsWarning
    >>> warnings.simplefilter("error", OddCellsWarning)
    >>> warnings.simplefilter("default", OddCellsWarning)
    """


class UnknownValuesWarning(UserWarning):
    """Warns that most values of a column are none that fit saw, so that the column has probably changed.

    For example if bins were made anew, or if codes have become names.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import UnknownValuesWarning
    >>> warnings.simplefilter("error", UnknownValuesWarning)
    >>> warnings.simplefilter("default", UnknownValuesWarning)
    """


class DroppedColumnsWarning(UserWarning):
    """Warns that the router left out columns although their cells differ.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import DroppedColumnsWarning
    >>> warnings.simplefilter("error", DroppedColumnsWarning)
    >>> warnings.simplefilter("default", DroppedColumnsWarning)
    """


class DroppedRowsWarning(UserWarning):
    """Warns that a ``keras.utils.PyDataset`` has rows that are in none of its batches.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import DroppedRowsWarning
    >>> warnings.simplefilter("error", DroppedRowsWarning)
    >>> warnings.simplefilter("default", DroppedRowsWarning)
    """


class NetworkSizeWarning(UserWarning):
    """Warns that one layer has so many weights that it is probably a mistake.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import NetworkSizeWarning
    >>> warnings.simplefilter("ignore", NetworkSizeWarning)
    """


class OptimizerStateWarning(UserWarning):
    """Warns that training goes on with an optimizer that has forgotten what it learned about the network.

    Moments of Adam, for example, are not part of every saved file or pickle.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import OptimizerStateWarning
    >>> warnings.simplefilter("error", OptimizerStateWarning)
    >>> warnings.simplefilter("default", OptimizerStateWarning)
    """


class OtherVersionWarning(UserWarning):
    """Warns that a pickle was made by another version of skmulti.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import OtherVersionWarning
    >>> warnings.simplefilter("error", OtherVersionWarning)
    >>> warnings.simplefilter("default", OtherVersionWarning)
    """


class TargetWarning(UserWarning):
    """Warns that y is probably not what was meant.

    For example if each row of its columns has exactly one 1, if its row labels are those of X in
    another order, or if a column of X is y itself.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import TargetWarning
    >>> warnings.simplefilter("error", TargetWarning)
    >>> warnings.simplefilter("default", TargetWarning)
    """


class InterruptedFitWarning(UserWarning):
    """Warns that a fit was interrupted and has ended early, with the best weights so far.

    As an error it stops a loop of several fits at the first interrupt.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import InterruptedFitWarning
    >>> warnings.simplefilter("error", InterruptedFitWarning)
    >>> warnings.simplefilter("default", InterruptedFitWarning)
    """


class CheckpointWarning(UserWarning):
    """Warns that a fit cannot go on from a checkpoint, or can go on in part only.

    For example if the file is damaged, or of another fit.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import CheckpointWarning
    >>> warnings.simplefilter("error", CheckpointWarning)
    >>> warnings.simplefilter("default", CheckpointWarning)
    """


class UnmatchedFilesWarning(UserWarning):
    """Warns that some of the files that belong together are absent.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import UnmatchedFilesWarning
    >>> warnings.simplefilter("error", UnmatchedFilesWarning)
    >>> warnings.simplefilter("default", UnmatchedFilesWarning)
    """


# Characters of a list of names in a message.
_LIST_LENGTH = 240


def shorten(text, most=80):
    """Return a text, or the repr of another object, with its middle cut out if it is longer than `most`."""
    text = text if isinstance(text, str) else str(text) if isinstance(text, Exception) else repr(text)
    if len(text) <= most:
        return text
    # The ends say the most: how a value begins, and its unit or the extension of a file.
    head = (most - 3) * 2 // 3
    return f"{text[:head]}...{text[len(text) - (most - 3 - head) :]}"


def closest_match(name, names):
    """Return ``" Did you mean 'x'?"`` for a mistyped name, or an empty string.

    Case, blanks, underscores and hyphens count last: 'age' is closer to 'Age' than to 'geo'.
    """
    # The first of several names that differ in these only, except that the name itself comes before them.
    known = {}
    for other in map(str, names):
        known.setdefault(_plain(other), other)
    plain = _plain(str(name))
    matches = [plain] if plain in known else difflib.get_close_matches(plain, list(known), n=1)
    return f" Did you mean {shorten(repr(known[matches[0]]))}?" if matches else ""


def _plain(name):
    """Return a name without what people write differently: case, blanks, underscores, hyphens."""
    return re.sub(r"[\s_-]+", "", name).casefold() or name


def describe_object(found):
    """Return what stands where an object of ours should, and for a class how to make one, as the end of a sentence."""
    if isinstance(found, type):
        return f"the class {found.__name__}. Give {found.__name__}()."
    return f"{shorten(repr(found))} of type {type(found).__name__}."


def describe_output(output):
    """Return what a function of the user's returned in place of a tensor."""
    if output is None:
        return "None; end it with `return output`"
    if hasattr(output, "layers"):
        return f"a model, {shorten(repr(output))}; connect its layers to the tensors that are given"
    return f"{shorten(repr(output))} of type {type(output).__name__}"


def quote(names):
    """Return names as ``'a', 'b' and 'c'``; of long lists only the first."""
    names = list(names)
    return quote_first(names, most=len(names))


def quote_first(names, most=20):
    """Return the first names as ``'a', 'b' and 3 more``; long names are cut in the middle."""
    words = [shorten(repr(name)) for name in names]
    # As many as fit into the length of a list, but at least one.
    lengths = itertools.accumulate(len(word) + 2 for word in words)
    most = min(most, max(1, sum(length <= _LIST_LENGTH for length in lengths)))
    if len(words) > most:
        return f"{', '.join(words[:most])} and {len(words) - most} more"
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


# Name of an index that only counts the rows of a table without labels: an array, a list, a table of another library.
POSITIONS = "position"


def row_at(labels, position):
    """Return where a row is: ``row label 'b'``, or ``position 3`` in what has no labels.

    Parameters
    ----------
    labels : Index or None
        Labels of the rows; None or an index with the name `POSITIONS` if there are none.
    position : int
        Position of the row among them.
    """
    if labels is None:
        return f"position {int(position)}"
    label = shorten(repr(label_at(labels, position)))
    return f"position {label}" if labels.name == POSITIONS else f"row label {label}"


def label_at(labels, position):
    """Return a row's label as a Python object, whose repr is what the table shows: 7, not np.int64(7)."""
    # From a list, as `labels[position]` would be a NumPy scalar.
    return labels[[int(position)]].tolist()[0]


# What warnings are about, where the place that they name could be mistaken: "X_val".
_about = contextvars.ContextVar("what warnings are about", default=None)


@contextlib.contextmanager
def warned_about(name):
    """Begin the warnings within the context with a name, unless they name an argument such as y_val themselves."""
    token = _about.set(name)
    try:
        yield
    finally:
        _about.reset(token)


def warn(message, category):
    """Warn at the user's line: the first line up the stack outside of skmulti, scikit-learn and joblib.

    A counted ``stacklevel`` would be right for one caller only: between the user's line and a fit there
    are more frames in a Pipeline or a search than in a direct call.

    Parameters
    ----------
    message : str
        What was found, and what the user can do.
    category : type
        Class of the warning, so that a user can filter it.
    """
    about = _about.get()
    if about is not None and "_val" not in message:
        message = f"{about}: {message}"
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_code.co_filename.startswith(_BETWEEN):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def place(name, columns=()):
    """Return ``Input 'photo' (column 'path')``: the place of an error in the table."""
    if not len(columns):
        return f"Input {name!r}"
    return f"Input {name!r} (column{'s' if len(columns) > 1 else ''} {quote_first(columns, 5)})"
