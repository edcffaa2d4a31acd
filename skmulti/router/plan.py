"""The plan of a router: which column goes to which input, and why.

If the user named no inputs, each encoder class is asked in turn whether it suits a column. Nothing here names a kind,
so a new kind takes part as soon as `inputs.ENCODERS` lists it. Columns that cannot help are dropped: empty and constant
ones in silence, since no row says anything; with a warning ids, whose words differ in every row and tell nothing about
rows to come, and columns that no encoder takes.
"""

import re
import unicodedata

import numpy as np
import pandas as pd
from pandas.api.types import is_float_dtype, is_integer_dtype, is_numeric_dtype

from .._text import terminal_width, text_table
from ..errors import CellTypeError, DroppedColumnsWarning, InputMismatchError, closest_match, shorten, warn
from ..inputs import ENCODERS, hint

# In fewer rows than this, values may all differ by chance, whatever the column holds.
ID_ROWS = 20
# Words are ids from this number of different values for each known cell on. Not 1, because a few values often repeat.
ID_SHARE = 0.95

# Rows of a column that are looked at first. Counting the different values of all rows takes long in a large table.
PROBE_ROWS = 1000

# How the reason begins for which words are left out that all differ.
_AN_ID = "an id"

# Columns that a warning names. The others are counted.
NAMED_COLUMNS = 4


def infer_inputs(table, kinds=None, reserved=()):
    """Choose inputs for the columns of a table by what their training rows hold.

    Parameters
    ----------
    table : DataFrame, or dict of str to (Series or DataFrame)
        Training rows. Each entry of a dict becomes an input of its own.
    kinds : dict of column to (str or encoder), or None
        For single columns: their kind, "drop", or their encoder.
    reserved : collection of str
        Names that no input may have: the router's parameters.

    Returns
    -------
    inputs : list of tuple (str, encoder, columns)
        For `InputRouter`.
    plan : DataFrame with columns column, input, encoder, reason
        One row for each column.

    Raises
    ------
    InputMismatchError
        If no column is left.
    CellTypeError
        If no encoder would take an array of a dict.
    ValueError
        If `kinds` names an unknown column or kind.

    Warns
    -----
    DroppedColumnsWarning
        If columns are left out although their cells differ.
    """
    kinds = kinds or {}
    _check_kinds(kinds, table.columns if isinstance(table, pd.DataFrame) else table)
    if not isinstance(table, pd.DataFrame):
        return _infer_from_dict(table, kinds)
    inputs, unshared, rows = {}, {}, []
    # A column that is called like a shared input ("numbers") must not end up among the columns of that input.
    reserved = {*reserved, *(encoder.shared_input for encoder in ENCODERS)}
    lost = {}
    for position, label in enumerate(table.columns):
        column = table.iloc[:, position]
        encoder, reason = _choose_encoder(column, kinds.get(label))
        if encoder is None:
            rows.append((label, "", "dropped", reason))
            if label not in kinds and not _says_nothing(column):
                lost[label] = reason
            continue
        # An encoder that the user passed for a column is not shared: its parameters are meant for that column.
        given = encoder is kinds.get(label)
        shared = None if given else encoder.shared_input
        name = shared or _make_safe_name(label, {*inputs, *reserved})
        # Two columns that are alike, such as texts in the same words, share what is learned.
        like = None if given or shared else _find_alike(position, encoder, unshared, table)
        if like is not None:
            reason = f"{reason}; like {like!r}, so that it shares its encoder and branch"
        elif not given and not shared:
            unshared[name] = encoder, position
        rows.append((label, name, encoder_name(encoder), reason))
        inputs.setdefault(name, (like or encoder, []))[1].append(position)
    if not rows:
        raise InputMismatchError("Found array with 0 feature(s): X has no columns, while a minimum of 1 is required.")
    if not inputs:
        reasons = "; ".join(f"{shorten(repr(row[0]))} ({shorten(row[3])})" for row in rows[:NAMED_COLUMNS])
        ids = [row[0] for row in rows if row[3].startswith(_AN_ID)]
        keep = f" To keep an id: {_line_that_keeps(ids[0])}." if ids else ""
        raise InputMismatchError(
            f"No column of X is left to learn from: {reasons}{', ...' if len(rows) > NAMED_COLUMNS else ''}. "
            f"Is this the right table?{keep}"
        )
    _warn_of_lost(lost)
    return [(name, *entry) for name, entry in inputs.items()], _plan_table(rows)


