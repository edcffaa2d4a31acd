"""Cells of any dtype as numbers, read in blocks of rows that stay in the processor's cache.

Why blocks: to convert, check and standardise a table of millions of rows in one go would write several float64 arrays
of its size to memory and read them back. A block is copied into the same 512 KB again and again, and each of these
steps finds it in the cache. A column of a NumPy dtype is read from the table's own memory, so no table is copied.

Why ``(n_columns, n_block_rows)``: the columns of a frame mostly lie one after the other in memory, so that each is
copied and summed as one stretch of memory. The encoded array is row-major, as the network reads it; the one
transposition happens when a finished block is written there.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd

from ..errors import InputMismatchError
from ._hints import DIFFERENT_BESIDE_FILLER, holds_objects, probe
from ._number_text import NumberStyle, find_number_style
from ._odd import KEEP_FILLERS, MOST_SHARE, is_strict, note_odd, refuse_cells, settle_odd

# A block of so many float64 takes 512 KB, which the cache of one core holds. It has at least BLOCK_ROWS rows, since
# each block costs a few calls for each column: with thousands of columns, these calls would be most of the time.
BLOCK_CELLS = 2**16
BLOCK_ROWS = 1024
# Rows from which quartiles are taken.
QUARTILE_ROWS = 1000
# A number of so many usual deviations from the middle says no more than that it is out of all proportion. Skewed
# columns, such as incomes, hardly have one.
OUTLANDISH = 300
# Out of proportion and so many times as far out as the next number, it is no number at all: it stands for "not known".
# What follows on other numbers, as the largest incomes do, is but large. Such fillers are few, or few different ones.
APART = 30
MOST_FILLERS = 3
# Nines alone, such as -9999 and 999, stand for "not known" even in proportion, if they are farther from the others than
# these are from each other.
FEWEST_NINES = 99
# The largest number that leaves an encoder: in float32, what a network computes from it stays finite.
LARGEST = 1e30
# The squares of larger numbers have no sum that is a float: such numbers are out of proportion to any others.
HUGE = 1e145


# What to do about cells that are no numbers.
_WAYS_OUT = {
    "text": (
        "A text is no number here, even '12'. pd.to_numeric(column, errors='coerce') makes numbers, and NaN of words; "
        "NumberScaler(on_odd=\"missing\") reads '1,234' and '$5', too. For words use CategoryIndexer."
    ),
    "date": "Write a number or None there; a column of dates goes to CalendarEncoder.",
    "list": "Write a number or None there; a column of lists goes to VectorStacker or SequencePadder.",
    "dict": "Write a number or None there; a column of dicts goes to RecordVectorizer.",
    "complex": "Give the real and the imaginary part as two columns.",
    "other": "Write a number or None there.",
}
_FINITE_WAY = (
    "Make infinity missing: X.replace([np.inf, -np.inf], np.nan). Divide a column whose numbers are too large."
)


def is_duration(dtype):
    """Return whether a dtype is one of durations, of NumPy or of Arrow."""
    return pd.api.types.is_timedelta64_dtype(dtype) or str(dtype).startswith("duration")


def as_numbers(frame, encoder):
    """Return a frame's cells as float64, NaN where missing, or refuse cells that are no finite numbers."""
    values = np.empty(frame.shape, dtype="float64")
    for rows, block in number_blocks(frame, number_columns(frame, encoder)):
        values[rows] = block.T
    return values


def number_columns(frame, encoder, styles=None):
    """Return the numbers of each column, NaN where missing.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Numbers, truth values, durations, or texts that write numbers or durations.
    encoder : InputEncoder
        Its `on_odd` says what happens to cells that are no numbers.
    styles : list of (NumberStyle or None), or None
        How the column at each position writes numbers, as far as that is known.

    Returns
    -------
    list of ndarray of shape (n_rows,)
        For a NumPy dtype, the column's own memory in that dtype; else float64.

    Raises
    ------
    InputMismatchError
        If a cell is no number and the encoder is strict.
    """
    columns = [column for _, column in frame.items()]
    styles = styles or [None] * len(columns)
    return [_column_as_numbers(*pair, encoder) for pair in zip(columns, styles, strict=True)]


