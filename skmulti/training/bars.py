"""A live bar for the batches of an epoch: by rich if it is installed, else by tqdm; none where nobody would see it.

Both packages are optional and are imported when the first bar is drawn. A bar takes itself away when it ends.
"""

import multiprocessing
import os
import sys
import threading
from importlib.util import find_spec


def live_bar(text, total):
    """Draw a bar.

    Parameters
    ----------
    text : str
        What stands before the bar.
    total : int
        Number of steps at which it is full.

    Returns
    -------
    RichBar, TqdmBar or None
        The bar. It is None if a file or a pipe gets what is printed, in threads and processes beside the main one,
        whose bars would be drawn over each other, and if neither package is installed.
    """
    is_notebook = type(sys.stdout).__module__.startswith("ipykernel")
    if not (is_notebook or _is_terminal()) or not _is_main():
        return None
    # In a notebook rich draws with widgets, and warns if there are none.
    if not is_notebook or find_spec("ipywidgets"):
        try:
            return RichBar(text, total)
        except ImportError:
            pass
    try:
        return TqdmBar(text, total)
    except ImportError:
        return None


def _is_terminal():
    """Return whether what is printed goes to a terminal that can go back in a line."""
    is_terminal = getattr(sys.stdout, "isatty", None)
    return bool(is_terminal and is_terminal()) and os.environ.get("TERM") != "dumb"


def _is_main():
    """Return whether this is the main thread of the main process."""
    return threading.current_thread() is threading.main_thread() and (
        multiprocessing.current_process().name == "MainProcess"
    )


class RichBar:
    """A bar of rich; see `live_bar` for the parameters."""

    def __init__(self, text, total):
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        # Without markup: a text such as "[fold 1/3]" is no style.
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}", markup=False),
        )
        self._progress = Progress(*columns, console=Console(), transient=True)
        self._task = self._progress.add_task(text, total=total, figures="")
        self._progress.start()

    def move(self, done, figures):
        """Set the bar to a number of steps, with the figures so far."""
        self._progress.update(self._task, completed=done, figures=figures)

    def close(self):
        """Take the bar away."""
        # Once more in full, as a short epoch ends before the bar is drawn again.
        self._progress.refresh()
        self._progress.stop()


class TqdmBar:
    """A bar of tqdm; see `live_bar` for the parameters."""

    def __init__(self, text, total):
        from tqdm import tqdm

        self._bar = tqdm(total=total, desc=text, file=sys.stdout, leave=False, unit="step", dynamic_ncols=True)

    def move(self, done, figures):
        """Set the bar to a number of steps, with the figures so far."""
        self._bar.set_postfix_str(figures, refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self):
        """Take the bar away."""
        self._bar.refresh()
        self._bar.close()