def _line_that_keeps(label, most=40):
    """Return the line that keeps a column which is left out as an id; `most` letters of its label."""
    # The last encoder takes what no other would.
    return f"InputRouter(kinds={{{shorten(repr(label), most)}: {ENCODERS[-1].default_branch.reads[0]!r}}})"


def _line_that_drops(label, most=40):
    """Return the line that leaves a column out; `most` letters of its label."""
    return f"InputRouter(kinds={{{shorten(repr(label), most)}: 'drop'}})"


def lines_to_change(plan):
    """Return the lines that route the columns of an inferred plan in another way.

    Parameters
    ----------
    plan : DataFrame
        From `infer_inputs`.

    Returns
    -------
    list of tuple (list of label, str)
        Columns that were routed alike, and the line that would make something else of the first of them. Columns
        that are empty, or that the user has routed, have no line.
    """
    alike = {}
    for label, name, encoder, reason in plan.itertuples(index=False):
        if reason != "empty" and not reason.startswith("given"):
            # Dropped columns have no input, and several reasons.
            alike.setdefault((encoder, name, "" if name else reason.split(":")[0]), []).append(label)
    lines = []
    for (encoder, *_), labels in alike.items():
        # The last encoder takes what no other would, so that a column which it has already can only be left out.
        line = _line_that_drops if encoder == ENCODERS[-1].__name__ else _line_that_keeps
        lines.append((labels, line(labels[0], most=len(repr(labels[0])))))
    return lines


def _warn_of_lost(lost):
    """Warn of columns that are left out although their cells differ; `lost` holds the reasons by label."""
    if not lost:
        return
    first = list(lost.items())[:NAMED_COLUMNS]
    named = "; ".join(f"{shorten(repr(label), 40)} ({shorten(reason)})" for label, reason in first)
    more = f"; and {len(lost) - len(first)} more" if len(lost) > len(first) else ""
    count = f"{len(lost)} columns are" if len(lost) > 1 else "1 column is"
    if first[0][1].startswith(_AN_ID):
        way = f"To keep a column, say what it holds: {_line_that_keeps(first[0][0])}."
    else:
        way = "Make the cells numbers, texts, dates or lists, all of one type, and complex numbers two columns."
    warn(
        f"{count} left out although the cells differ: {named}{more}. {way} To leave it out without this warning: "
        f"{_line_that_drops(first[0][0])}.",
        DroppedColumnsWarning,
    )


def _find_alike(position, encoder, earlier, table):
    """Return the name of the first of {name: (encoder, position)} whose encoder and branch suit a column, or None."""
    column = table.iloc[:, position]
    for name, (other, at) in earlier.items():
        if type(other) is type(encoder) and encoder.alike(column, table.iloc[:, at]):
            return name
    return None


def _infer_from_dict(table, kinds):
    """Return the inputs and the plan for a dict of arrays: each entry is an input of its own."""
    # The user has chosen what becomes an input, so no entry is dropped unless `kinds` says so.
    inputs, rows = [], []
    for name, columns in table.items():
        encoder, reason = _encoder_of_entry(columns, kinds[name]) if name in kinds else _ask_for_entry(name, columns)
        if encoder is None and name not in kinds:
            raise CellTypeError(
                f"Input {name!r}: {reason}. Give strings, numbers, dates, arrays, lists or images, or name an encoder: "
                f"InputRouter([({name!r}, encoder, {name!r})])."
            )
        if encoder is not None:
            inputs.append((name, encoder, name))
        rows.append((name, "" if encoder is None else name, encoder_name(encoder), reason))
    return inputs, _plan_table(rows)


def kinds_as_read(table, kinds, reads):
    """Return `kinds` for a dict of arrays of which branches read some, which may settle what these arrays hold.

    Parameters
    ----------
    table : DataFrame, or dict of str to (Series or DataFrame)
        Training rows. For a DataFrame `kinds` are returned as they are: its columns are no inputs.
    kinds : dict of column to (str or encoder), or None
        What the user says.
    reads : dict of str to tuple of str
        The kinds of arrays that the branch of an input reads.

    Returns
    -------
    dict of column to (str or encoder)
        Also names the entries that would be encoded as something that their branch does not read. Whole numbers
        whose branch reads the ids of a text stay as they are.
    """
    kinds = dict(kinds or {})
    if isinstance(table, pd.DataFrame):
        return kinds
    for name in reads.keys() & table.keys() - kinds.keys():
        encoder, _ = _ask_for_entry(name, table[name])
        if encoder is not None and not {*encoder.default_branch.reads} & {*reads[name]}:
            own = [known for known in ENCODERS if known.reads_blocks and {*known.default_branch.reads} & {*reads[name]}]
            of_ids = own and _are_whole_numbers(table[name])
            kinds[name] = own[0].make_inferred() if of_ids else reads[name][0]
    return kinds


