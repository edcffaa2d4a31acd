"""How long each part of a fit took."""

import time
from contextlib import contextmanager


class Timings(dict):
    """A dict of seconds, by the name of what took them, that can measure.

    Examples
    --------
    >>> from skmulti.training import Timings
    >>> timings = Timings(route=1.0)
    >>> with timings.measure("route"):
    ...     pass
    >>> timings["route"] >= 1
    True
    """

    @contextmanager
    def measure(self, name):
        """Add the seconds that a block takes, even if it raises an error.

        Parameters
        ----------
        name : str
            What the block does, the key of its seconds.
        """
        started = time.perf_counter()
        try:
            yield
        finally:
            self[name] = self.get(name, 0.0) + time.perf_counter() - started
