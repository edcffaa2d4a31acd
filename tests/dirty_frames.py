"""Random frames with the dirt of real tables, as strategies of hypothesis.

A frame is drawn as a few words: the number of rows, and for each column what it holds, what dirt is in it and a seed.
The cells come from NumPy with that seed, so that a failing frame shrinks to few columns and is printed in one line.
"""

import datetime
import decimal
import tempfile
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

hypothesis = pytest.importorskip("hypothesis")
st = hypothesis.strategies

# Hypothesis keeps what it reads of the source in a folder, which would otherwise be one in the repository.
hypothesis.configuration.set_hypothesis_home_dir(tempfile.gettempdir())

WORDS = np.array(
    ["warm", "cold", "wet", "dry", "old", "new", "good", "bad", "garden", "street", "light", "dark", "Größe", "東京"],
    dtype=object,
)
DATE_FORMATS = (
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%m/%d/%Y",
    "%d/%m/%Y %H:%M",
    "%d %b %Y",
    "%Y%m%d",
    "%Y-%m-%dT%H:%M:%SZ",
    "%b %d, %Y",
)
NUMBER_FORMATS = (
    lambda x: f"{x:,.2f}",
    lambda x: f"${x:,.2f}",
    lambda x: f"{x:.1f} %",
    lambda x: f"{x:.2f} kg",
    lambda x: f"{x / 1000:.3f}k",
    lambda x: f"{x:,.2f} €".translate(str.maketrans(",.", ".,")),
    lambda x: f" {x:.3f}",
    lambda x: f"{x:.3e}",
    lambda x: f"({x:.2f})",
    lambda x: f"{int(x) % 60:02}:{int(x * 60) % 60:02}:{int(x * 3600) % 60:02}",
    lambda x: repr(float(x)),
    lambda x: f"{x:.0f}",
)


def _pick(rng, values, n):
    """Return n of some values; not by `rng.choice`, which would make one array of lists."""
    return [values[i] for i in rng.integers(0, len(values), n)]


def _moments(rng, n):
    return pd.Series(pd.Timestamp("2021-01-05") + pd.to_timedelta(rng.integers(0, 900 * 24, n), unit="h"))


def _date_texts(rng, n):
    return _moments(rng, n).dt.strftime(DATE_FORMATS[rng.integers(len(DATE_FORMATS))]).tolist()


def _number_texts(rng, n):
    write = NUMBER_FORMATS[rng.integers(len(NUMBER_FORMATS))]
    return [write(number) for number in rng.lognormal(4, 2, n)]


def _tags(rng, n, most=4):
    return [list(rng.permutation(WORDS[:6])[: rng.integers(0, most)]) for _ in range(n)]


def _lists(rng, n, low, high):
    return [rng.normal(size=size).round(3).tolist() for size in rng.integers(low, high, n)]


def _mixed(rng, n):
    """Return cells of every type."""
    plain = [1, 2.5, "word", None, np.nan, pd.NaT, pd.NA, np.int8(3), np.float32(0.5), np.str_("x")]
    return _pick(rng, [*ODD_CELLS.values(), *plain], n)


