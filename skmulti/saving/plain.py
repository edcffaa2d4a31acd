"""Values that are data, taken apart into simpler ones and put together again: numbers, times, tables, generators.

Each kind of value is an entry of `KINDS`: a tag, how a value becomes a few simpler values, and how these become an
equal value. The simplest are what JSON holds exactly, and NumPy arrays, which `codec` stores. Nothing here looks up a
name: whatever a file says, only the functions of this file are called.
"""

import collections
import datetime
import decimal
import fractions
import math
import pathlib
import re
import uuid
import zoneinfo
from base64 import b64decode, b64encode
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse

# Generators by the names of their bits, and dtypes of pandas by their names.
BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
MASKED = ("boolean", "Float32", "Float64", *(f"{sign}{bits}" for sign in ("Int", "UInt") for bits in (8, 16, 32, 64)))
SPARSE = {kind.__name__: kind for name in ("csr", "csc", "coo") for kind in vars(scipy.sparse).values()
          if isinstance(kind, type) and kind.__name__ in (f"{name}_array", f"{name}_matrix")}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """How values of some classes are taken apart and put together.

    Parameters
    ----------
    tag : str
        Stands for the kind in a file.
    apart : callable
        Takes a value, and returns a tuple of simpler values.
    together : callable
        Takes these, and returns an equal value.
    """

    tag: str
    apart: callable
    together: callable


def is_atom(value):
    """Return whether JSON holds a value exactly."""
    kind = type(value)
    if kind is str:
        # A pair of half surrogates would come back as one character.
        return value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value)
    if kind is float:
        return math.isfinite(value)
    return value is None or kind is bool or (kind is int and abs(value) < 2**63)


def _as_text(data):
    return (b64encode(data).decode("ascii"),)


def _from_text(text):
    return b64decode(text, validate=True)


def _float_apart(value):
    # Of NaN, the bits; JSON has no infinities.
    return _as_text(np.float64(value).tobytes())


def _scalar_apart(value):
    if value.dtype.hasobject:
        raise TypeError(f"a record of NumPy with objects, {value.dtype}")
    return value.dtype, value.tobytes()


def _scalar_together(dtype, data):
    return np.frombuffer(data, dtype=dtype, count=1)[0] if dtype.itemsize else dtype.type()


def _dtype_apart(dtype):
    if dtype.kind == "T" or (dtype.hasobject and dtype.kind != "O"):
        raise TypeError(f"the dtype {dtype}")
    return (np.lib.format.dtype_to_descr(dtype),)


def _masked_apart(array):
    return np.asarray(array.data), np.ma.getmaskarray(array), array.fill_value


def _datetime_apart(value):
    parts = value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond
    return *parts, value.tzinfo, value.fold


def _time_apart(value):
    return value.hour, value.minute, value.second, value.microsecond, value.tzinfo, value.fold


def _timestamp_together(value, zone):
    stamp = pd.Timestamp(value)
    return stamp if zone is None else stamp.tz_localize("UTC").tz_convert(zone)


def _pytz_together(name):
    if name.startswith("dateutil"):  # pandas would read a file of that name
        raise ValueError(f"{name!r} is no time zone")
    return pd.DatetimeTZDtype("ns", name).tz


def _state_together(state):
    generator = np.random.RandomState(np.random.MT19937(0))
    generator.set_state(state)
    return generator


def _generator_together(state):
    name = state["bit_generator"]
    if name not in BIT_GENERATORS:
        raise ValueError(f"{name!r} is no bit generator")
    bits = getattr(np.random, name)(0)
    bits.state = state
    return np.random.Generator(bits)


def _sparse_apart(matrix):
    name = type(matrix).__name__
    if name not in SPARSE:
        raise TypeError(f"a {name}; csr, csc and coo can be stored")
    parts = matrix.coords if matrix.format == "coo" else (matrix.indices, matrix.indptr)
    return name, matrix.shape, matrix.data, tuple(parts)


def _sparse_together(name, shape, data, parts):
    if name.startswith("coo"):
        return SPARSE[name]((data, parts), shape=shape)
    matrix = SPARSE[name]((data, *parts), shape=shape)
    # Indices out of range would be read from beyond the arrays, in C.
    matrix.check_format(full_check=True)
    return matrix


def _columns_of(frame):
    return [_cells(frame.iloc[:, i]) for i in range(frame.shape[1])]


