"""Refuses to go on if Keras runs, or would run, on another backend than TensorFlow.

This happens when the module is imported, before anything imports Keras: later, Keras would fail on a backend that is
not installed with an error of its own, or on one that is installed in the middle of a fit.
"""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path


def require_tensorflow():
    """Raise an ImportError unless Keras' backend is TensorFlow.

    Raises
    ------
    ImportError
        If Keras is configured for another backend, or was imported with one.
    """
    if "keras" in sys.modules and hasattr(sys.modules["keras"], "config"):
        backend, source = sys.modules["keras"].config.backend(), "Keras, which is imported already,"
    else:
        backend, source = _configured()
    if backend != "tensorflow":
        raise ImportError(
            f"skmulti needs Keras' TensorFlow backend, but {source} says {backend!r}. Set the environment variable "
            "KERAS_BACKEND=tensorflow before Keras is imported, in Python: "
            'import os; os.environ["KERAS_BACKEND"] = "tensorflow"'
        )


def _configured():
    """Return the backend that Keras would take, and where it stands."""
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"], "the environment variable KERAS_BACKEND"
    # Keras looks into /tmp if it cannot write into the home directory.
    home = os.path.expanduser("~")
    folder = os.environ.get("KERAS_HOME") or os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras")
    path = Path(folder).expanduser() / "keras.json"
    backend = "tensorflow"
    with suppress(OSError, ValueError, AttributeError):
        backend = json.loads(path.read_text()).get("backend", backend)
    return backend, f"the file {path}"


require_tensorflow()