# What a column holds: cells made of a generator and a number of rows.
KINDS = {
    "numbers": lambda rng, n: rng.normal(50, 20, n),
    "skewed": lambda rng, n: rng.lognormal(3, 3, n),
    "huge numbers": lambda rng, n: rng.normal(size=n) * 1e300,
    "float32": lambda rng, n: rng.normal(size=n).astype("float32"),
    "ints": lambda rng, n: rng.integers(-500, 500, n),
    "big ints": lambda rng, n: rng.integers(2**60, 2**62, n),
    "codes": lambda rng, n: rng.integers(1, 4, n),
    "uint8": lambda rng, n: rng.integers(0, 255, n).astype("uint8"),
    "bools": lambda rng, n: rng.random(n) < 0.5,
    "yes and no": lambda rng, n: _pick(rng, ["yes", "no"], n),
    "categories": lambda rng, n: _pick(rng, WORDS[:5], n),
    "category dtype": lambda rng, n: pd.Series(pd.Categorical(_pick(rng, WORDS[:5], n))),
    "number texts": _number_texts,
    "int texts": lambda rng, n: [str(number) for number in rng.integers(-500, 500, n)],
    "codes with zeros": lambda rng, n: [f"{number:05}" for number in rng.integers(0, 9, n) * 1117],
    "dates": lambda rng, n: _moments(rng, n),
    "days": lambda rng, n: [moment.date() for moment in _moments(rng, n)],
    "zoned dates": lambda rng, n: _moments(rng, n).dt.tz_localize("UTC").dt.tz_convert("Europe/Berlin"),
    "date texts": _date_texts,
    "times": lambda rng, n: [moment.time() for moment in _moments(rng, n)],
    "durations": lambda rng, n: pd.Series(pd.to_timedelta(rng.integers(0, 9999, n), unit="s")),
    "periods": lambda rng, n: _moments(rng, n).dt.to_period("M"),
    "texts": lambda rng, n: [" ".join(_pick(rng, WORDS, size)) for size in rng.integers(0, 9, n)],
    "ids": lambda rng, n: [f"id-{number}" for number in rng.permutation(n)],
    "tags": _tags,
    "joined tags": lambda rng, n: ["|".join(tags) for tags in _tags(rng, n)],
    "sets": lambda rng, n: [set(tags) for tags in _tags(rng, n)],
    "vectors": lambda rng, n: _lists(rng, n, 3, 4),
    "arrays": lambda rng, n: [np.array(cell) for cell in _lists(rng, n, 3, 4)],
    "vector texts": lambda rng, n: [str(cell) for cell in _lists(rng, n, 3, 4)],
    "sequences": lambda rng, n: _lists(rng, n, 0, 6),
    "dicts": lambda rng, n: [{"a": int(rng.integers(9)), "b": str(word)} for word in _pick(rng, WORDS, n)],
    "decimals": lambda rng, n: [decimal.Decimal(f"{number:.2f}") for number in rng.normal(50, 20, n)],
    "constant": lambda rng, n: _pick(rng, [["x"], [3], [1.5], [True]], 1)[0] * n,
    "empty": lambda rng, n: [None] * n,
    "nothing": lambda rng, n: np.full(n, np.nan),
    "blanks": lambda rng, n: [""] * n,
    "mixed": _mixed,
}  # fmt: skip

ODD_CELLS = {
    "?": "?",
    "n/a": "n/a",
    "blank": " ",
    "none": "",
    "long": "ab " * 300,
    "zero byte": "a\x00b",
    "half character": "\ud800",
    "path": "/no/such/file.png",
    "no day": "2023-02-30",
    "list": [1, "a"],
    "nested": [[1], [2, 3]],
    "tuple": ("a", 1),
    "set": {1, 2},
    "dict": {"a": [1]},
    "array": np.arange(4),
    "bytes": b"\xff\x00",
    "class": object,
    "function": len,
    "number": -17,
    "huge int": 10**400,
    "infinity": float("inf"),
    "complex": 1j,
    "decimal": decimal.Decimal("NaN"),
    "truth": True,
    "moment": pd.Timestamp("2020-02-29"),
    "far day": datetime.date(9999, 12, 31),
    "duration": pd.Timedelta("1h"),
}
SENTINELS = (-9999, 1e20, -3.4028235e38, 0, "-", "NULL", "nan", "None")


def _put(cells, chosen, value):
    """Return a Series of objects in which a value stands in chosen places, even if the value is a list."""
    dirty = pd.Series(list(cells), dtype=object)
    for position in np.flatnonzero(chosen):
        dirty.iat[int(position)] = value
    return dirty


def _one_odd(rng, cells):
    return _put(cells, np.arange(len(cells)) == rng.integers(len(cells)), _pick(rng, list(ODD_CELLS.values()), 1)[0])