def _cells(series):
    return series.to_numpy() if isinstance(series.dtype, np.dtype) else series.array


def _frame_together(columns, names, index):
    frame = pd.DataFrame({i: pd.Series(cells, index=index) for i, cells in enumerate(columns)}, index=index)
    return frame.set_axis(names, axis=1)


def _index_together(cells, name):
    return pd.Index(cells, dtype=cells.dtype, name=name, tupleize_cols=False)


def _zoned_together(dtype, numbers):
    return pd.DatetimeIndex(numbers.view(f"M8[{dtype.unit}]")).tz_localize("UTC").tz_convert(dtype.tz).array


def _masked_dtype(name):
    if name not in MASKED:
        raise ValueError(f"{name!r} is no dtype of pandas")
    return pd.api.types.pandas_dtype(name)


def _string_apart(dtype):
    return dtype.storage, dtype.na_value is pd.NA


def _string_together(storage, has_na):
    return pd.StringDtype(storage, na_value=pd.NA if has_na else np.nan)


_NUMPY = Kind("scalar", _scalar_apart, _scalar_together)
_DTYPE = Kind("dtype", _dtype_apart, np.lib.format.descr_to_dtype)
_INDEX = Kind("index", lambda value: (_cells(value.to_series()), value.name), _index_together)
_CELLS = Kind("cells", lambda value: (value.dtype, list(value)), lambda dtype, cells: pd.array(cells, dtype=dtype))
_PATH = Kind("path", lambda value: (str(value),), pathlib.Path)
_ZONE = Kind("zone", lambda value: (value.zone,), _pytz_together)
_SPARSE = Kind("sparse", _sparse_apart, _sparse_together)
_MASKED_DTYPE = Kind("masked_dtype", lambda value: (value.name,), _masked_dtype)