def _are_whole_numbers(columns):
    dtypes = columns.dtypes if isinstance(columns, pd.DataFrame) else [columns.dtype]
    return all(is_integer_dtype(dtype) for dtype in dtypes)


def _ask_for_entry(name, columns):
    """Return the first encoder that would take an entry of a dict of arrays, and the reason that it states."""
    if not isinstance(columns, pd.DataFrame):
        return _ask_encoders(columns)
    for encoder in ENCODERS:
        if reason := encoder.suits_array(columns):
            return encoder.make_inferred(), reason
    # The columns of one dtype mostly come from one 2-D array, so the first stands for all.
    firsts = np.flatnonzero(~columns.dtypes.astype(str).duplicated())
    asked = [(columns.columns[i], *_ask_encoders(columns.iloc[:, i])) for i in firsts]
    measured = [entry for i, entry in zip(firsts, asked, strict=True) if is_float_dtype(columns.dtypes.iloc[i])]
    # Whole numbers may stand beside categories, and truth values beside numbers. Measurements are no categories.
    worded = [entry for i, entry in zip(firsts, asked, strict=True) if not is_numeric_dtype(columns.dtypes.iloc[i])]
    if measured and worded:
        raise InputMismatchError(
            f"Input {name!r}: one entry of a dict is one input, but column {measured[0][0]!r} holds {measured[0][2]} "
            f"and column {worded[0][0]!r} {worded[0][2]}. Give each an entry of its own, or X as one DataFrame."
        )
    return (measured or asked)[0][1:]


def encoder_name(encoder):
    """Return the name of an encoder for the plan: its class, or the string that stands for it."""
    if encoder is None:
        return "dropped"
    return encoder if isinstance(encoder, str) else type(encoder).__name__


def _plan_table(rows):
    """Return the plan as a frame."""
    return RoutingTable(rows, columns=["column", "input", "encoder", "reason"])


class RoutingTable(pd.DataFrame):
    """The plan of a router: a DataFrame that shows all of its cells, wrapped to the width of the terminal.

    Whatever is made of it (rows, columns, groups) is a plain DataFrame. Pickles and saved files hold lists of its
    cells.
    """

    def __repr__(self):
        # pandas would cut this table to the columns that fit into a line.
        if self.empty:
            return super().__repr__()
        return text_table(self.columns, self.itertuples(index=False), width=terminal_width())

    def _repr_html_(self):
        with pd.option_context("display.max_colwidth", None, "display.max_rows", None):
            return super()._repr_html_()


