"""HTML of explained rows: bars of columns, marked words, heat over pictures."""

import base64
import io
from itertools import chain

import numpy as np
from PIL import Image

from .._html import escape
from ..errors import shorten

CSS = """
.skmulti .row { border: 1px solid var(--skm-line); border-radius: 8px; padding: .2em 1em 1em; margin: 1em 0; }
.skmulti .row h2 { font-size: 1.1em; margin: .7em 0 .2em; overflow-wrap: anywhere; }
.skmulti .row h3 { font-size: .9em; margin: 1.1em 0 .3em; color: var(--skm-soft); overflow-wrap: anywhere; }
.skmulti .bars { display: grid; grid-template-columns: minmax(5em, max-content) minmax(4em, 1fr) max-content;
  gap: .25em .8em; align-items: center; }
.skmulti .bars .name { max-width: 22em; overflow-wrap: anywhere; }
.skmulti .bars .cell { color: var(--skm-soft); }
.skmulti .bars .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.skmulti .axis { position: relative; height: 1em; background: var(--skm-panel); border-radius: 3px; }
.skmulti .axis::before { content: ""; position: absolute; left: 50%; top: 0; bottom: 0;
  border-left: 1px solid var(--skm-soft); }
.skmulti .axis i { position: absolute; top: .15em; bottom: .15em; border-radius: 2px; }
.skmulti .axis .plus { left: 50%; background: var(--skm-plus); }
.skmulti .axis .minus { right: 50%; background: var(--skm-minus); }
.skmulti .words { line-height: 1.9; overflow-wrap: anywhere; white-space: pre-wrap; }
.skmulti .words mark { color: inherit; border-radius: 3px; padding: .1em .15em; background: transparent; }
.skmulti .words .plus { border-bottom: 2px solid var(--skm-plus); }
.skmulti .words .minus { border-bottom: 2px dashed var(--skm-minus); }
.skmulti .words sup { font-size: .7em; font-variant-numeric: tabular-nums; color: var(--skm-soft); }
.skmulti .pictures { display: flex; flex-wrap: wrap; gap: 1em; }
.skmulti .pictures figure { margin: 0; }
.skmulti .pictures img { display: block; width: 150px; image-rendering: pixelated; border-radius: 4px; }
.skmulti .pictures figcaption { color: var(--skm-soft); font-size: .9em; max-width: 150px; }
"""

# As wide as a plus, unlike a hyphen.
_MINUS = "\N{MINUS SIGN}"
# Words of a text whose numbers are written out, besides being marked.
NAMED_WORDS = 5
# A word is marked if it adds more than this share of what the strongest word of its text adds.
LEAST_SHARE = 0.05
# Columns of a row that have a bar; the others are summed.
SHOWN_COLUMNS = 15
# The colours of heat, which lies over a picture and is the same in light and dark.
_HEAT = {"plus": (26, 160, 90), "minus": (215, 60, 50)}


def rows_html(explanation, max_rows):
    """Return the HTML of an explanation's first rows."""
    count = min(len(explanation), max_rows)
    note = f"Rows 1 to {count} of {len(explanation)}. " if count < len(explanation) else ""
    legend = (
        f"{note}Contributions add up to the difference between the row's {explanation.what} and that of the baseline. "
        f"A solid line and + raise it, a dashed line and {_MINUS} lower it."
    )
    rows = "".join(_row_html(explanation, i) for i in range(count))
    return f'<p class="soft">{escape(legend)}</p>{rows}'


def _row_html(explanation, i):
    """Return the HTML of one row."""
    label = "" if explanation.labels is None else f" of {explanation.labels[i]!s}"
    heading = f"Row {explanation.columns.index[i]}: {explanation.what}{label} {explanation.output[i]:.4g}"
    left_over = explanation.remainder[i]
    detail = f"Baseline {explanation.baseline[i]:.4g}, contributions {_signed(explanation.columns.iloc[i].sum())}"
    size = max(np.abs(explanation.columns.iloc[i]).sum(), 1e-12)
    if abs(left_over) > 0.01 * size:
        detail += f"; of these {_signed(left_over)} could not be assigned and were distributed in proportion"
    texts = "".join(_words_html(explanation, name, i) for name in explanation.words)
    pictures = "".join(_picture_html(explanation, name, i) for name in explanation.pixels)
    return (
        f'<section class="row"><h2>{escape(heading)}</h2><p class="soft">{escape(detail)}.</p>'
        f"{_bars_html(explanation, i)}{texts}{pictures}</section>"
    )


def _bars_html(explanation, i):
    """Return a bar for each column, the largest first."""
    amounts = explanation.columns.iloc[i].to_numpy()
    order = np.argsort(-np.abs(amounts), kind="stable")
    largest = max(np.abs(amounts).max(initial=0), 1e-12)
    bars = [_bar(explanation.columns.columns[k], _cell(explanation, k, i), amounts[k], largest) for k in order]
    if len(bars) > SHOWN_COLUMNS:
        rest = amounts[order[SHOWN_COLUMNS - 1 :]]
        bars[SHOWN_COLUMNS - 1 :] = [_bar(f"{len(rest)} other columns", "", rest.sum(), max(largest, abs(rest.sum())))]
    return f'<div class="bars">{"".join(bars)}</div>'


