"""Parts of scikit-learn and SciPy that are no plain estimators, such as trees and losses: skops stores them.

skops knows their constructors, and which of them a crafted file could make crash; these it wants trusted. Its file is
a zip again, which is held to the same rules as the whole. skops is imported only if there is such a part, as it takes
a second.
"""

import io
import zipfile

from ..errors import SavedFileError, shorten
from .archive import BROKEN, check_entries, parse_json, read_array


def dump_leaves(leaves):
    """Return the bytes of a list of parts, or raise skops' error for one that it does not know."""
    import skops.io

    return skops.io.dumps(leaves)


def untrusted_leaves(data, where):
    """Return the names that must be trusted before `load_leaves`."""
    import skops.io

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_entries(archive, len(data), where)
            for entry in archive.infolist():
                if entry.filename == "schema.json":
                    parse_json(archive.read(entry), where)
                elif entry.filename.endswith(".npy"):
                    read_array(archive.read(entry))
                elif not entry.filename.endswith(".bin"):
                    raise ValueError(f"{entry.filename!r} is no array")
        return set(skops.io.get_untrusted_types(data=data))
    except SavedFileError:
        raise
    except BROKEN as error:
        raise SavedFileError(f"{where} holds no parts as skops writes them ({shorten(error)}).") from error


def load_leaves(data, trusted, where):
    """Return the parts, of which those that need trust are in `trusted`, a set of names."""
    import skops.io

    try:
        return skops.io.loads(data, trusted=sorted(trusted))
    except BROKEN as error:
        raise SavedFileError(f"{where} holds no parts as skops writes them ({shorten(error)}).") from error
