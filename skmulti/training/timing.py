"""Where the time of a fit went."""

import time
from contextlib import contextmanager


class Timings(dict):
    """Seconds by what they were spent on; a dict that can measure.

    Examples
    --------
    >>> from skmulti.timing import Timings
    >>> timings = Timings(route=1.0)
    >>> with timings.measure("route"):
    ...     pass
    >>> timings["route"] >= 1
    True
    """

    @contextmanager
    def measure(self, name):
        """Add the seconds that a block takes, also where it raises.

        Parameters
        ----------
        name : str
            What the block does.
        """
        started = time.perf_counter()
        try:
            yield
        finally:
            self[name] = self.get(name, 0.0) + time.perf_counter() - started