def _gaps(rng, cells):
    series = pd.Series(cells)
    gaps = rng.random(len(series)) < rng.choice([0.05, 0.3, 0.9])
    # As pandas does it: whole numbers become floats.
    return series.mask(gaps) if series.dtype != object else _put(cells, gaps, _pick(rng, [None, np.nan, pd.NA], 1)[0])


def _mixture(rng, cells):
    other = list(KINDS.values())[rng.integers(len(KINDS))](rng, len(cells))
    own = rng.random(len(cells)) < rng.random()
    return pd.Series([a if is_own else b for a, b, is_own in zip(cells, list(other), own, strict=True)], dtype=object)


# What is wrong with a column: cells made of a generator and clean cells.
DIRT = {
    "clean": lambda rng, cells: pd.Series(cells),
    "gaps": _gaps,
    "one odd cell": _one_odd,
    "sentinels": lambda rng, cells: _put(cells, rng.random(len(cells)) < 0.1, _pick(rng, SENTINELS, 1)[0]),
    "two kinds": _mixture,
}

LABELS = (
    "a",
    "b",
    "x y",
    "",
    " ",
    "x__y",
    "numbers",
    "missing",
    "größe",
    "a/b",
    "y",
    "n" * 120,
    "{0}",
    "%s",
    "feature[0]",
    "kind",
)
ROW_LABELS = {
    "range": lambda n: pd.RangeIndex(n),
    "reversed": lambda n: pd.RangeIndex(n, 0, -1),
    "duplicated": lambda n: pd.Index([7] * n),
    "texts": lambda n: pd.Index([f"row {i // 2}" for i in range(n)]),
    "levels": lambda n: pd.MultiIndex.from_arrays([range(n), ["x"] * n]),
    "gaps": lambda n: pd.Index([np.nan, *range(1, n)]),
    "moments": lambda n: pd.DatetimeIndex(["2024-01-01"] * n),
}


@dataclass(frozen=True)
class Column:
    """One column: its label, what it holds, what is wrong with it, and the seed of its cells."""

    label: object
    kind: str
    dirt: str
    seed: int

    def cells(self, n_rows):
        """Return the cells as a Series; a row has the same cell in every frame that is as long."""
        rng = np.random.default_rng(self.seed)
        return DIRT[self.dirt](rng, KINDS[self.kind](rng, n_rows))


@dataclass(frozen=True)
class Recipe:
    """A frame in words."""

    n_rows: int
    columns: tuple
    row_labels: str = "range"

    def frame(self):
        """Return the frame."""
        cells = [column.cells(self.n_rows) for column in self.columns]
        frame = pd.concat(cells, axis=1, keys=range(len(cells)))
        frame.columns = pd.Index([column.label for column in self.columns], dtype=object)
        return frame.set_axis(ROW_LABELS[self.row_labels](self.n_rows), axis=0)

    def clean(self):
        """Return the recipe without dirt."""
        return replace(self, columns=tuple(replace(column, dirt="clean") for column in self.columns))


@st.composite
def recipes(draw, kinds=tuple(KINDS), dirt=tuple(DIRT), rows=(1, 60), most_columns=5, other_labels=()):
    """Draw a frame in words, with a column of numbers so that there always is something to learn from."""
    labels = st.lists(st.sampled_from([*LABELS, *other_labels]), min_size=1, max_size=most_columns, unique=True)
    columns = [
        Column(label, draw(st.sampled_from(kinds)), draw(st.sampled_from(dirt)), draw(st.integers(0, 2**16)))
        for label in draw(labels)
    ]
    # An Index makes levels of tuples, unless some label is none.
    columns.append(Column("always", "numbers", "clean", 0))
    return Recipe(draw(st.integers(*rows)), tuple(columns), draw(st.sampled_from(list(ROW_LABELS))))


def quietly(function, *arguments):
    """Return what a function returns, without its warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return function(*arguments)
