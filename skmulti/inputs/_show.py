"""Cells as HTML for people: a text with its end behind a click, a picture, or a line.

Whatever a cell holds is text here: nothing in it can become HTML, and nothing is asked of a network.
"""

import base64
import io

import numpy as np
import pandas as pd

from .._html import escape

# Characters of a text that are shown at once, and with a click.
SHORT_TEXT, LONG_TEXT = 240, 4000
# Points of a line, and numbers of each step that get a line of their own.
LINE_POINTS, LINE_FEATURES = 120, 3
_LINE_SIZE = (160, 44)

MISSING = '<span class="soft">missing</span>'


def show_value(cell):
    """Return any cell as HTML: numbers and texts as they are, other objects as Python prints them."""
    if pd.api.types.is_scalar(cell) and pd.isna(cell):
        return MISSING
    if isinstance(cell, float | np.floating):
        return escape(f"{cell:.6g}")
    return show_text(cell if isinstance(cell, str) else str(cell) if pd.api.types.is_scalar(cell) else repr(cell))


def show_text(text):
    """Return a text as HTML; what is beyond its first words is behind a click."""
    if len(text) <= SHORT_TEXT:
        return escape(text)
    more = text[:LONG_TEXT] + (f" ... ({len(text):,} characters)" if len(text) > LONG_TEXT else "")
    return f"<details><summary>{escape(text[:SHORT_TEXT])} ...</summary>{escape(more)}</details>"


def show_picture(picture, words):
    """Return a PIL image as HTML that holds its pixels; `words` say what it shows to those who do not see it."""
    file = io.BytesIO()
    picture.save(file, format="PNG")
    data = base64.b64encode(file.getvalue()).decode("ascii")
    width, height = picture.size
    return f'<img alt="{escape(words)}" width="{width}" height="{height}" src="data:image/png;base64,{data}">'


def show_line(steps, words):
    """Return steps of numbers, an array of shape (steps, features), as HTML: a line for each of the first features."""
    if not len(steps) or not np.isfinite(steps).any():
        return MISSING
    places = np.unique(np.linspace(0, len(steps) - 1, LINE_POINTS).round().astype(int))
    width, height = _LINE_SIZE
    across = 2 + (width - 4) * (places / max(len(steps) - 1, 1))
    lines = []
    for feature in range(min(steps.shape[1], LINE_FEATURES)):
        values = np.where(np.isfinite(steps[places, feature]), steps[places, feature], np.nan)
        known = ~np.isnan(values)
        if not known.any():
            continue
        low, high = np.nanmin(values), np.nanmax(values)
        # A constant is a line in the middle. Halves first: the difference of two large numbers may be infinite.
        shares = (values / 2 - low / 2) / (high / 2 - low / 2) if high > low else np.full(len(values), 0.5)
        down = height - 3 - (height - 6) * shares
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across[known], down[known], strict=True))
        opacity = (1.0, 0.6, 0.35)[feature]
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.3" opacity="{opacity}"/>'
        )
    label = escape(f"{words}: {len(steps)} steps, from {np.nanmin(steps):.4g} to {np.nanmax(steps):.4g}")
    return f'<svg role="img" aria-label="{label}" width="{width}" height="{height}">{"".join(lines)}</svg>'
