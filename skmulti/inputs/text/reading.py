"""What encoders of texts have in common: the cells of one column or several become a text for each row."""

import numpy as np
import pandas as pd

from .._odd import odd_cells_gathered
from ..base import InputEncoder, as_frame, check_frame, missing_rows
from .cells import empty_rows, holds_bytes
from .tokens import text_rows


class TextEncoder(InputEncoder):
    """Read texts; subclasses have the parameter `on_odd`, and make ids of the texts."""

    flags_missing = True
    holds_text = True

    def begin_parts(self, sample):
        """Decide whether bytes are texts; see `InputEncoder.begin_parts`."""
        self._begun = self._decodes(as_frame(_as_column(sample)))
        return self

    def missing(self, columns):
        """Return which rows hold no text; see `InputEncoder.missing`."""
        if self.on_odd == "raise":
            return missing_rows(columns)
        # Whoever encodes the rows says which cells are odd.
        with odd_cells_gathered([]):
            return empty_rows(as_frame(_as_column(columns)), self)

    def _decodes(self, frame):
        """Return whether the cells of some rows are bytes that hold text."""
        return self.on_odd == "missing" and any(holds_bytes(column) for _, column in frame.items())

    def _read_texts(self, columns, *, reset, arrow=False):
        """Return one string a row: the row's cells joined with a space, without the missing ones."""
        frame = self._read_frame(columns, reset=reset)
        lenient = self.on_odd == "missing"
        if reset:
            self.holds_bytes_ = self._begun if hasattr(self, "_begun") else self._decodes(frame)
        return text_rows(frame, arrow=arrow, lenient=self if lenient else None)

    def _read_frame(self, columns, *, reset=False):
        """Return columns as a frame whose names are learned or checked."""
        return check_frame(self, _as_column(columns), reset=reset, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        return tags


def _as_column(columns):
    """Return lists and arrays of one dimension as a Series, since scikit-learn's check of arrays refuses them."""
    if isinstance(columns, list | tuple):
        return pd.Series(columns, dtype=object)
    if isinstance(columns, np.ndarray) and columns.ndim == 1:
        return pd.Series(columns.astype(object))
    return columns