def explicit_plan(routes, table):
    """Return the plan of inputs that the user named.

    Parameters
    ----------
    routes : list of tuple (str, encoder or str, sequence of column labels)
        The inputs, with those whose encoder is "drop".
    table : DataFrame or dict
        Training rows.

    Returns
    -------
    DataFrame with columns column, input, encoder, reason
        One row for each use of a column, and one for each column that is not used.
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


def _choose_encoder(column, kind):
    """Return the encoder of a column and the reason for it, or (None, reason) if the column is dropped."""
    if kind is not None:
        return _encoder_of_kind(column, kind)
    if (reason := _says_nothing(column)) is not None:
        return None, reason
    encoder, reason = _ask_encoders(column)
    # The last encoder takes what no other would. From words that all differ it could learn nothing.
    if type(encoder) is ENCODERS[-1] and (different := _count_ids(column)):
        encoder, reason = None, f"{_AN_ID}: {different} different values in {column.notna().sum()} rows"
    noticed = hint(column)
    return encoder, f"{reason}; {noticed}" if noticed else reason


def _ask_encoders(column):
    """Return the first encoder that would take the column and the reason that it states, or None and what was found."""
    for encoder in ENCODERS:
        reason = encoder.suits(column)
        if reason:
            return encoder.make_inferred(), reason
    found = sorted({type(cell).__name__ for cell in column.dropna()})
    return None, f"no encoder takes cells of type {', '.join(found)} (dtype {column.dtype})"


def _encoder_of_kind(column, kind):
    """Return the encoder for a kind that the user named, or for the encoder itself, and the reason "given"."""
    if not isinstance(kind, str):
        return kind, "given"
    if kind == "drop":
        return None, "given"
    candidates = _encoders_of(kind)
    # Several encoders may make one kind: numbers and dates are vectors.
    suited = [encoder for encoder in candidates if encoder.suits(column)]
    if suited:
        return suited[0].make_inferred(), f"given: {kind}"
    # If none suits, the user's word stands, and the encoder reports the cells that do not fit.
    encoder = candidates[0].make_inferred()
    strict = {"on_odd": "raise"} if "on_odd" in encoder.get_params(deep=False) else {}
    return encoder.set_params(**strict), f"given: {kind}"


def _encoder_of_entry(columns, kind):
    """Return the encoder for the kind that the user named for an entry of a dict of arrays, and the reason "given"."""
    if not isinstance(columns, pd.DataFrame):
        return _encoder_of_kind(columns, kind)
    readers = [encoder for encoder in _encoders_of(kind) if encoder.reads_blocks]
    if readers and columns.shape[1] > 1:
        return readers[0].make_inferred(), f"given: {kind}"
    return _encoder_of_kind(columns.iloc[:, 0], kind)


def _encoders_of(kind):
    """Return the encoders that make a kind, or none for what is no kind."""
    return [encoder for encoder in ENCODERS if isinstance(kind, str) and kind in encoder.default_branch.reads]


def _check_kinds(kinds, columns):
    """Refuse `kinds` with columns that X does not have, or with kinds that no encoder makes."""
    known = {kind for encoder in ENCODERS for kind in encoder.default_branch.reads} | {"drop"}
    # "number" and "date" are no kinds; the names of the encoders lead to theirs.
    makers = {kind: ", ".join(encoder.__name__ for encoder in _encoders_of(kind)) for kind in sorted(known)}
    for label, kind in kinds.items():
        if label not in columns:
            raise ValueError(f"`kinds` names column {label!r}, which X does not have.{closest_match(label, columns)}")
        if isinstance(kind, str) and kind not in known:
            raise ValueError(
                f"`kinds` wants {kind!r} for column {label!r}; there are "
                f"{', '.join(f'{own!r} ({names})' if names else repr(own) for own, names in makers.items())}."
                f"{closest_match(kind, known)}"
            )
        if not isinstance(kind, str) and not (hasattr(kind, "fit") and hasattr(kind, "transform")):
            raise TypeError(f"`kinds` wants {kind!r} for column {label!r}; give a kind, 'drop' or an encoder.")
        if isinstance(kind, type):
            raise TypeError(
                f"`kinds` wants the class {kind.__name__} for column {label!r}; give an encoder: {kind.__name__}()."
            )


def _says_nothing(column):
    """Return why a column cannot help, since it is empty or constant, or None if it may help."""
    known = column.dropna()
    if not len(known):
        return "empty"
    # Two cells that differ show that a column is not constant. The first rows hold such cells in nearly every column.
    if _count_different(known.iloc[:PROBE_ROWS]) > 1:
        return None
    # A value that is there or missing is not constant: that it is missing may mean something.
    if _count_different(known) == 1 and len(known) == len(column) > 1:
        return f"constant: {shorten(repr(known.iloc[[0]].tolist()[0]), 60)}"
    return None


def _count_different(cells):
    """Return the number of different values, or 0 for cells that cannot be compared, such as arrays."""
    # Bytes are whole files. To compare them would mean hashing all of them.
    if isinstance(cells.iloc[0], dict | list | tuple | set | frozenset):
        return cells.map(repr).nunique()
    if not pd.api.types.is_scalar(cells.iloc[0]) or isinstance(cells.iloc[0], bytes):
        return 0
    try:
        return cells.nunique()
    except TypeError:
        # Lists among cells that can be compared.
        return cells.map(repr).nunique()


def _count_ids(column):
    """Return the number of different values if nearly every row has its own, else 0."""
    known = column.dropna()
    different = _count_different(known) if len(known) >= ID_ROWS else 0
    return different if different >= ID_SHARE * len(known) else 0


def _make_safe_name(label, taken):
    """Return an input's name made from a column's label: safe in names of Keras layers, and not in `taken`."""
    # The label ("a", "x") of a frame with several levels becomes a_x.
    text = label if isinstance(label, str) else re.sub("[()']", "", str(label))
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    # All other characters in a row become one "_", so that "__", which addresses parameters, never occurs.
    base = re.sub("[^A-Za-z0-9.-]+", "_", ascii_text).strip("_-") or "column"
    name, count = base, 1
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    return name