def number_styles(frame):
    """Return how each column of a frame writes numbers: a `NumberStyle`, or None if it has no texts."""
    return [_number_style(column) for _, column in frame.items()]


def _number_style(column):
    """Return how a column writes numbers, or None if it has no texts."""
    if not holds_objects(column):
        return None
    cells = probe(column).tolist()
    return find_number_style(cells) if any(isinstance(cell, str) for cell in cells) else None


def number_blocks(frame, columns):
    """Read columns of numbers as float64, some rows at a time.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Its names and row labels stand in messages.
    columns : list of ndarray of shape (n_rows,)
        Its numbers, see `number_columns`.

    Yields
    ------
    rows : slice
        Which rows the block holds.
    block : ndarray of shape (n_columns, n_block_rows), float64
        Their numbers. The caller may change them: the next block takes the same memory.

    Raises
    ------
    InputMismatchError
        If a number is infinite.
    """
    n_rows = len(frame)
    step = min(n_rows, max(BLOCK_CELLS // max(len(columns), 1), BLOCK_ROWS))
    memory = np.empty((len(columns), step))
    # A table without rows has a step of 0, which `range` refuses.
    for start in range(0, n_rows, max(step, 1)):
        rows = slice(start, min(start + step, n_rows))
        block = memory[:, : rows.stop - start]
        for numbers, own in zip(columns, block, strict=True):
            # The assignment converts to float64 on the way, without an array of its own.
            own[:] = numbers[rows]
        # Which cell is infinite is worked out only if there is one.
        if np.isinf(block).any():
            _refuse_infinity(frame, columns)
        yield rows, block


def _refuse_infinity(frame, columns):
    """Refuse the first column that holds infinity, with the place of its first cell."""
    for (_, column), numbers in zip(frame.items(), columns, strict=True):
        wrong = np.isinf(np.asarray(numbers, dtype="float64"))
        refuse_cells(column, wrong, "finite: infinite, or too large for a float", _FINITE_WAY)


def _column_as_numbers(column, style, encoder):
    """Return the numbers of one column, see `number_columns`."""
    dtype = column.dtype
    if pd.api.types.is_complex_dtype(dtype):
        raise InputMismatchError(
            f"column {column.name!r}: Complex data not supported, got {dtype}. {_WAYS_OUT['complex']}"
        )
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return column.to_numpy()
    # pandas' nullable dtypes and Arrow's mark a missing cell outside of the numbers, so they have to be copied.
    if pd.api.types.is_bool_dtype(dtype) or pd.api.types.is_numeric_dtype(dtype):
        return column.to_numpy(dtype="float64", na_value=np.nan)
    if is_duration(dtype):
        return column.dt.total_seconds().to_numpy(dtype="float64", na_value=np.nan)
    return _objects_as_numbers(column, style or _number_style(column) or NumberStyle(), encoder)


def _objects_as_numbers(column, style, encoder):
    """Return a column of Python objects or texts as float64."""
    cells = column.to_numpy(dtype=object)
    known = ~pd.isna(cells)
    numbers = np.full(len(cells), np.nan)
    numbers[known] = style.read(cells[known])
    if is_strict(encoder):
        # A text is no number, whatever it writes: "12" may be a code, and who named the encoder can say so.
        numbers[[isinstance(cell, str) for cell in cells]] = np.nan
    settle_odd(
        encoder,
        column,
        known & np.isnan(numbers),
        "numbers",
        _WAYS_OUT,
    )
    return numbers


@dataclass
class Moments:
    """Weight, mean and sum of squared deviations of each column's known numbers.

    Parameters
    ----------
    total, mean, square : ndarray of shape (n_columns,), float64
        All three are 0 for a column without a number.
    n_missing : ndarray of shape (n_columns,), int
        Number of cells without a number in rows that count.
    n_rows : int
        Number of rows that count.
    """

    total: np.ndarray
    mean: np.ndarray
    square: np.ndarray
    n_missing: np.ndarray
    n_rows: int = 0

    def __add__(self, other):
        """Return the moments of two sets of rows together."""
        # The textbook's difference, mean of the squares minus square of the mean, would lose the digits of a column of
        # years, whose mean is far larger than its spread. Here only squares of distances are added.
        total = self.total + other.total
        share = other.total / np.where(total, total, 1)
        gap = other.mean - self.mean
        square = self.square + other.square + gap**2 * self.total * share
        counts = self.n_missing + other.n_missing, self.n_rows + other.n_rows
        return Moments(total, self.mean + gap * share, square, *counts)


@dataclass
class Bounds:
    """Which numbers of each column are out of all proportion, and what they count as.

    Parameters
    ----------
    low, high : ndarray of shape (n_columns,), float64
        The lowest and the highest training number in proportion to the others, NaN without one.
    floor, ceiling : ndarray of shape (n_columns,), float64
        A number beyond these is out of proportion, and counts as the lowest or the highest.
    bottom, top : ndarray of shape (n_columns,), float64
        A number beyond these stands for "not known", and counts as missing.
    """

    low: np.ndarray
    high: np.ndarray
    floor: np.ndarray
    ceiling: np.ndarray
    bottom: np.ndarray
    top: np.ndarray

    def __add__(self, other):
        """Return the bounds of two sets of rows together."""
        low, high = np.fmin(self.low, other.low), np.fmax(self.high, other.high)
        outer = np.fmin(self.floor, other.floor), np.fmax(self.ceiling, other.ceiling)
        # What some rows take for a filler is none if others hold numbers as large.
        bottom, top = np.fmax(self.bottom, other.bottom), np.fmin(self.top, other.top)
        bottom = np.where(low < bottom, np.fmin(self.bottom, other.bottom), bottom)
        top = np.where(high > top, np.fmax(self.top, other.top), top)
        return Bounds(low, high, np.fmax(outer[0], bottom), np.fmin(outer[1], top), bottom, top)

    @property
    def all_beyond(self):
        """Whether every number of a column is out of proportion, so that its sign is all that counts."""
        beyond = [(end == self.floor) | (end == self.ceiling) for end in (self.low, self.high)]
        return beyond[0] & beyond[1]

    def with_range(self, columns):
        """Return the same bounds with the lowest and the highest numbers of other rows of the columns."""
        low, high = np.array([_range_of(numbers) for numbers in columns], dtype="float64").T
        return replace(self, low=low, high=high)

    def select(self, positions):
        """Return the bounds of some of the columns."""
        return Bounds(*(getattr(self, field.name)[positions] for field in fields(self)))

    def note_fillers(self, position, numbers, column):
        """Return which numbers of a column are fillers, and note them unless `column`, their cells, is None."""
        fillers = (numbers < self.bottom[position]) | (numbers > self.top[position])
        if column is not None:
            note_odd(column, fillers, "numbers in proportion to the others", KEEP_FILLERS)
        return fillers

    def clip(self, block, frame, rows):
        """Bring numbers (n_columns, n_rows) out of proportion within the bounds, in place; fillers become NaN.

        They are noted as odd cells of these rows, unless `frame` is an array of cells without labels.
        """
        if not block.size:
            return
        beyond = (np.fmin.reduce(block, axis=1) < self.floor) | (np.fmax.reduce(block, axis=1) > self.ceiling)
        for i in np.flatnonzero(beyond):
            column = frame.iloc[rows, i] if isinstance(frame, pd.DataFrame) else None
            block[i, self.note_fillers(i, block[i], column)] = np.nan
            block[i, block[i] < self.floor[i]] = self.low[i]
            block[i, block[i] > self.ceiling[i]] = self.high[i]


def robust_moments(frame, columns, weight=None, known=None):
    """Return mean and spread of columns of numbers, learned without cells that are out of all proportion.

    A raster's "no data" of -3.4e38, in one cell of a hundred, would have the other cells share a single
    point. So a column with cells that are more than `OUTLANDISH` usual deviations from its median is
    learned without them. If they are `APART` from all others, too, they count as missing.

    Parameters
    ----------
    frame, columns, weight
        As in `column_moments`.
    known : Bounds or None
        What is out of proportion, if other rows have shown it already.

    Returns
    -------
    moments : Moments
        The moments of the numbers that are neither missing nor out of proportion.
    bounds : Bounds
        The numbers between which they lie.
    """
    counted = columns if weight is None else [numbers[weight > 0] for numbers in columns]
    if known is None:
        bounds = Bounds(*np.array([_bounds_of(numbers) for numbers in counted], dtype="float64").T)
    else:
        bounds = known.with_range(counted)
    kept, crossed = list(columns), []
    for i, (floor, ceiling) in enumerate(zip(bounds.floor, bounds.ceiling, strict=True)):
        if bounds.low[i] < floor or bounds.high[i] > ceiling:
            numbers = np.asarray(columns[i], dtype="float64")
            kept[i] = np.where((floor <= numbers) & (numbers <= ceiling), numbers, np.nan)
            if np.isnan(kept[i]).all() if known is None else known.all_beyond[i]:
                # All are huge: what is left of them is their sign.
                kept[i] = np.clip(numbers, floor, ceiling)
            elif known is None:
                bottom, top = _fillers_beyond(counted[i], floor, ceiling)
                bounds.bottom[i], bounds.top[i] = max(bottom, bounds.bottom[i]), min(top, bounds.top[i])
            bounds.low[i], bounds.high[i] = _range_of(kept[i])
            crossed.append(i)
    moments = column_moments(frame, kept, weight)
    for i in crossed:
        own = np.asarray(counted[i], dtype="float64")
        moments.n_missing[i] = len(own) - np.sum((bounds.bottom[i] <= own) & (own <= bounds.top[i]))
    return moments, bounds


def _range_of(numbers):
    """Return the lowest and the highest number, NaN of none."""
    # `fmin` and `fmax` pass over NaN without the warning that `nanmin` has for a column of NaN alone.
    return (float(np.fmin.reduce(numbers)), float(np.fmax.reduce(numbers))) if len(numbers) else (np.nan, np.nan)


def _bounds_of(numbers):
    """Return the `Bounds` of one column as a tuple, of which the last two know but fillers of nines."""
    nothing = -np.inf, np.inf
    if not len(numbers):
        return np.nan, np.nan, *nothing, *nothing
    low, high = _range_of(numbers)
    # Infinity is refused where the numbers are read.
    if not np.isfinite([low, high]).all():
        return low, high, *nothing, *nothing
    has_huge = max(-low, high) > HUGE
    middle, usual = _middle_and_spread(numbers[np.abs(numbers) <= HUGE] if has_huge else numbers)
    nines = _nines_beyond(numbers, low, high)
    if not usual:
        return low, high, *((-HUGE, HUGE) if has_huge else nothing), *nothing
    most = OUTLANDISH * usual
    return low, high, max(middle - most, nines[0]), min(middle + most, nines[1]), *nines


def _nines_beyond(numbers, low, high):
    """Return the numbers beyond which a column holds but fillers such as -999 and 9999, infinite without any."""
    bottom, top = -np.inf, np.inf
    for filler in (low, high):
        if abs(filler) < FEWEST_NINES or set(f"{abs(filler):f}".rstrip("0").rstrip(".")) != {"9"}:
            continue
        others = np.unique(np.asarray(numbers, dtype="float64"))
        others = others[np.isfinite(others) & (others != filler)]
        if len(others) >= DIFFERENT_BESIDE_FILLER and np.abs(others - filler).min() > others[-1] - others[0]:
            bottom, top = (filler / 2 + others[0] / 2, top) if filler == low else (bottom, filler / 2 + others[-1] / 2)
    return bottom, top


def _fillers_beyond(numbers, floor, ceiling):
    """Return the numbers beyond which a column with numbers out of proportion holds fillers, infinite without any."""
    distances = np.asarray(numbers, dtype="float64") - (floor / 2 + ceiling / 2)
    distances = distances[~np.isnan(distances)]
    most = ceiling / 2 - floor / 2
    bottom, top = _apart(-distances, most), _apart(distances, most)
    fillers = distances[(distances < -bottom) | (distances > top)]
    if len(fillers) > (1 - MOST_SHARE) * len(distances) and len(np.unique(fillers)) > MOST_FILLERS:
        return -np.inf, np.inf
    middle = floor / 2 + ceiling / 2
    return middle - bottom, middle + top


def _apart(distances, most):
    """Return a distance above `most` between two of some distances that are `APART`, or infinity."""
    distances = np.sort(distances)
    first = np.searchsorted(distances, most, side="right")
    # The nearest that is not out of proportion, or a usual deviation without one.
    nearest = max(distances[first - 1] if first else 0.0, most / OUTLANDISH)
    far = distances[first:]
    before = np.concatenate([[nearest], far[:-1]])
    wide = np.flatnonzero(far / APART > before)
    return max(most, np.sqrt(before[wide[0]]) * np.sqrt(far[wide[0]])) if len(wide) else np.inf


def _middle_and_spread(numbers):
    """Return the median of some numbers and the deviation that their quartiles stand for, 0 if they are constant."""
    cells = np.asarray(numbers[:: max(len(numbers) // QUARTILE_ROWS, 1)], dtype="float64")
    cells = cells[~np.isnan(cells)]
    # In a column that is mostly 0, the quartiles are those of its different values.
    for values in (cells, np.unique(cells)):
        if len(values):
            low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
            if high > low:
                # The quartiles of a normal distribution are 1.349 deviations apart.
                return middle, high / 1.349 - low / 1.349
    return 0.0, 0.0


def column_moments(frame, columns, weight=None):
    """Return mean and spread of columns of numbers, learned block by block.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, n_columns)
        Its names and row labels stand in messages.
    columns : list of ndarray of shape (n_rows,)
        Its numbers, see `number_columns`.
    weight : ndarray of shape (n_rows,), float64, or None
        Weight of each row; rows of weight 0 do not count. None gives each row the weight 1.

    Returns
    -------
    Moments
        The moments of the numbers that are not missing.

    Notes
    -----
    Blocks are joined by the formula of Chan, Golub and LeVeque, "Updating Formulae and a
    Pairwise Algorithm for Computing Sample Variances", 1979.
    """
    n_columns = len(columns)
    shift, is_set = np.zeros(n_columns), np.zeros(n_columns, dtype=bool)
    n_counted = len(frame) if weight is None else int((weight > 0).sum())
    merged = Moments(*np.zeros((3, n_columns)), np.zeros(n_columns, dtype=int), n_counted)
    for rows, block in number_blocks(frame, columns):
        # The weight of each cell: a view, unless missing cells have to be left out.
        counted = np.broadcast_to(1.0 if weight is None else weight[rows], block.shape)
        idle = np.isnan(block)
        if idle.any():
            # Before weights of missing cells become 0: a gap in a row of weight 0 makes no indicator column.
            merged.n_missing += (idle & (counted > 0)).sum(axis=1)
            counted = np.where(idle, 0, counted)
        if weight is not None:
            idle = counted == 0
        # A column's first number may come in a later block. Blocks before it have no weight in this column, so a shift
        # that is set late needs no correction of what was summed so far.
        if not is_set.all():
            first, found = _first_numbers(block, counted)
            shift = np.where(found & ~is_set, first, shift)
            is_set |= found
        # The mean of a block is a sum of numbers divided by their weight. For years or timestamps, whose spread is
        # small compared with their size, the sum would round away the digits that differ; that of distances from the
        # first number keeps them.
        block -= shift[:, None]
        # A weight of 0 does not silence every number: 0 times NaN is NaN, and the square of 1e300 overflows.
        np.copyto(block, 0, where=idle)
        merged += _block_moments(block, counted)
    merged.mean += shift
    return merged


def _first_numbers(block, counted):
    """Return the first number that counts in each row of a block, and whether there is one.

    A row of a block is a column of the table.
    """
    # `argmax` is 0 where nothing counts, too, so the weight that it points at is looked at again.
    rows, first = np.arange(len(block)), (counted > 0).argmax(axis=1)
    return block[rows, first], counted[rows, first] > 0


def _block_moments(block, counted):
    """Return the moments of a block of numbers with these weights; the block is overwritten."""
    # The mean first, then the squares of distances from it, for the reason given in `Moments.__add__`. `einsum` sums
    # the products with the weights without making an array of them.
    total = counted.sum(axis=1)
    mean = np.einsum("ij,ij->i", block, counted) / np.where(total, total, 1)
    block -= mean[:, None]
    block *= block
    return Moments(total, mean, np.einsum("ij,ij->i", block, counted), np.zeros(len(block), dtype=int))
