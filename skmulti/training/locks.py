"""Locks on files that end with their process, however it ends: whether a fit that has a file is still running."""

import os
import threading
from contextlib import suppress

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt

# Locks of POSIX belong to a process, and are not inherited by a fork: a worker that outlives its killed parent must
# not hold on to a fit. Between threads of one process this set decides.
_HELD = set()
_GUARD = threading.Lock()


class FileLock:
    """A lock that one fit has on a name.

    Parameters
    ----------
    path : Path
        A file for the lock alone.
    """

    def __init__(self, path):
        self.path = path
        self._key = os.path.realpath(path)
        self._file = None

    def acquire(self):
        """Take the lock, and return whether it was free.

        Raises
        ------
        OSError
            If the file cannot be made.
        """
        with _GUARD:
            if self._key in _HELD:
                return False
            _HELD.add(self._key)
        try:
            while self._file is None:
                self._file = open(self.path, "ab")  # noqa: SIM115
                if not _lock(self._file):
                    self._close()
                    return False
                # Removed by its last owner between the two calls above: the next owner would find another file.
                if not os.fstat(self._file.fileno()).st_nlink:
                    self._close()
            return True
        finally:
            if self._file is None:
                _HELD.discard(self._key)

    def release(self):
        """Release the lock, and remove its file."""
        # An open file cannot be removed on Windows; there it stays, and is empty.
        with suppress(OSError):
            os.unlink(self.path)
        self._close()
        _HELD.discard(self._key)

    def _close(self):
        self._file.close()
        self._file = None


def _lock(file):
    """Lock an open file, and return whether it was free."""
    try:
        if fcntl is None:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        # A file system without locks: nobody can have one.
        return True
    return True
