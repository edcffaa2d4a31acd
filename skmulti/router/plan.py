"""Which columns go where when nobody said so: each encoder class is asked in turn."""

import re
import unicodedata

import pandas as pd

from ..errors import CellTypeError, InputMismatchError, closest_match
from ..inputs import ENCODERS, hint

# Below this number of rows, values that all differ say nothing about what a column is.
ID_ROWS = 20
ID_SHARE = 0.95

# Rows that are looked at before all are.
PROBE_ROWS = 1000

# Training rows show a counter with gaps: half of the rows in a fold, nine tenths of those after the hold-out.
# From this number of rows on, numbers that fill a third of their range do not all differ by chance.
COUNTER_ROWS = 100
COUNTER_SHARE = 1 / 3


def infer_inputs(table, kinds=None, reserved=()):
    """Route columns by what their training rows hold.

    Parameters
    ----------
    table : DataFrame, or dict of str to (Series or DataFrame)
        Training rows; with a dict every entry becomes an input of its own.
    kinds : dict of column to (str or encoder), or None
        Kind of single columns, "drop", or an encoder for them.
    reserved : collection of str
        Names that no input may have.

    Returns
    -------
    inputs : list of tuple (str, encoder, columns)
        For `InputRouter`.
    plan : DataFrame with columns column, input, encoder, reason
        One row for each column.

    Raises
    ------
    InputMismatchError
        If no encoder would take a column, or no column is left.
    ValueError
        If `kinds` names an unknown column or kind.
    """
    kinds = kinds or {}
    _check_kinds(kinds, table.columns if isinstance(table, pd.DataFrame) else table)
    if not isinstance(table, pd.DataFrame):
        return _infer_from_dict(table, kinds)
    inputs, unshared, rows = {}, {}, []
    reserved = {*reserved, *(encoder.shared_input for encoder in ENCODERS)}
    for position, label in enumerate(table.columns):
        encoder, reason = _choose(table.iloc[:, position], kinds.get(label))
        if encoder is None:
            rows.append((label, "", "dropped", reason))
            continue
        # An encoder that the user made for a column is not shared: its parameters are for that column.
        given = encoder is kinds.get(label)
        shared = None if given else encoder.shared_input
        name = shared or _safe_name(label, {*inputs, *reserved})
        like = None if given or shared else _first_alike(position, encoder, unshared, table)
        if like is not None:
            reason = f"{reason}; like {like!r}, so that it shares its encoder and branch"
        elif not given and not shared:
            unshared[name] = encoder, position
        rows.append((label, name, encoder_name(encoder), reason))
        inputs.setdefault(name, (like or encoder, []))[1].append(position)
    if not inputs:
        raise InputMismatchError(
            "No column of X is left to learn from: " + "; ".join(f"{row[0]!r}: {row[3]}" for row in rows) + ". "
            "Name the inputs with InputRouter([...]), or a column's kind with InputRouter(kinds={...})."
        )
    return [(name, *entry) for name, entry in inputs.items()], _plan_table(rows)


def _first_alike(position, encoder, earlier, table):
    """Name the earlier input, of {name: (encoder, position)}, whose encoder and branch suit a column, too; or None."""
    column = table.iloc[:, position]
    for name, (other, at) in earlier.items():
        if type(other) is type(encoder) and encoder.alike(column, table.iloc[:, at]):
            return name
    return None


def _infer_from_dict(table, kinds):
    """Return each entry of a dict of arrays an input of its own."""
    inputs, rows = [], []
    for name, columns in table.items():
        first = columns.iloc[:, 0] if isinstance(columns, pd.DataFrame) else columns
        encoder, reason = _of_kind(first, kinds[name]) if name in kinds else _ask(first)
        if encoder is not None:
            inputs.append((name, encoder, name))
        rows.append((name, "" if encoder is None else name, encoder_name(encoder), reason))
    return inputs, _plan_table(rows)


def encoder_name(encoder):
    """Name an encoder for the plan: its class, or the string that stands for it."""
    if encoder is None:
        return "dropped"
    return encoder if isinstance(encoder, str) else type(encoder).__name__


def _plan_table(rows):
    return pd.DataFrame(rows, columns=["column", "input", "encoder", "reason"])


def explicit_plan(routes, table):
    """Tabulate inputs that the user named.

    Parameters
    ----------
    routes : list of tuple (str, encoder or str, sequence of column labels)
        The inputs, "drop" among them.
    table : DataFrame or dict
        Training rows.

    Returns
    -------
    DataFrame with columns column, input, encoder, reason
        One row for each use of a column, and one for each that is not used.
    """
    rows = []
    for name, encoder, labels in routes:
        dropped = isinstance(encoder, str) and encoder == "drop"
        entry = ("", "dropped") if dropped else (name, encoder_name(encoder))
        rows += [(label, *entry, "given") for label in labels]
    named = {row[0] for row in rows}
    if isinstance(table, pd.DataFrame):
        rows += [(label, "", "dropped", "named by no input") for label in table.columns if label not in named]
    return _plan_table(rows)