# By the very class of a value, so that subclasses, which may hold more, are left to `codec`.
_BY_CLASS = {
    int: Kind("int", lambda value: (hex(value),), lambda text: int(text, 16)),
    float: Kind("float", _float_apart, lambda text: float(np.frombuffer(_from_text(text), dtype="f8")[0])),
    complex: Kind("complex", lambda value: (value.real, value.imag), complex),
    str: Kind(
        "str",
        lambda value: _as_text(value.encode("utf-8", "surrogatepass")),
        lambda text: _from_text(text).decode("utf-8", "surrogatepass"),
    ),
    bytes: Kind("bytes", _as_text, _from_text),
    bytearray: Kind("bytearray", _as_text, lambda text: bytearray(_from_text(text))),
    list: Kind("list", tuple, lambda *items: list(items)),
    tuple: Kind("tuple", tuple, lambda *items: items),
    set: Kind("set", tuple, lambda *items: set(items)),
    frozenset: Kind("frozenset", tuple, lambda *items: frozenset(items)),
    collections.deque: Kind("deque", lambda value: (list(value), value.maxlen), collections.deque),
    collections.Counter: Kind("counter", lambda value: (dict(value),), collections.Counter),
    collections.defaultdict: Kind(
        "default_dict", lambda value: (value.default_factory, dict(value)), collections.defaultdict
    ),
    collections.OrderedDict: Kind(
        "ordered_dict", lambda value: (list(value.items()),), lambda items: collections.OrderedDict(items)
    ),
    type(Ellipsis): Kind("ellipsis", lambda value: (), lambda: Ellipsis),
    range: Kind("range", lambda value: (value.start, value.stop, value.step), range),
    slice: Kind("slice", lambda value: (value.start, value.stop, value.step), slice),
    re.Pattern: Kind("pattern", lambda value: (value.pattern, value.flags), re.compile),
    decimal.Decimal: Kind("decimal", lambda value: (str(value),), decimal.Decimal),
    fractions.Fraction: Kind("fraction", lambda value: (value.numerator, value.denominator), fractions.Fraction),
    uuid.UUID: Kind("uuid", lambda value: (value.hex,), uuid.UUID),
    datetime.date: Kind("date", lambda value: (value.year, value.month, value.day), datetime.date),
    datetime.time: Kind("time", _time_apart, lambda *parts: datetime.time(*parts[:-1], fold=parts[-1])),
    datetime.datetime: Kind("datetime", _datetime_apart, lambda *parts: datetime.datetime(*parts[:-1], fold=parts[-1])),
    datetime.timedelta: Kind(
        "timedelta", lambda value: (value.days, value.seconds, value.microseconds), datetime.timedelta
    ),
    datetime.timezone: Kind("timezone", lambda value: value.__getinitargs__(), datetime.timezone),
    zoneinfo.ZoneInfo: Kind("zoneinfo", lambda value: (value.key,), zoneinfo.ZoneInfo),
    np.ma.MaskedArray: Kind(
        "masked_array", _masked_apart, lambda data, mask, fill: np.ma.MaskedArray(data, mask, fill_value=fill)
    ),
    np.random.RandomState: Kind("random_state", lambda value: (value.get_state(legacy=False),), _state_together),
    np.random.Generator: Kind("generator", lambda value: (value.bit_generator.state,), _generator_together),
    type(pd.NA): Kind("na", lambda value: (), lambda: pd.NA),
    type(pd.NaT): Kind("nat", lambda value: (), lambda: pd.NaT),
    pd.Timestamp: Kind("timestamp", lambda value: (value.asm8, value.tzinfo), _timestamp_together),
    pd.Timedelta: Kind("pandas_timedelta", lambda value: (value.asm8,), pd.Timedelta),
    pd.Period: Kind(
        "period", lambda value: (value.ordinal, value.freqstr), lambda count, freq: pd.Period(ordinal=count, freq=freq)
    ),
    pd.Interval: Kind("interval", lambda value: (value.left, value.right, value.closed), pd.Interval),
    pd.Series: Kind(
        "series",
        lambda value: (_cells(value), value.index, value.name),
        lambda cells, index, name: pd.Series(cells, index=index, name=name),
    ),
    pd.DataFrame: Kind("frame", lambda value: (_columns_of(value), value.columns, value.index), _frame_together),
    pd.RangeIndex: Kind(
        "range_index",
        lambda value: (value.start, value.stop, value.step, value.name),
        lambda start, stop, step, name: pd.RangeIndex(start, stop, step, name=name),
    ),
    pd.MultiIndex: Kind(
        "multi_index",
        lambda value: (list(value.levels), [np.asarray(codes) for codes in value.codes], list(value.names)),
        lambda levels, codes, names: pd.MultiIndex(levels=levels, codes=codes, names=names),
    ),
    pd.Categorical: Kind(
        "categorical",
        lambda value: (np.asarray(value.codes), value.dtype),
        lambda codes, dtype: pd.Categorical.from_codes(codes, dtype=dtype),
    ),
    pd.arrays.DatetimeArray: Kind(
        "zoned_array", lambda value: (value.dtype, np.asarray(value.asi8)), _zoned_together
    ),
    pd.CategoricalDtype: Kind(
        "categorical_dtype", lambda value: (value.categories, bool(value.ordered)), pd.CategoricalDtype
    ),
    pd.DatetimeTZDtype: Kind("zoned_dtype", lambda value: (value.unit, value.tz), pd.DatetimeTZDtype),
    pd.PeriodDtype: Kind("period_dtype", lambda value: (value.freq.freqstr,), pd.PeriodDtype),
    pd.IntervalDtype: Kind("interval_dtype", lambda value: (value.subtype, value.closed), pd.IntervalDtype),
    pd.StringDtype: Kind("string_dtype", _string_apart, _string_together),
    pd.ArrowDtype: Kind("arrow_dtype", lambda value: (value.name,), pd.ArrowDtype.construct_from_string),
}  # fmt: skip
# By a base class, in this order.
_BY_BASE = {
    np.generic: _NUMPY,
    np.dtype: _DTYPE,
    pd.Index: _INDEX,
    pd.api.extensions.ExtensionArray: _CELLS,
    pathlib.PurePath: _PATH,
}
KINDS = {kind.tag: kind for kind in [*_BY_CLASS.values(), *_BY_BASE.values(), _ZONE, _SPARSE, _MASKED_DTYPE]}


def kind_of(value):
    """Return the `Kind` of a value, or None if it is no plain data."""
    if type(value) in _BY_CLASS:
        return _BY_CLASS[type(value)]
    for base, kind in _BY_BASE.items():
        if isinstance(value, base):
            return kind
    if isinstance(value, datetime.tzinfo) and type(value).__module__.partition(".")[0] == "pytz":
        return _ZONE
    if isinstance(value, pd.api.extensions.ExtensionDtype) and value.name in MASKED:
        return _MASKED_DTYPE
    return _SPARSE if scipy.sparse.issparse(value) else None