def _cell(explanation, k, i):
    """Return the cell of a column in a few characters, if it is a number or a short text."""
    name = explanation.columns.columns[k]
    if name in explanation.pixels or name not in explanation.cells:
        return ""
    cell = explanation.cells[name][i]
    if isinstance(cell, float | np.floating):
        return f"{cell:.6g}"
    return shorten(str(cell), 40) if np.ndim(cell) == 0 and not isinstance(cell, bytes) else ""


def _bar(name, cell, amount, largest):
    """Return one line of bars: name, cell, bar and number."""
    sign, width = ("plus" if amount >= 0 else "minus"), 50 * min(abs(amount) / largest, 1)
    return (
        f'<span class="name">{escape(name)} <span class="cell">{escape(cell)}</span></span>'
        f'<span class="axis"><i class="{sign}" style="width:{width:.1f}%"></i></span>'
        f'<span class="number">{_signed(amount)}</span>'
    )


def _words_html(explanation, name, i):
    """Return the text of a cell with its words marked, or the list of its words."""
    words, marks = explanation.words[name][i], explanation.marks[name][i]
    if not words:
        return ""
    amounts = np.array([amount for _, amount in words])
    strongest = max(np.abs(amounts).max(), 1e-12)
    named = set(np.argsort(-np.abs(amounts), kind="stable")[:NAMED_WORDS].tolist())
    pieces = [_mark(word, amount, strongest, k in named) for k, (word, amount) in enumerate(words)]
    if len(marks) == len(words):
        text = explanation.cells[name][i]
        ends = [0, *(end for _, end, _ in marks)]
        gaps = [escape(text[end:start]) for end, (start, _, _) in zip(ends, marks, strict=False)]
        body = "".join(chain(*zip(gaps, pieces, strict=True))) + escape(text[ends[-1] :])
    else:
        body = " ".join(pieces)
    return f'<h3>{escape(name)}: {_signed(amounts.sum())}</h3><div class="words">{body}</div>'


def _mark(word, amount, strongest, named):
    """Return a word, marked by sign and strength; the strongest ones have their number behind them."""
    share = abs(amount) / strongest
    if share < LEAST_SHARE:
        return f'<span title="{_signed(amount)}">{escape(word)}</span>'
    sign = "plus" if amount >= 0 else "minus"
    colour = f"background:color-mix(in srgb, var(--skm-{sign}) {round(8 + 42 * share)}%, transparent)"
    number = f"<sup>{_signed(amount)}</sup>" if named else ""
    return f'<mark class="{sign}" style="{colour}" title="{_signed(amount)}">{escape(word)}</mark>{number}'


def _picture_html(explanation, name, i):
    """Return a picture, and beside it where it raises and where it lowers the output."""
    picture, heat = explanation.cells[name][i], explanation.pixels[name][i]
    strongest = max(np.abs(heat).max(), 1e-12)
    figures = [("the picture", _as_rgb(picture))]
    for sign, word, part in (("plus", "raises", np.maximum(heat, 0)), ("minus", "lowers", np.maximum(-heat, 0))):
        total = part.sum() * (1 if sign == "plus" else -1)
        figures.append((f"{word}: {_signed(total)}", _heated(picture, part / strongest, _HEAT[sign])))
    inner = "".join(
        f'<figure><img alt="{escape(f"{name}, {caption}")}" src="{_data_uri(pixels)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for caption, pixels in figures
    )
    return f'<h3>{escape(name)}: {_signed(heat.sum())}</h3><div class="pictures">{inner}</div>'


def _as_rgb(picture):
    """Return pixels with three channels."""
    picture = np.asarray(picture)[..., :3]
    return np.repeat(picture[..., :1], 3, axis=-1) if picture.shape[-1] < 3 else picture


def _heated(picture, strength, colour):
    """Return a pale grey picture under a colour, the stronger the more a pixel adds."""
    grey = _as_rgb(picture).mean(axis=-1, keepdims=True) * 0.45 + 120
    # The root shows weak places, too.
    opacity = np.sqrt(np.clip(strength, 0, 1))[..., None]
    return np.clip(grey * (1 - opacity) + np.array(colour) * opacity, 0, 255).astype("uint8")


def _data_uri(pixels):
    """Return pixels as a PNG in a URI."""
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _signed(amount):
    """Return a number with its sign."""
    if not round(amount, 12):
        return "0"
    # Three digits and no exponent.
    text = np.format_float_positional(amount, precision=3, unique=False, fractional=False, sign=True, trim="-")
    return text.replace("-", _MINUS)
