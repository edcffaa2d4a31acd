"""Which threads a test may count as left behind."""

import threading


def python_threads():
    """Return the set of threads that Python code has started.

    A thread of TensorFlow shows up as a dummy when it first calls Python, and stays.
    """
    return {thread for thread in threading.enumerate() if not isinstance(thread, threading._DummyThread)}
