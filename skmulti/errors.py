"""Every exception and warning that a user can catch, and the words they share."""

import difflib
import os
import sys
import warnings

import joblib
import sklearn

# A warning points at the user's line: files of these packages stand between it and the code that warns.
_BETWEEN = tuple(os.path.dirname(path) + os.sep for path in (__file__, sklearn.__file__, joblib.__file__))


class InputMismatchError(ValueError):
    """Raised when data do not fit the input that should read them.

    A column that is missing or named twice, cells of a wrong type, an array of
    a wrong shape, an id that no vocabulary holds, an infinite number.

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


class MissingValuesWarning(UserWarning):
    """Warns that values are missing in an input that had none at fit.

    The rows are predicted all the same: the missing values are filled (a number
    with its training mean, a text with no words, a photo with a blank one).

    Examples
    --------
    >>> import warnings
    >>> from skmulti import MissingValuesWarning
    >>> warnings.simplefilter("ignore", MissingValuesWarning)
    """


class DroppedRowsWarning(UserWarning):
    """Warns that a ``keras.utils.PyDataset`` holds rows that none of its batches has.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import DroppedRowsWarning
    >>> warnings.simplefilter("error", DroppedRowsWarning)
    >>> warnings.simplefilter("default", DroppedRowsWarning)
    """


class NetworkSizeWarning(UserWarning):
    """Warns that one layer holds so many weights that it was probably not meant.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import NetworkSizeWarning
    >>> warnings.simplefilter("ignore", NetworkSizeWarning)
    """


class UnmatchedFilesWarning(UserWarning):
    """Warns that files which belong together are not all there.

    Examples
    --------
    >>> import warnings
    >>> from skmulti import UnmatchedFilesWarning
    >>> warnings.simplefilter("error", UnmatchedFilesWarning)
    >>> warnings.simplefilter("default", UnmatchedFilesWarning)
    """


def closest_match(name, names):
    """Return ``" Did you mean 'x'?"`` for a mistyped name, or an empty string."""
    matches = difflib.get_close_matches(str(name), [str(known) for known in names], n=1)
    return f" Did you mean {matches[0]!r}?" if matches else ""


def quote(names):
    """Return names as ``'a', 'b' and 'c'``."""
    words = [repr(name) for name in names]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def quote_first(names, most=20):
    """Return the first names as ``'a', 'b' and 3 more``."""
    names = list(names)
    return quote(names) if len(names) <= most else f"{', '.join(map(repr, names[:most]))} and {len(names) - most} more"


def label_at(labels, position):
    """Return the label of a row as a Python object, whose repr is that of the table: 7, not np.int64(7)."""
    return labels[[int(position)]].tolist()[0]


def warn(message, category):
    """Warn at the user's line: the first one up the stack that is neither ours nor scikit-learn's.

    A fit is reached through other frames from `fit`, from a Pipeline or from a search, so a
    counted ``stacklevel`` would be right for one of them only.

    Parameters
    ----------
    message : str
        What the user can act on.
    category : type
        Class of the warning.
    """
    frame, level = sys._getframe(1), 2
    while frame is not None and frame.f_code.co_filename.startswith(_BETWEEN):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def place(name, columns=()):
    """Return ``Input 'photo' (column 'path')``: where in the table an error is."""
    if not len(columns):
        return f"Input {name!r}"
    return f"Input {name!r} (column{'s' if len(columns) > 1 else ''} {quote_first(columns, 5)})"