def _choose(column, kind):
    """Return the encoder of a column and the reason, or (None, reason) to drop it."""
    if kind is not None:
        return _of_kind(column, kind)
    if (reason := _useless(column)) is not None:
        return None, reason
    encoder, reason = _ask(column)
    # The last encoder takes what no other would: words that all differ have nothing to be learned from.
    if type(encoder) is ENCODERS[-1] and (different := _nearly_unique(column)):
        encoder, reason = None, f"an id: {different} different values in {column.notna().sum()} rows"
    noticed = hint(column)
    return encoder, f"{reason}; {noticed}" if noticed else reason


def _ask(column):
    """Return the first encoder that would take the column, and why."""
    for encoder in ENCODERS:
        reason = encoder.suits(column)
        if reason:
            return encoder.make_inferred(), reason
    found = sorted({type(cell).__name__ for cell in column.dropna()})
    noticed = hint(column)
    raise CellTypeError(
        f"column {column.name!r} (dtype {column.dtype}) has cells of type {', '.join(found)}, which no encoder would "
        "take: an encoder's argument must be a string, a number, a date, an array or an image. "
        f"{f'It seems to hold {noticed}; convert it. ' if noticed else ''}"
        "Drop the column, or name an encoder for it: InputRouter([(name, encoder, column), ...])."
    )


def _of_kind(column, kind):
    """Return the encoder for a kind that the user named: the one that suits the column, if any does."""
    if not isinstance(kind, str):
        return kind, "given"
    if kind == "drop":
        return None, "given"
    candidates = [encoder for encoder in ENCODERS if kind in encoder.default_branch.reads]
    suited = [encoder for encoder in candidates if encoder.suits(column)]
    return (suited or candidates)[0].make_inferred(), f"given: {kind}"


def _check_kinds(kinds, columns):
    """Refuse columns that X does not have, and kinds that no encoder makes."""
    known = {kind for encoder in ENCODERS for kind in encoder.default_branch.reads} | {"drop"}
    for label, kind in kinds.items():
        if label not in columns:
            raise ValueError(f"`kinds` names column {label!r}, which X does not have.{closest_match(label, columns)}")
        if isinstance(kind, str) and kind not in known:
            raise ValueError(
                f"`kinds` wants {kind!r} for column {label!r}; there are {sorted(known)}.{closest_match(kind, known)}"
            )
        if not isinstance(kind, str) and not (hasattr(kind, "fit") and hasattr(kind, "transform")):
            raise TypeError(f"`kinds` wants {kind!r} for column {label!r}; give a kind, 'drop' or an encoder.")


def _useless(column):
    """Say why a column cannot help: it is constant, empty, or an id; None if it may."""
    known = column.dropna()
    if not len(known):
        return "empty"
    # One pair that differs and one that does not tell as much as all rows.
    first = known.iloc[:PROBE_ROWS]
    different = _count_different(first)
    if different > 1 and (different < len(first) or not pd.api.types.is_integer_dtype(column.dtype)):
        return None
    different = _count_different(known)
    if different == 1 and len(known) == len(column) > 1:
        return f"constant: {known.iloc[[0]].tolist()[0]!r:.60}"
    if different == len(known) >= ID_ROWS and pd.api.types.is_integer_dtype(column.dtype):
        # A counter of rows; other whole numbers that all differ may well be measurements.
        values = known.to_numpy(dtype="float64")
        share = COUNTER_SHARE if len(values) >= COUNTER_ROWS else 1
        return "an id: counts the rows" if len(values) >= share * (values.max() - values.min() + 1) else None
    return None


def _count_different(cells):
    """Count the different values; 0 for cells such as arrays that cannot be compared."""
    if not pd.api.types.is_scalar(cells.iloc[0]) or isinstance(cells.iloc[0], bytes):
        return 0
    try:
        return cells.nunique()
    except TypeError:
        return 0


def _nearly_unique(column):
    """Count the different values if nearly every row has its own, else give 0."""
    known = column.dropna()
    different = _count_different(known) if len(known) >= ID_ROWS else 0
    return different if different >= ID_SHARE * len(known) else 0


def _safe_name(label, taken):
    """Make an input's name from a column's: one that TensorFlow's layers can bear, and not used yet."""
    text = label if isinstance(label, str) else re.sub("[()']", "", str(label))
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    base = re.sub("[^A-Za-z0-9.-]+", "_", ascii_text).strip("_-") or "column"
    name, count = base, 1
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    return name
