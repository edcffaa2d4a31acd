"""A pydantic model of a row, made of the columns of a fitted estimator: what a web server checks before it predicts."""

import keyword
from typing import Annotated, Any

from sklearn.utils.validation import check_is_fitted

from ..errors import closest_match, shorten
from ..router import InputRouter


def records_schema(estimator, *, name="Row"):
    """Make a pydantic model of a row that a fitted estimator predicts from.

    Use it as the type of a request in FastAPI or another server: rows that the estimator would
    refuse are refused with the name of the column, and the server's documentation shows the columns.

    Parameters
    ----------
    estimator : MultiInputClassifier, MultiInputRegressor or InputRouter
        A fitted estimator, or a fitted router.
    name : str
        Name of the model.

    Returns
    -------
    type
        A subclass of ``pydantic.BaseModel`` with a field for each column that some input reads. The
        type of a field is that of the training cells: a number, a truth value, a text, a date as
        text in ISO order, a list, a dict, or an image file's content as text in base64 or as a
        ``data:`` URI. A field may be null or left out if training cells were missing. Other fields
        are refused. The method ``record()`` of a row returns a dict that ``predict`` takes.

    Raises
    ------
    ImportError
        If pydantic is not installed.
    TypeError
        If the estimator reads arrays that were encoded elsewhere, and so has no columns.

    Notes
    -----
    Columns whose names are no identifiers have an alias: JSON has the column's name, and Python
    ``column_<number>``. Paths of files are refused, as whoever sends a row must not read the files of
    the server. Infinity and NaN are refused, too: JSON has null.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmulti import InputRouter, records_schema
    >>> frame = pd.DataFrame({"age": [20, 40], "home town": ["Rome", "Oslo"]})
    >>> Row = records_schema(InputRouter().fit(frame))
    >>> Row.model_validate({"age": 30, "home town": "Rome"}).record()
    {'age': 30.0, 'home town': 'Rome'}

    A wrong cell is refused, and the error names its column:

    >>> from pydantic import ValidationError
    >>> try:
    ...     Row.model_validate({"age": "thirty", "home town": "Rome"})
    ... except ValidationError as error:
    ...     print(error.errors()[0]["loc"], error.errors()[0]["msg"])
    ('age',) Input should be a valid number
    """
    pydantic = _import_pydantic()
    router = estimator if isinstance(estimator, InputRouter) else getattr(estimator, "router_", None)
    if router is None:
        check_is_fitted(estimator)
    if not isinstance(router, InputRouter):
        raise TypeError(
            f"records_schema makes a model of the columns that an InputRouter reads; {type(estimator).__name__} has a "
            f"{type(router).__name__}. Fit it on a table."
        )
    fields = router.column_fields()
    names = _field_names([field.label for field in fields], pydantic.BaseModel)
    base = _record_base(pydantic, dict(zip(names, (field.label for field in fields), strict=True)))
    definitions = {own: _definition(pydantic, field) for own, field in zip(names, fields, strict=True)}
    return pydantic.create_model(name, __base__=base, **definitions)


def _import_pydantic():
    try:
        import pydantic
    except ImportError as error:
        raise ImportError('records_schema needs pydantic: pip install "skmulti[serve]".') from error
    return pydantic


def _record_base(pydantic, labels):
    """Return the base class of a row's model; `labels` are the columns by the names of fields."""

    class Record(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="forbid", protected_namespaces=())

        def record(self):
            """Return the row as a dict of cells by column, for ``predict``."""
            return {label: getattr(self, name) for name, label in labels.items()}

        @pydantic.model_validator(mode="before")
        @classmethod
        def name_the_closest(cls, row):
            """Refuse a field that is no column, with the closest match, if another one is missing."""
            if not isinstance(row, dict):
                return row
            columns = list(map(str, labels.values()))
            unknown = [key for key in row if key not in columns]
            if unknown:
                match = closest_match(unknown[0], [column for column in columns if column not in row] or columns)
                raise ValueError(f"there is no column {shorten(repr(unknown[0]))}.{match}")
            return row

    return Record


def _field_names(labels, base):
    """Return a name for each column: its own if it is an identifier that is free, else one by its number."""
    names = []
    for i, label in enumerate(labels):
        is_name = isinstance(label, str) and label.isidentifier() and not keyword.iskeyword(label)
        free = is_name and not label.startswith(("_", "model_", "column_")) and not hasattr(base, label)
        # A row's own method.
        names.append(label if free and label != "record" else f"column_{i}")
    return names


def _definition(pydantic, field):
    """Return type and default of a field, as `pydantic.create_model` takes them."""
    kind = Annotated[_annotation(pydantic, field.schema), pydantic.AfterValidator(field.read)]
    details = {"alias": str(field.label), "examples": field.schema.get("examples")}
    extra = {key: field.schema[key] for key in ("format", "contentEncoding") if key in field.schema}
    if extra:
        details["json_schema_extra"] = extra
    if field.may_be_missing:
        return kind | None, pydantic.Field(default=None, **details)
    return kind, pydantic.Field(**details)


def _annotation(pydantic, schema):
    """Return the type of values of a JSON schema."""
    if "anyOf" in schema:
        kinds = [_annotation(pydantic, own) for own in schema["anyOf"]]
        joined = kinds[0]
        for kind in kinds[1:]:
            joined = joined | kind
        return joined
    if schema.get("type") == "array":
        # A list may have gaps.
        return list[_annotation(pydantic, schema["items"]) | None]
    # Strict: pydantic would else make numbers of texts and of truth values.
    return {
        "number": Annotated[float, pydantic.Field(strict=True, allow_inf_nan=False)],
        "boolean": pydantic.StrictBool,
        "string": pydantic.StrictStr,
        "object": dict[str, Any],
    }.get(schema.get("type"), Any)
