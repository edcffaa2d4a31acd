"""A catalogue of bad input: what users hand in by mistake, and the error or warning that tells them.

Each case prepares one call. It does something wrong, or something that deserves a warning, and states the class of
the error and words that its message must hold: what was found, where it stands, and the way out.

Run: python tests/bad_input_cases.py > docs/messages.md
"""

import contextlib
import copy
import datetime
import io
import os
import re
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import pandas as pd
import scipy.sparse
import tensorflow as tf
from PIL import Image
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.utils._param_validation import InvalidParameterError

from skmulti import (
    AttentionMerge,
    BackboneBranch,
    BranchMismatchError,
    CalendarEncoder,
    CategoryIndexer,
    DenseBranch,
    DenseHead,
    DroppedColumnsWarning,
    DroppedRowsWarning,
    EmbeddingBranch,
    IdsPadder,
    ImageBranch,
    ImageDecoder,
    InputMismatchError,
    InputRouter,
    MissingValuesWarning,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    OddCellsWarning,
    RecordVectorizer,
    SequenceBranch,
    SequencePadder,
    StagedMerge,
    TagsIndexer,
    TargetWarning,
    TextVectorizer,
    UnknownValuesWarning,
    UnmatchedFilesWarning,
    VectorStacker,
    load_files_frame,
    make_input_router,
    save,
)

N = 20
# So short a message is read to its end.
LONGEST = 600


@dataclass(frozen=True)
class Case:
    """What is done, and the error or warning that it must lead to.

    Parameters
    ----------
    subject, title : str
        Where the case stands on the page, and what is done.
    kind : type
        Exact class of the error or warning.
    words : tuple of str
        Pieces of the message.
    prepare : callable
        Returns the call as a partial, whose arguments the call must leave as they are.
    """

    subject: str
    title: str
    kind: type
    words: tuple
    prepare: Callable

    @property
    def is_warning(self):
        """Whether the call warns and goes on."""
        return issubclass(self.kind, Warning)


CASES = []
_subjects = []


def about(subject):
    """Begin a subject."""
    _subjects.append(subject)


def add(title, kind, prepare, *words):
    """Add a case to the present subject."""
    CASES.append(Case(_subjects[-1], title, kind, words, prepare))


# --- what the cases hand in


@cache
def folder():
    """Return a folder that lasts as long as the process."""
    _KEPT.append(tempfile.TemporaryDirectory())
    return Path(_KEPT[-1].name)


_KEPT = []


def rows(n=N, **columns):
    """Return a small table of a number and a category, with row labels that are no positions; `columns` replace."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"size": rng.normal(50, 9, n), "city": rng.choice(["Rome", "Oslo", "Bern"], n)}, index=range(100, 100 + n)
    )
    return frame.assign(**columns)


def wide():
    """Return a table with a column of every kind."""
    rng = np.random.default_rng(1)
    words = np.array(["warm", "cold", "wet", "dry", "old", "new", "far", "near"])
    columns = {
        "size": rng.normal(50, 9, N),
        "day": pd.date_range("2024-01-01", periods=N, freq="9D"),
        "note": [" ".join(rng.choice(words, 6)) for _ in range(N)],
        "photo": list(rng.integers(0, 255, (N, 8, 8, 3)).astype("uint8")),
        "trace": [rng.normal(size=k).tolist() for k in rng.integers(2, 7, N)],
        "emb": list(rng.normal(size=(N, 3))),
        "tags": [rng.choice(words, 2, replace=False).tolist() for _ in range(N)],
        "ids": [rng.integers(1, 8, k).tolist() for k in rng.integers(2, 5, N)],
        "record": [{"age": int(a), "job": "cook"} for a in rng.integers(20, 60, N)],
        "city": rng.choice(["Rome", "Oslo", "Bern"], N),
    }
    return pd.DataFrame({name: list(cells) for name, cells in columns.items()}, range(100, 100 + N))


def strict_router():
    """Return a router that names an encoder for every column of `wide`."""
    encoders = {
        "size": NumberScaler(),
        "day": CalendarEncoder(),
        "note": TextVectorizer(),
        "photo": ImageDecoder(size=(8, 8)),
        "trace": SequencePadder(),
        "emb": VectorStacker(),
        "tags": TagsIndexer(),
        "ids": IdsPadder(vocabulary_size=9),
        "record": RecordVectorizer(),
        "city": CategoryIndexer(),
    }
    return InputRouter([(name, encoder, name) for name, encoder in encoders.items()])


def of_size():
    """Return a router of one input of one number."""
    return InputRouter([("size", NumberScaler(add_indicator=False), ["size"])])


def labels(n=N):
    """Return two classes in turn."""
    return np.array(["no", "yes"] * n)[:n]


def numbers(n=N):
    """Return a target of numbers."""
    return np.linspace(-1, 1, n)


# A step that Python runs is slower than a compiled one, but not the first.
SHORT = {"epochs": 1, "random_state": 0, "compile__run_eagerly": True}


def new_classifier(router=None, **params):
    """Return an unfitted classifier of one epoch."""
    return MultiInputClassifier(router, **{**SHORT, "head": DenseHead((4,)), **params})


def new_regressor(router=None, **params):
    """Return an unfitted regressor of one epoch."""
    return MultiInputRegressor(router, **{**SHORT, "head": DenseHead((4,)), **params})


@cache
def classifier():
    """Return the fitted classifier that cases of predict ask; they do not change it."""
    return new_classifier().fit(rows(), labels())


@cache
def regressor():
    """Return the fitted regressor, whose X was an array without names."""
    return new_regressor().fit(rows()[["size"]].assign(other=np.arange(N) % 7 * 1.0).to_numpy(), numbers())


@cache
def router():
    """Return a fitted router that refuses odd cells."""
    return strict_router().fit(wide())


@cache
def lenient():
    """Return a fitted router that chose its encoders, and counts odd cells as missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return InputRouter().fit(wide())


def spoiled(column, *cells, at=3):
    """Return the wide table with other cells in a column, from row label 100 + `at` on."""
    frame = wide()
    values = frame[column].tolist()
    values[at : at + len(cells)] = cells
    frame[column] = pd.Series(values, index=frame.index, dtype=object)
    return frame


def transform(column, *cells):
    """Prepare the encoding of the wide table with other cells in a column."""
    return partial(router().transform, spoiled(column, *cells))


def predict(frame):
    """Prepare a prediction of the classifier."""
    return partial(classifier().predict, frame)


def fit(X, y=None, **params):
    """Prepare a fit of a new classifier."""
    return partial(new_classifier(**params).fit, X, labels(len(X)) if y is None else y)


def regress(X, y, **params):
    """Prepare a fit of a new regressor."""
    return partial(new_regressor(**params).fit, X, y)


def written(name, text):
    """Return the path of a new file with a text, or with bytes."""
    path = folder() / name
    path.write_bytes(text) if isinstance(text, bytes) else path.write_text(text, encoding="utf-8")
    return str(path)


def csv(name="table.csv", frame=None, **options):
    """Return the path of a CSV file of the small table and its label."""
    path = folder() / name
    (rows().assign(label=labels()) if frame is None else frame).to_csv(path, index=False, **options)
    return str(path)


def parquet(name, frame):
    """Return the path of a Parquet file."""
    frame.to_parquet(folder() / name)
    return str(folder() / name)


def batches(inputs=None, y=None):
    """Return a function that makes an iterator over one batch of encoded rows."""
    inputs = {"a": np.zeros((4, 2), "float32")} if inputs is None else inputs
    y = np.array([0, 1, 0, 1]) if y is None else y
    return lambda: iter([(inputs, y)])


def with_cell(values, position, cell):
    """Return values as a list in which one is replaced."""
    values = list(values)
    values[position] = cell
    return values


class Batches(keras.utils.PyDataset):
    """A PyDataset whose length forgets the last, short batch."""

    def __init__(self):
        super().__init__()
        self.arrays, self.labels = np.zeros((10, 2), "float32"), np.arange(10) % 2

    def __len__(self):
        return 2

    def __getitem__(self, index):
        part = slice(index * 4, index * 4 + 4)
        return {"a": self.arrays[part]}, self.labels[part]


def in_names(**arrays):
    """Return a tf.data.Dataset of one batch of four rows."""
    return tf.data.Dataset.from_tensor_slices((arrays, np.array([0, 1, 0, 1]))).batch(4)


def png():
    """Return the bytes of a small image."""
    stream = io.BytesIO()
    Image.new("RGB", (40, 40), (9, 90, 200)).save(stream, "PNG")
    return stream.getvalue()


def closed_image():
    """Return an image that was closed before it was read."""
    with Image.open(io.BytesIO(png())) as image:
        return image


def objects_file():
    """Return the path of a file of Python objects."""
    np.save(folder() / "objects.npy", np.array([{"a": 1}], dtype=object))
    return str(folder() / "objects.npy")


def empty_folder():
    """Return the path of a folder without files."""
    (folder() / "empty").mkdir(exist_ok=True)
    return str(folder() / "empty")


def unmatched_folder():
    """Return a folder in which one of two keys lacks a file."""
    path = folder() / "unmatched"
    path.mkdir(exist_ok=True)
    for key in (0, 1):
        (path / f"meta_{key}.json").write_text('{"place": "attic"}', encoding="utf-8")
    np.save(path / "trace_0.npy", np.zeros(3))
    return path


def two_inputs():
    """Return a router of two arrays."""
    return InputRouter([("a", NumberScaler(), "a"), ("b", NumberScaler(), "b")])


def continued():
    """Return a classifier after its first chunk."""
    return copy.deepcopy(classifier())


def warm(**params):
    """Return a fitted classifier whose next fit goes on."""
    return copy.deepcopy(classifier()).set_params(warm_start=True, **params)


@cache
def of_batches():
    """Return a classifier that was fitted on encoded batches of two inputs."""
    inputs = {"a": np.zeros((4, 2), "float32"), "b": np.ones((4, 1), "float32")}
    return new_classifier().fit(batches(inputs))


@cache
def of_ids():
    """Return a classifier that was fitted on encoded ids."""
    return new_classifier().fit(batches({"a": np.array([[1], [2], [3], [4]])}))


@cache
def of_dict():
    """Return a classifier that was fitted on a dict of arrays."""
    return new_classifier(two_inputs()).fit({"a": np.zeros((N, 2)), "b": np.ones(N)}, labels())


def save_by_reference(**branch):
    """Save an estimator of photos without the weights of its pretrained network."""
    est = new_classifier(branches={"photo": BackboneBranch(**branch)})
    save(est, folder() / "est.skmulti", backbone_weights=False)


def folder_of(name, **texts):
    """Return a new folder with a JSON file for each text."""
    path = folder() / name
    path.mkdir(exist_ok=True)
    for stem, text in texts.items():
        (path / f"{stem}.json").write_text(text, encoding="utf-8")
    return path


# --- the cases

about("Columns at predict")
add(
    "A column of fit is absent",
    InputMismatchError,
    lambda: predict(rows().drop(columns="city")),
    "column 'city'",
    "does not have",
)
add(
    "A column is written in another case",
    InputMismatchError,
    lambda: predict(rows().rename(columns={"city": "City"})),
    "'city'",
    "Did you mean 'City'?",
)
add(
    "A column is mistyped",
    InputMismatchError,
    lambda: predict(rows().rename(columns={"size": "sice"})),
    "'size'",
    "Did you mean 'sice'?",
)
add(
    "Two columns have one name",
    InputMismatchError,
    lambda: predict(pd.concat([rows(), rows()[["size"]]], axis=1)),
    "2 columns of X are named 'size'",
    "Rename them",
)
add(
    "An array, where fit saw names", UserWarning, lambda: predict(np.zeros((3, 2))), "does not have valid feature names"
)
add("A Series that is a row", InputMismatchError, lambda: predict(rows().iloc[0]), "Series named 100", "X.iloc[[0]]")
add(
    "A Series that is a column",
    InputMismatchError,
    lambda: predict(rows()["size"]),
    "Series named 'size'",
    "X.to_frame()",
)
add("No rows", InputMismatchError, lambda: predict(rows().iloc[:0]), "0 sample(s)", "minimum of 1")
add("No columns", InputMismatchError, lambda: predict(rows()[[]]), "0 features")
add("A dict of one row that lacks a column", InputMismatchError, lambda: predict({"size": 3.0}), "'city'", "None")
add(
    "A list of dicts, of which one lacks a key",
    InputMismatchError,
    lambda: predict([{"size": 3.0, "city": "Rome"}, {"size": 3.0}]),
    "X[1]",
    "'city'",
    "None",
)
add(
    "A list of dicts and a list",
    InputMismatchError,
    lambda: predict([{"size": 3.0, "city": "Rome"}, [3.0, "Oslo"]]),
    "X[1]",
    "list",
    "Give a dict for each row",
)
add(
    "A web address instead of a table",
    InputMismatchError,
    lambda: predict("https://example.com/rows.csv"),
    "'https://example.com/rows.csv'",
    "pd.read_csv",
)
add("None instead of a table", InputMismatchError, lambda: predict(None), "NoneType", "Give a table")
add("A number instead of a table", InputMismatchError, lambda: predict(3.5), "float", "Give a table")
add("A sparse matrix", TypeError, lambda: predict(scipy.sparse.eye(3, format="csr")), "toarray()")
add(
    "Three columns of an array, where fit saw two",
    InputMismatchError,
    lambda: partial(regressor().predict, np.zeros((4, 3))),
    "3 features",
    "expecting 2",
)
add(
    "One column of an array, where fit saw two",
    InputMismatchError,
    lambda: partial(regressor().predict, np.zeros((4, 1))),
    "1 features",
    "expecting 2",
)
add(
    "An array of one dimension",
    InputMismatchError,
    lambda: partial(regressor().predict, np.zeros(4)),
    "(4,)",
    "reshape(-1, 1)",
)
add(
    "An array of three dimensions",
    InputMismatchError,
    lambda: partial(regressor().predict, np.zeros((4, 2, 2))),
    "(4, 2, 2)",
    "Give a table",
)
add(
    "An array of complex numbers",
    ValueError,
    lambda: partial(regressor().predict, np.zeros((4, 2), complex)),
    "Complex",
    "complex128",
)
add(
    "A list of rows of different lengths",
    InputMismatchError,
    lambda: partial(regressor().predict, [[1.0, 2.0], [3.0]]),
    "rows have 1 to 2 cells",
    "None",
)
add(
    "A frame with names, where fit saw an array",
    UserWarning,
    lambda: partial(regressor().predict, pd.DataFrame({"a": [1.0], "b": [2.0]})),
    "X has feature names",
    "without feature names",
)
add(
    "Infinity in an array",
    InputMismatchError,
    lambda: partial(regressor().predict, np.array([[1.0, 2.0], [np.inf, 3.0]])),
    "infinity",
    "position 1: inf",
    "np.nan",
)
add(
    "A missing number, where fit saw none",
    MissingValuesWarning,
    lambda: predict(rows(size=with_cell(rows()["size"], 4, np.nan))),
    "'size'",
    "104",
)
add(
    "A missing category, where fit saw none",
    MissingValuesWarning,
    lambda: predict(rows(city=with_cell(rows()["city"], 2, None))),
    "'city'",
    "102",
)
add(
    "Categories of which fit saw none",
    UnknownValuesWarning,
    lambda: predict(rows(city=["Paris", "Lyon"] * 10)),
    "'city'",
    "20 of 20",
    "did not see",
)
add(
    "A word among numbers",
    OddCellsWarning,
    lambda: predict(rows(size=with_cell(rows()["size"], 5, "n/a"))),
    "'size'",
    "1 of 20",
    "105",
    "'n/a'",
)
add(
    "Words in a column that held numbers",
    InputMismatchError,
    lambda: predict(rows(size=["big"] * N)),
    "'size'",
    "20 of 20",
    "100",
    "'big'",
)
add(
    "Infinity in a frame",
    InputMismatchError,
    lambda: predict(rows(size=with_cell(rows()["size"], 5, np.inf))),
    "'size'",
    "105",
    "inf",
    "np.nan",
)
add(
    "Infinity in predict_proba of a single row",
    InputMismatchError,
    lambda: partial(classifier().predict_proba, rows(1, size=[np.inf])),
    "'size'",
    "100",
    "inf",
)
add("X of score has more rows than y", ValueError, lambda: partial(classifier().score, rows(), labels(5)), "20", "5")
add(
    "batch_size as an argument of predict",
    TypeError,
    lambda: partial(classifier().predict, rows(), batch_size=8),
    "'batch_size'",
    "predict__batch_size",
)
add("score without y", ValueError, lambda: partial(classifier().score, rows()), "requires y")
add(
    "A function that returns nothing",
    InputMismatchError,
    lambda: predict(lambda: None),
    "NoneType",
    "iterator of DataFrames or batches",
)
add(
    "Columns with names of two levels",
    InputMismatchError,
    lambda: predict(rows().set_axis(pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]), axis=1)),
    "'size'",
)
add("A file that does not exist", InputMismatchError, lambda: predict("gone.parquet"), "'gone.parquet'")

about("Cells: numbers")
add(
    "A word among numbers",
    InputMismatchError,
    lambda: transform("size", "big"),
    "Input 'size'",
    "1 of 20 cells",
    "103",
    "'big' (type str)",
    "pd.to_numeric",
)
add(
    "Several words among numbers",
    InputMismatchError,
    lambda: transform("size", "a", "b"),
    "2 of 20 cells",
    "103",
    "'a'",
)
add(
    "A list among numbers", InputMismatchError, lambda: transform("size", [1, 2]), "'size'", "103", "[1, 2] (type list)"
)
add("A dict among numbers", InputMismatchError, lambda: transform("size", {"a": 1}), "103", "(type dict)")
add(
    "A date among numbers",
    InputMismatchError,
    lambda: transform("size", pd.Timestamp("2024-01-01")),
    "103",
    "Timestamp",
)
add("Infinity", InputMismatchError, lambda: transform("size", -np.inf), "103", "-inf", "np.nan")
add("A complex number", InputMismatchError, lambda: transform("size", 1j), "'size'", "1j")
add("A number beyond the largest float", InputMismatchError, lambda: transform("size", 10**400), "'size'", "103")
add(
    "A long text among numbers is cut in the middle",
    InputMismatchError,
    lambda: transform("size", "x" * 500),
    "103",
    "...",
)
add(
    "Dates in a column of numbers",
    InputMismatchError,
    lambda: partial(router().transform, wide().assign(size=wide()["day"])),
    "'size'",
    "20 of 20",
)

about("Cells: dates")
add(
    "A word among dates",
    InputMismatchError,
    lambda: transform("day", "unknown"),
    "'day'",
    "1 of 20 cells",
    "103",
    "'unknown' (type str)",
)
add(
    "A day that does not exist",
    InputMismatchError,
    lambda: transform("day", "2024-02-31"),
    "'day'",
    "103",
    "'2024-02-31'",
)
add(
    "A number among dates",
    InputMismatchError,
    lambda: transform("day", 20240101),
    "'day'",
    "103",
    "20240101 (type int)",
)
add("A list among dates", InputMismatchError, lambda: transform("day", ["2024-01-01"]), "'day'", "103", "(type list)")
add(
    "A duration among dates",
    InputMismatchError,
    lambda: transform("day", datetime.timedelta(1)),
    "'day'",
    "103",
    "timedelta",
)
add(
    "Numbers in a column of dates",
    InputMismatchError,
    lambda: partial(router().transform, wide().assign(day=range(N))),
    "'day'",
    "100",
    "0",
)

about("Cells: texts")
add(
    "A number among texts",
    InputMismatchError,
    lambda: transform("note", 2012),
    "'note'",
    "1 of 20 cells",
    "103",
    "2012 (type int)",
    "astype('string')",
)
add("A list among texts", InputMismatchError, lambda: transform("note", ["a", "b"]), "'note'", "103", "(type list)")
add(
    "Bytes among texts",
    InputMismatchError,
    lambda: transform("note", b"warm"),
    "'note'",
    "103",
    "b'warm' (type bytes)",
    "decode",
)
add(
    "A dict among texts",
    InputMismatchError,
    lambda: transform("note", {"text": "warm"}),
    "'note'",
    "103",
    "(type dict)",
)
add(
    "A column of numbers as text",
    InputMismatchError,
    lambda: partial(router().transform, wide().assign(note=1.5)),
    "'note'",
    "20 of 20",
    "1.5 (type float)",
)
add(
    "A column of numbers fitted as text",
    InputMismatchError,
    lambda: partial(TextVectorizer().fit, rows()["size"]),
    "'size'",
    "20 of 20",
)

about("Cells: images")
add(
    "A file that does not exist",
    InputMismatchError,
    lambda: transform("photo", "gone.png"),
    "'photo'",
    "103",
    "'gone.png'",
    "file not found",
    "on_error",
)
add(
    "A web address",
    InputMismatchError,
    lambda: transform("photo", "https://example.com/cat.jpg"),
    "'photo'",
    "103",
    "web address",
    "download",
)
add(
    "A file that is no image",
    InputMismatchError,
    lambda: transform("photo", written("page.jpg", "<html>not found</html>")),
    "'photo'",
    "103",
    "web page",
)
add(
    "A file that is cut off",
    InputMismatchError,
    lambda: transform("photo", written("cut.png", png()[:60])),
    "'photo'",
    "103",
    "cut.png",
)
add(
    "An empty file",
    InputMismatchError,
    lambda: transform("photo", written("empty.png", "")),
    "'photo'",
    "103",
    "(not an image: it is empty)",
)
add("A folder", InputMismatchError, lambda: transform("photo", str(folder())), "'photo'", "103")
add("An array of one dimension", InputMismatchError, lambda: transform("photo", np.zeros(5)), "'photo'", "103", "(5,)")
add(
    "An array of nine channels",
    InputMismatchError,
    lambda: transform("photo", np.zeros((30, 30, 9))),
    "'photo'",
    "103",
    "(30, 30, 9)",
    "channels",
)
add(
    "Floats beyond 0 to 1",
    InputMismatchError,
    lambda: transform("photo", np.full((8, 8, 3), 300.0)),
    "'photo'",
    "103",
    "0-1",
)
add("A number", InputMismatchError, lambda: transform("photo", 7), "'photo'", "103", "7")
add(
    "A closed image",
    InputMismatchError,
    lambda: transform("photo", closed_image()),
    "'photo'",
    "103",
    "closed",
    "load()",
)
add(
    "Bytes that are no image",
    InputMismatchError,
    lambda: transform("photo", b"abc"),
    "'photo'",
    "103",
    "bytes of length 3",
)
add(
    "No image can be read at fit",
    InputMismatchError,
    lambda: partial(ImageDecoder(on_error="missing").fit, pd.Series(["gone.png"] * 3, name="photo")),
    "'photo'",
    "3 of 3",
    "nothing to learn from",
)

about("Cells: sequences and vectors")
add(
    "A number among sequences",
    InputMismatchError,
    lambda: transform("trace", 4.5),
    "'trace'",
    "1 of 20",
    "103",
    "4.5",
    "Give lists",
)
add(
    "Words in a sequence",
    InputMismatchError,
    lambda: transform("trace", ["a", "b"]),
    "'trace'",
    "103",
    "['a', 'b'] (type list) holds text",
)
add(
    "Steps of two numbers, where fit saw one",
    InputMismatchError,
    lambda: transform("trace", [[1, 2], [3, 4]]),
    "'trace'",
    "103",
    "1 number a step",
)
add(
    "Steps of different lengths",
    InputMismatchError,
    lambda: transform("trace", [[1, 2], [3]]),
    "'trace'",
    "103",
    "different lengths",
)
add(
    "An array of three dimensions",
    InputMismatchError,
    lambda: transform("trace", np.zeros((2, 2, 2))),
    "'trace'",
    "103",
    "(2, 2, 2)",
)
add(
    "Infinity in a sequence",
    InputMismatchError,
    lambda: transform("trace", [1.0, np.inf]),
    "'trace'",
    "103",
    "infinity",
)
add(
    "A file of a sequence that does not exist",
    InputMismatchError,
    lambda: transform("trace", "gone.npy"),
    "'trace'",
    "103",
    "'gone.npy'",
    "file not found",
)
add(
    "A file of Python objects",
    InputMismatchError,
    lambda: transform("trace", objects_file()),
    "'trace'",
    "103",
    "pickle",
)
add(
    "A file that is no array",
    InputMismatchError,
    lambda: transform("trace", written("text.npy", "1, 2")),
    "'trace'",
    "103",
    "no .npy file",
)
add(
    "Complex numbers in a sequence",
    InputMismatchError,
    lambda: transform("trace", np.array([1j, 2])),
    "'trace'",
    "103",
    "complex numbers",
)
add(
    "A vector that is too short",
    InputMismatchError,
    lambda: transform("emb", [1.0, 2.0]),
    "'emb'",
    "1 of 20",
    "103",
    "3",
)
add(
    "A vector that is too long",
    InputMismatchError,
    lambda: transform("emb", np.zeros(4)),
    "'emb'",
    "103",
    "array([0., 0., 0., 0.])",
)
add("A number among vectors", InputMismatchError, lambda: transform("emb", 1.0), "'emb'", "103", "1.0")
add("Words among vectors", InputMismatchError, lambda: transform("emb", "far"), "'emb'", "103", "'far'")
add("Infinity in a vector", InputMismatchError, lambda: transform("emb", [1.0, np.inf, 0.0]), "'emb'", "103", "inf")
add(
    "Vectors of another length than at fit",
    InputMismatchError,
    lambda: partial(router().transform, wide().assign(emb=list(np.zeros((N, 5))))),
    "'emb'",
    "20 of 20",
    "3",
)
add(
    "Shape asks for other columns than there are",
    InputMismatchError,
    lambda: partial(SequencePadder(shape=(2, 3)).fit, pd.DataFrame(np.zeros((4, 4)), columns=list("abcd"))),
    "needs 6 columns",
    "got 4",
    "'a', 'b', 'c', 'd'",
)
add(
    "A number among vectors of a table without a router",
    OddCellsWarning,
    lambda: partial(lenient().transform, spoiled("emb", 1.0)),
    "'emb'",
    "103",
    "1.0",
)
add(
    "A short vector in a table without a router",
    OddCellsWarning,
    lambda: partial(lenient().transform, spoiled("emb", [1.0])),
    "'emb'",
    "103",
)

about("Cells: tags, token ids, records and categories")
add(
    "A number among lists of tags",
    InputMismatchError,
    lambda: transform("tags", 7),
    "'tags'",
    "1 of 20",
    "103",
    "7 (type int)",
)
add("A list within a list of tags", InputMismatchError, lambda: transform("tags", [["a"], "b"]), "'tags'", "103")
add("A dict among lists of tags", InputMismatchError, lambda: transform("tags", {"a": {}}), "'tags'", "103", "dict")
add("A word among token ids", InputMismatchError, lambda: transform("ids", "warm"), "'ids'", "1 of 20", "103", "'warm'")
add(
    "A token id beyond the vocabulary",
    InputMismatchError,
    lambda: transform("ids", [1, 9]),
    "'ids'",
    "0 to 8",
    "103",
    "[1, 9]",
)
add("A negative token id", InputMismatchError, lambda: transform("ids", [1, -1]), "'ids'", "103", "[1, -1]")
add("A token id that is no whole number", InputMismatchError, lambda: transform("ids", [1, 2.5]), "'ids'", "103", "2.5")
add(
    "A list among records",
    InputMismatchError,
    lambda: transform("record", [1, 2]),
    "'record'",
    "103",
    "[1, 2] (type list)",
)
add("A word among records", InputMismatchError, lambda: transform("record", "cook"), "'record'", "103", "'cook'")
add("A list among categories", InputMismatchError, lambda: transform("city", ["Rome"]), "'city'", "103", "['Rome']")
add("A dict among categories", InputMismatchError, lambda: transform("city", {"name": "Rome"}), "'city'", "103", "dict")
add("An array among categories", InputMismatchError, lambda: transform("city", np.zeros(3)), "'city'", "103")
add(
    "Categories given twice",
    ValueError,
    lambda: partial(CategoryIndexer(categories=[["Rome", "Rome"]]).fit, rows()[["city"]]),
    "'city'",
    "'Rome' twice",
)
add(
    "Categories of more columns than there are",
    ValueError,
    lambda: partial(CategoryIndexer(categories=[["a"], ["b"]]).fit, rows()[["city"]]),
    "lists 2 columns",
    "has 1",
)
add(
    "A word among dates, images and tags of a table without a router",
    OddCellsWarning,
    lambda: partial(lenient().transform, spoiled("day", "unknown").assign(tags=spoiled("tags", 7)["tags"])),
    "'day'",
    "'tags'",
    "103",
)

about("Columns at fit")
add("Only a constant column", InputMismatchError, lambda: fit(rows()[["size"]] * 0 + 1), "'size'", "constant: 1")
add("Only an empty column", InputMismatchError, lambda: fit(pd.DataFrame({"gap": [None] * N})), "'gap'", "empty")
add(
    "Cells that no encoder reads",
    InputMismatchError,
    lambda: fit(pd.DataFrame({"thing": [object() for _ in range(N)]})),
    "'thing'",
    "object",
)
add(
    "A column that no encoder reads beside others",
    DroppedColumnsWarning,
    lambda: partial(InputRouter().fit, rows(thing=[object() for _ in range(N)])),
    "'thing'",
    "object",
    "'drop'",
)
add(
    "A column of ids beside others",
    DroppedColumnsWarning,
    lambda: partial(InputRouter().fit, rows(who=[f"u{i * 7919 % 1000}" for i in range(N)])),
    "'who'",
    "20 different values",
    "'category'",
)
add(
    "Infinity in a column of numbers",
    InputMismatchError,
    lambda: partial(InputRouter().fit, rows(size=with_cell(rows()["size"], 5, np.inf))),
    "'size'",
    "105",
    "inf",
)
add(
    "A column of complex numbers",
    DroppedColumnsWarning,
    lambda: partial(InputRouter().fit, rows(size=numbers() * 1j)),
    "'size'",
    "complex128",
)
add("No rows", InputMismatchError, lambda: fit(rows().iloc[:0], labels(0)), "0 sample(s)")
add("No columns", InputMismatchError, lambda: fit(rows()[[]]), "0 feature(s)")
add(
    "A dict of arrays of different lengths",
    InputMismatchError,
    lambda: fit({"a": np.zeros((N, 2)), "b": np.zeros((3, 2))}, labels()),
    "'a' has 20 rows",
    "'b' has 3",
)
add(
    "A dict with a number for an array",
    InputMismatchError,
    lambda: fit({"a": np.zeros((N, 2)), "b": 5}, labels()),
    "Input 'b'",
    "5",
    "int",
)
add(
    "A dict with a list of batches",
    InputMismatchError,
    lambda: fit({"a": [np.zeros((10, 2))] * 2}, labels()),
    "Input 'a'",
    "list of 2 arrays of 10 rows",
    "20 rows",
    "concatenate",
)
add(
    "A dict with a sparse matrix",
    TypeError,
    lambda: fit({"a": scipy.sparse.eye(N, format="csr")}, labels()),
    "Input 'a'",
    "toarray()",
)
add(
    "A list of arrays for one router of two inputs",
    InputMismatchError,
    lambda: fit([np.zeros((N, 2))], labels(), router=two_inputs()),
    "1 array,",
    "2 inputs",
)
add(
    "A column of functions beside others",
    DroppedColumnsWarning,
    lambda: partial(InputRouter().fit, rows(tool=[len, max] * 10)),
    "'tool'",
    "builtin_function_or_method",
)
add(
    "A column of cells of four types beside others",
    DroppedColumnsWarning,
    lambda: partial(InputRouter().fit, rows(thing=[[1], "a", {"b": 1}, 3.0] * 5)),
    "'thing'",
    "dict, float, list, str",
)
add(
    "A list of paths of which one does not exist",
    InputMismatchError,
    lambda: partial(new_classifier().fit, ["gone.csv"], "label"),
    "'gone.csv'",
)

about("Targets")
add("No y", ValueError, lambda: partial(new_classifier().fit, rows()), "y")
add("y is shorter than X", InputMismatchError, lambda: fit(rows(), labels(7)), "20", "7")
add(
    "The name of a column, for a table in memory",
    InputMismatchError,
    lambda: fit(rows(label=labels()), "label"),
    "'label'",
    "X.drop(columns='label')",
)
add(
    "A missing label",
    ValueError,
    lambda: fit(rows(), pd.Series(with_cell(labels(), 3, None), index=rows().index)),
    "1 of 20",
    "103",
)
add(
    "Labels of two types",
    ValueError,
    lambda: fit(rows(), np.array(with_cell(labels().tolist(), 3, 7), dtype=object)),
    "int",
    "str",
    "astype(str)",
)
add("Labels that are fractions", ValueError, lambda: fit(rows(), numbers()), "continuous", "regression")
add("Lists of labels", ValueError, lambda: fit(rows(), [["a"], ["a", "b"]] * 10), "MultiLabelBinarizer")
add("A sparse y", TypeError, lambda: fit(rows(), scipy.sparse.eye(N, format="csr")), "toarray()")
add("y of three dimensions", ValueError, lambda: fit(rows(), np.zeros((N, 2, 2), int)), "(20, 2, 2)")
add(
    "A dict of targets",
    InputMismatchError,
    lambda: fit(rows(), {"a": labels(), "b": labels()}),
    "'a' and 'b'",
    "DataFrame",
)
add(
    "A one-hot y",
    TargetWarning,
    lambda: fit(rows(), np.eye(3, dtype=int)[np.arange(N) % 3]),
    "exactly one 1",
    "argmax(axis=1)",
)
add(
    "y is a column of X",
    TargetWarning,
    lambda: fit(rows(label=labels()), pd.Series(labels(), rows().index, name="label")),
    "'label'",
    "drop(columns='label')",
)
add(
    "y has the labels of X in another order",
    TargetWarning,
    lambda: fit(rows(), pd.Series(labels(), rows().index[::-1])),
    "100",
    "119",
    ".loc[X.index]",
)
add(
    "A missing number",
    ValueError,
    lambda: regress(rows(), with_cell(numbers(), 3, np.nan)),
    "NaN",
    "1 of 20",
    "position 3",
)
add(
    "Infinity in y",
    ValueError,
    lambda: regress(rows(), pd.Series(with_cell(numbers(), 3, np.inf), rows().index)),
    "infinity",
    "inf",
    "103",
)
add(
    "A word among numbers",
    ValueError,
    lambda: regress(rows(), with_cell(numbers(), 3, "high")),
    "'high'",
    "str",
    "position 3",
    "MultiInputClassifier",
)
add(
    "Dates as y of a regression",
    ValueError,
    lambda: regress(rows(), pd.Series(pd.date_range("2024", periods=N), rows().index)),
    "datetime64",
    "days",
)
add("Numbers that are too large", ValueError, lambda: regress(rows(), numbers() * 1e200), "1e+150", "divide")
add("Complex numbers", ValueError, lambda: regress(rows(), numbers() * 1j), "complex128")
add(
    "Another number of columns at score",
    ValueError,
    lambda: partial(regressor().score, np.zeros((4, 2)), np.zeros((4, 2))),
    "2",
)
add(
    "A label that fit did not see, at partial_fit",
    ValueError,
    lambda: partial(continued().partial_fit, rows(), ["maybe"] * N),
    "'maybe'",
    "'no' and 'yes'",
)
add("Intervals as labels", ValueError, lambda: fit(rows(), pd.cut(numbers(), 2)), "Interval", "astype(str)")
add("All numbers are missing", ValueError, lambda: regress(rows(), np.full(N, np.nan)), "20 of 20", "right column")
add(
    "classes of partial_fit that lack a label",
    ValueError,
    lambda: partial(new_classifier().partial_fit, rows(), labels(), ["no"]),
    "'yes'",
    "classes=[...]",
)
add(
    "predict_proba of a regressor",
    AttributeError,
    lambda: partial(getattr, regressor(), "predict_proba"),
    "'predict_proba'",
)

add(
    "A quarter of the row labels of y are others",
    TargetWarning,
    lambda: fit(rows(), pd.Series(labels(), index=range(105, 105 + N))),
    "5 of 20 row labels of y",
    "first 120",
    "X.index.intersection(y.index)",
)

about("Weights")
add("A weight too few", ValueError, lambda: partial(new_classifier().fit, rows(), labels(), np.ones(N - 1)), "19", "20")
add(
    "A missing weight",
    ValueError,
    lambda: partial(new_classifier().fit, rows(), labels(), np.array(with_cell(np.ones(N), 3, np.nan))),
    "sample_weight",
    "1 of 20",
    "3",
)
add(
    "An infinite weight",
    ValueError,
    lambda: partial(new_classifier().fit, rows(), labels(), np.array(with_cell(np.ones(N), 3, np.inf))),
    "sample_weight",
    "3",
)
add(
    "A negative weight",
    ValueError,
    lambda: partial(new_classifier().fit, rows(), labels(), np.array(with_cell(np.ones(N), 3, -1.0))),
    "`sample_weight`",
    "1 of 20",
    "-1.0 at position 3",
)
add("All weights are zero", ValueError, lambda: partial(new_classifier().fit, rows(), labels(), np.zeros(N)), "zero")
add(
    "Words as weights",
    ValueError,
    lambda: partial(new_classifier().fit, rows(), labels(), ["heavy"] * N),
    "sample_weight",
    "20 of 20",
    "'heavy'",
)
add(
    "The name of a column, for a table in memory",
    InputMismatchError,
    lambda: partial(new_classifier().fit, rows(), labels(), "size"),
    "'size'",
    "column itself",
)
add(
    "Weights of two columns",
    ValueError,
    lambda: partial(new_classifier().fit, rows(), labels(), np.ones((N, 2))),
    "1D array",
    "2D array",
)
add(
    "class_weight of a label that does not exist",
    ValueError,
    lambda: fit(rows(), class_weight={"yes": 1, "maybe": 2}),
    "'no'",
    "class_weight",
)
add(
    "class_weight that leaves no row",
    ValueError,
    lambda: fit(rows(), class_weight={"yes": 0, "no": 0}),
    "weight",
    "nothing to learn",
)
add(
    "class_weight as a list for one column",
    ValueError,
    lambda: fit(rows(), class_weight=[{"yes": 1}]),
    "class_weight",
    "without a list",
)
add(
    "A word that is no class_weight",
    InvalidParameterError,
    lambda: fit(rows(), class_weight="equal"),
    "'class_weight'",
    "'equal'",
    "'balanced'",
)
add(
    "A dict of weights",
    ValueError,
    lambda: partial(new_classifier().fit, rows(), labels(), {"yes": 2}),
    "sample_weight",
    "dict",
)
add(
    "Dates as weights",
    ValueError,
    lambda: partial(new_classifier().fit, rows(), labels(), pd.date_range("2024", periods=N)),
    "sample_weight",
    "datetime64",
)
add(
    "A negative class_weight",
    ValueError,
    lambda: fit(rows(), class_weight={"yes": -1, "no": 1}),
    "'yes'",
    "-1",
    "0 or more",
)
add(
    "A missing class_weight",
    ValueError,
    lambda: fit(rows(), class_weight={"yes": np.nan, "no": 1}),
    "'yes'",
    "nan",
    "finite",
)
add(
    "A word as class_weight",
    ValueError,
    lambda: fit(rows(), class_weight={"yes": "a", "no": 1}),
    "'yes'",
    "'a' of type str",
)

about("Validation rows")
add(
    "X_val without y_val",
    ValueError,
    lambda: partial(new_classifier().fit, rows(), labels(), X_val=rows()),
    "X_val and y_val",
)
add(
    "y_val without X_val",
    ValueError,
    lambda: partial(new_classifier().fit, rows(), labels(), y_val=labels()),
    "X_val and y_val",
)
add(
    "Weights of validation rows that are not given",
    ValueError,
    lambda: partial(new_classifier().fit, rows(), labels(), sample_weight_val=np.ones(N)),
    "sample_weight_val",
    "X_val",
)
add(
    "X_val lacks a column",
    InputMismatchError,
    lambda: partial(new_classifier().fit, rows(), labels(), X_val=rows()[["size"]], y_val=labels()),
    "'city'",
)
add(
    "y_val is shorter than X_val",
    InputMismatchError,
    lambda: partial(new_classifier().fit, rows(), labels(), X_val=rows(), y_val=labels(7)),
    "X_val",
    "20",
    "7",
)
add(
    "y_val holds an unknown label",
    ValueError,
    lambda: partial(new_classifier().fit, rows(), labels(), X_val=rows(), y_val=with_cell(labels(), 3, "maybe")),
    "y_val",
    "'maybe'",
    "'no' and 'yes'",
)
add(
    "A missing number in y_val",
    ValueError,
    lambda: partial(new_regressor().fit, rows(), numbers(), X_val=rows(), y_val=with_cell(numbers(), 3, np.nan)),
    "y_val",
    "position 3",
)
add(
    "A word in X_val",
    OddCellsWarning,
    lambda: partial(
        new_classifier().fit, rows(), labels(), X_val=rows(size=with_cell(rows()["size"], 5, "n/a")), y_val=labels()
    ),
    "X_val: ",
    "'size'",
    "105",
    "'n/a'",
)
add(
    "A missing number in X_val, where fit saw none",
    MissingValuesWarning,
    lambda: partial(
        new_classifier().fit, rows(), labels(), X_val=rows(size=with_cell(rows()["size"], 5, None)), y_val=labels()
    ),
    "X_val: Input 'numbers' (column 'size')",
    "105",
)
add(
    "Categories in X_val of which fit saw none",
    UnknownValuesWarning,
    lambda: partial(new_classifier().fit, rows(), labels(), X_val=rows(city=["Paris", "Lyon"] * 10), y_val=labels()),
    "X_val: column 'city'",
    "'Paris', 'Lyon'",
)
add(
    "Keras' validation_data",
    TypeError,
    lambda: partial(new_classifier().fit, rows(), labels(), validation_data=(rows(), labels())),
    "'validation_data'",
    "X_val=..., y_val=...",
)
add(
    "Other libraries' eval_set",
    TypeError,
    lambda: partial(new_classifier().fit, rows(), labels(), eval_set=[(rows(), labels())]),
    "'eval_set'",
    "X_val",
)
add(
    "A share of one and a half",
    InvalidParameterError,
    lambda: fit(rows(), validation_fraction=1.5),
    "'validation_fraction'",
    "1.5",
)
add(
    "A figure of held-out rows without such rows",
    ValueError,
    lambda: fit(rows(), monitor="val_loss", early_stopping=True, validation_fraction=None),
    "'val_loss'",
    "validation_fraction",
)
add(
    "A figure that is mistyped",
    ValueError,
    lambda: fit(rows(), monitor="los", early_stopping=True, validation_fraction=None),
    "'los'",
    "Did you mean 'loss'?",
)
add(
    "X_val without rows",
    InputMismatchError,
    lambda: partial(new_classifier().fit, rows(), labels(), X_val=rows().iloc[:0], y_val=labels(0)),
    "X_val",
    "0 sample(s)",
)
add(
    "A number as X_val",
    InputMismatchError,
    lambda: partial(new_classifier().fit, rows(), labels(), X_val=5, y_val=labels()),
    "int",
    "Give a table",
)
add(
    "A file as X_val that does not exist",
    InputMismatchError,
    lambda: partial(new_classifier().fit, rows(), labels(), X_val="gone.csv", y_val="label"),
    "'gone.csv'",
)
add(
    "Weights of too few validation rows",
    ValueError,
    lambda: partial(new_classifier().fit, rows(), labels(), X_val=rows(), y_val=labels(), sample_weight_val=np.ones(3)),
    "3 weights",
    "20 rows of X_val",
)

about("Parameters of the estimators")
for name, value, *words in (
    ("epochs", 0, "'epochs'", "0"),
    ("epochs", "many", "'epochs'", "'many'"),
    ("batch_size", -1, "'batch_size'", "-1"),
    ("early_stopping", "yes", "'early_stopping'", "'yes'"),
    ("n_iter_no_change", 0, "'n_iter_no_change'", "0"),
    ("dtype", "float16", "'dtype'", "'float16'"),
    ("input_dropout", 1.5, "'input_dropout'", "1.5"),
    ("random_state", "seed", "'random_state'", "'seed'"),
    ("branches", [DenseBranch()], "'branches'", "dict"),
    ("head", "dense", "'head'", "'dense'"),
    ("router", "auto", "'router'", "'auto'"),
    ("optimizer", 5, "'optimizer'", "5"),
    ("warm_start", "no", "'warm_start'", "'no'"),
):
    add(
        f"{name}={value!r}"[:40],
        InvalidParameterError,
        partial(lambda name, value: fit(rows(), **{name: value}), name, value),
        *words,
    )
add(
    "A parameter that is mistyped",
    ValueError,
    lambda: partial(new_classifier().set_params, epoch=3),
    "'epoch'",
    "Did you mean 'epochs'?",
)
add(
    "A parameter that is mistyped, in the constructor",
    TypeError,
    lambda: partial(MultiInputClassifier, epoch=3),
    "epoch",
    "Did you mean 'epochs'",
)
for name, way in (
    ("validation_split", "`validation_fraction`"),
    ("build_fn", "`model`"),
    ("learning_rate", "`optimizer__learning_rate`"),
    ("hidden_layer_sizes", "`head__units`"),
    ("max_iter", "`epochs`"),
):
    add(
        f"{name} of another library, in the constructor",
        TypeError,
        partial(lambda name: partial(MultiInputClassifier, **{name: 0.1}), name),
        f"'{name}'",
        way,
    )
add(
    "memory= of a folder that cannot be written",
    NotADirectoryError,
    lambda: fit(rows(), memory=written("file.txt", "") + "/cache"),
    "file.txt",
    "Give another folder",
)
add("An optimizer that does not exist", ValueError, lambda: fit(rows(), optimizer="adamm"), "adamm")
add("A loss that does not exist", ValueError, lambda: fit(rows(), loss="mean_sqared"), "mean_sqared")
add("The base class of losses", TypeError, lambda: fit(rows(), loss=keras.losses.Loss()), "call()", "keras.losses")
add(
    "The base class of metrics",
    TypeError,
    lambda: fit(rows(), metrics=[keras.metrics.Metric()]),
    "update_state and result()",
    "keras.metrics",
)
add("A loss of numbers for classes", ValueError, lambda: fit(rows(), loss="hinge"), "'hinge'", "'binary_crossentropy'")
add(
    "A loss of classes for numbers",
    ValueError,
    lambda: regress(rows(), numbers(), loss="categorical_crossentropy"),
    "'categorical_crossentropy'",
    "'mse'",
)
add(
    "A loss of positive numbers for negative ones",
    ValueError,
    lambda: regress(rows(), numbers(), loss="poisson"),
    "'poisson'",
    "-1",
    "'mse'",
)
add(
    "A loss of two classes for three",
    ValueError,
    lambda: fit(rows(), np.arange(N) % 3, loss="binary_crossentropy"),
    "'binary_crossentropy'",
    "3",
    "'categorical_crossentropy'",
)
add("A metric that does not exist", ValueError, lambda: fit(rows(), metrics=["acuracy"]), "acuracy")
add(
    "A network instead of a function",
    TypeError,
    lambda: fit(rows(), model=keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])),
    "keras.Model",
    "clone_model",
)
add("A model that takes no target", TypeError, lambda: fit(rows(), model=lambda inputs: inputs), "f(inputs, target)")
add(
    "A model that returns nothing",
    BranchMismatchError,
    lambda: fit(rows(), model=lambda inputs, target: None),
    "None",
    "(batch, 1)",
)
add(
    "A parameter of fit that is one of the estimator",
    TypeError,
    lambda: partial(new_classifier().fit, rows(), labels(), epochs=3),
    "'epochs'",
    "set_params(epochs=...)",
)
add(
    "An argument of fit that does not exist",
    TypeError,
    lambda: partial(new_classifier().fit, rows(), labels(), sample_weights=None),
    "'sample_weights'",
    "Did you mean 'sample_weight'?",
)
add("callbacks=5", InvalidParameterError, lambda: fit(rows(), callbacks=5), "'callbacks'", "5")
add(
    "callbacks=['EarlyStopping']",
    TypeError,
    lambda: fit(rows(), callbacks=["EarlyStopping"]),
    "callbacks",
    "ReduceLROnPlateau",
)
add("The class of a head", TypeError, lambda: fit(rows(), head=DenseHead), "`head`", "DenseHead()")
add("The class of a router", TypeError, lambda: fit(rows(), router=InputRouter), "`router`", "InputRouter()")
add("A class that is no optimizer", TypeError, lambda: fit(rows(), optimizer=int), "`optimizer`", "int")
add(
    "A model of another width",
    BranchMismatchError,
    lambda: fit(rows(), model=lambda inputs, target: keras.layers.Dense(7)(inputs["numbers"])),
    "(None, 7)",
    "(batch, 1)",
)
add(
    "A rate of learning that is a word",
    ValueError,
    lambda: fit(rows(), optimizer__learning_rate="fast"),
    "learning_rate",
    "fast",
)

about("Routed parameters")
add(
    "Of an optimizer, mistyped",
    ValueError,
    lambda: fit(rows(), optimizer__learning_rat=0.1),
    "'learning_rat'",
    "Adam",
    "Did you mean 'learning_rate'?",
)
add(
    "Of a prefix that does not exist",
    ValueError,
    lambda: partial(new_classifier().set_params, optimiser__learning_rate=0.1),
    "optimiser",
)
add("fit__epochs", ValueError, lambda: fit(rows(), fit__epochs=3), "'fit__epochs'", "'epochs'")
add(
    "fit__validation_split",
    ValueError,
    lambda: fit(rows(), fit__validation_split=0.2),
    "'fit__validation_split'",
    "'validation_fraction'",
)
add(
    "predict__verbose",
    ValueError,
    lambda: fit(rows(), predict__verbose=1),
    "'predict__verbose'",
    "'predict__batch_size'",
)
add(
    "loss__from_logits",
    ValueError,
    lambda: fit(rows(), loss__from_logits=True),
    "loss__from_logits=True",
    "Leave it out",
)
add("Of a branch that is no input", ValueError, lambda: fit(rows(), branches__nowhere__units=(3,)), "nowhere")
add(
    "Of a branch, mistyped",
    ValueError,
    lambda: partial(new_classifier, branches={"city": EmbeddingBranch()}, branches__city__unitz=(3,)),
    "unitz",
    "units",
)
add(
    "Of a merge, mistyped",
    ValueError,
    lambda: partial(new_classifier, merge=AttentionMerge(), merge__unitz=3),
    "unitz",
    "Did you mean 'units'?",
)
add(
    "Of a head, mistyped",
    ValueError,
    lambda: partial(new_classifier().set_params, head__dropuot=0.5),
    "dropuot",
    "Did you mean 'dropout'?",
)
add(
    "Of the default router, mistyped",
    ValueError,
    lambda: partial(new_classifier, router__kind={"city": "text"}),
    "'kind'",
    "Did you mean 'kinds'?",
)
add(
    "Of an input that the router does not have",
    ValueError,
    lambda: partial(new_classifier(strict_router()).set_params, router__reviw__max_tokens=3),
    "reviw",
)

about("The router")
add(
    "The class of an encoder",
    TypeError,
    lambda: partial(InputRouter([("size", NumberScaler, ["size"])]).fit, rows()),
    "Input 'size'",
    "NumberScaler()",
    "class",
)
add(
    "Something that is no encoder",
    TypeError,
    lambda: partial(InputRouter([("size", 5, ["size"])]).fit, rows()),
    "Input 'size'",
    "5",
    "int",
)
add(
    "A name that is no earlier input",
    ValueError,
    lambda: partial(InputRouter([("home", CategoryIndexer(), "city"), ("away", "hom", "city")]).fit, rows()),
    "Input 'away'",
    "'hom'",
    "Did you mean 'home'?",
)
add(
    "Two inputs with one name",
    ValueError,
    lambda: partial(InputRouter([("a", NumberScaler(), ["size"]), ("a", CategoryIndexer(), "city")]).fit, rows()),
    "Two inputs are named 'a'",
)
add(
    "An input of two parts",
    ValueError,
    lambda: partial(InputRouter([("a", NumberScaler())]).fit, rows()),
    "(name, encoder, columns)",
)
add(
    "A name with two underscores",
    ValueError,
    lambda: partial(InputRouter([("a__b", NumberScaler(), ["size"])]).fit, rows()),
    "'a__b'",
    "'__'",
)
add(
    "A name that is a parameter",
    ValueError,
    lambda: partial(InputRouter([("kinds", NumberScaler(), ["size"])]).fit, rows()),
    "'kinds'",
)
add("No inputs", ValueError, lambda: partial(InputRouter([]).fit, rows()), "at least one input")
add(
    "A column that is mistyped",
    InputMismatchError,
    lambda: partial(InputRouter([("place", CategoryIndexer(), "citi")]).fit, rows()),
    "Input 'place'",
    "'citi'",
    "Did you mean 'city'?",
)
add(
    "A position beyond the last column",
    InputMismatchError,
    lambda: partial(InputRouter([("place", CategoryIndexer(), 7)]).fit, rows()),
    "Input 'place'",
    "position 7",
    "2 columns",
)
add(
    "A mask of another length",
    InputMismatchError,
    lambda: partial(InputRouter([("place", CategoryIndexer(), [True])]).fit, rows()),
    "Input 'place'",
    "length 1",
    "2 columns",
)
add(
    "A selection that is none",
    InputMismatchError,
    lambda: partial(InputRouter([("place", CategoryIndexer(), 1.5)]).fit, rows()),
    "Input 'place'",
    "1.5",
)
add(
    "Names of columns for an array",
    InputMismatchError,
    lambda: partial(InputRouter([("place", NumberScaler(), "size")]).fit, np.zeros((4, 2))),
    "Input 'place'",
    "'size'",
    "integer positions",
)
add(
    "A kind that does not exist",
    ValueError,
    lambda: partial(InputRouter(kinds={"city": "categry"}).fit, rows()),
    "'categry'",
    "'city'",
    "Did you mean 'category'?",
)
add(
    "A kind of a column that X does not have",
    ValueError,
    lambda: partial(InputRouter(kinds={"cty": "category"}).fit, rows()),
    "'cty'",
    "Did you mean 'city'?",
)
add(
    "Kinds beside named inputs",
    ValueError,
    lambda: partial(InputRouter([("money", NumberScaler(), ["size"])], kinds={"city": "category"}).fit, rows()),
    "`kinds`",
    "'city'",
    "leave `inputs` out",
)
add(
    "A kind of another library",
    ValueError,
    lambda: partial(InputRouter(kinds={"size": "numeric"}).fit, rows()),
    "'numeric'",
    "'vector' (NumberScaler",
)
add("A number as a kind", TypeError, lambda: partial(InputRouter(kinds={"city": 3}).fit, rows()), "3", "'city'")
add(
    "A kind that the cells are not",
    InputMismatchError,
    lambda: partial(InputRouter(kinds={"city": "vector"}).fit, rows()),
    "'city'",
    "20 of 20",
    "100",
)
add(
    "remainder='keep'",
    InvalidParameterError,
    lambda: partial(InputRouter([("size", NumberScaler(), ["size"])], remainder="keep").fit, rows()),
    "'remainder'",
    "'keep'",
)
add(
    "make_input_router without tuples",
    TypeError,
    lambda: partial(make_input_router, StandardScaler()),
    "(encoder, columns)",
    "StandardScaler()",
)
add(
    "A transformer of scikit-learn for one column as text",
    InputMismatchError,
    lambda: partial(InputRouter([("size", StandardScaler(), "size")]).fit, rows()),
    "Input 'size'",
    "['size']",
)
add(
    "A transformer that finds words",
    ValueError,
    lambda: partial(InputRouter([("city", StandardScaler(), ["city"])]).fit, rows()),
    "Input 'city'",
)
add(
    "A transformer that gives words",
    InputMismatchError,
    lambda: partial(InputRouter([("city", FunctionTransformer(), ["city"])]).fit, rows()),
    "Input 'city'",
    "no numbers",
    "CategoryIndexer",
)
add(
    "A category that a OneHotEncoder does not know",
    ValueError,
    lambda: partial(InputRouter([("city", OneHotEncoder(), ["city"])]).fit(rows()).transform, rows(city="Paris")),
    "Input 'city'",
    "Paris",
)
add(
    "An encoder's parameter is wrong",
    InvalidParameterError,
    lambda: partial(InputRouter([("note", TextVectorizer(max_tokens=1), "city")]).fit, rows()),
    "'max_tokens'",
    "1",
)
add(
    "A size that is no size",
    InvalidParameterError,
    lambda: partial(ImageDecoder(size=64).fit, wide()["photo"]),
    "size",
    "64",
)
add("Five channels", ValueError, lambda: partial(ImageDecoder(channels=5).fit, wide()["photo"]), "1, 3 or 4", "5")
add(
    "ngrams=(2, 0)",
    ValueError,
    lambda: partial(TextVectorizer(ngrams=(2, 0)).fit, wide()["note"]),
    "`ngrams`",
    "(2, 0)",
)
add(
    "A vocabulary with a word twice",
    ValueError,
    lambda: partial(TextVectorizer(vocabulary=["a", "a"]).fit, wide()["note"]),
    "`vocabulary`",
    "'a' twice",
)
add(
    "An empty separator of tags",
    ValueError,
    lambda: partial(TagsIndexer(separator="").fit, wide()["tags"]),
    "`separator`",
    "empty",
)
add(
    "A list of kinds",
    InvalidParameterError,
    lambda: partial(InputRouter(kinds=["text"]).fit, rows()),
    "'kinds'",
    "dict",
    "['text']",
)
add(
    "A dict of inputs",
    InvalidParameterError,
    lambda: partial(InputRouter({"a": NumberScaler()}).fit, rows()),
    "'inputs'",
    "{'a': NumberScaler()}",
)
add(
    "A selection without columns",
    InputMismatchError,
    lambda: partial(InputRouter([("a", NumberScaler(), [])]).fit, rows()),
    "every selection is empty",
)
add(
    "A function that selects nothing",
    InputMismatchError,
    lambda: partial(InputRouter([("a", NumberScaler(), lambda frame: None)]).fit, rows()),
    "Input 'a'",
    "None",
)
add(
    "Parts of dates that do not exist",
    ValueError,
    lambda: partial(CalendarEncoder(parts=["century"]).fit, wide()[["day"]]),
    "'century'",
    "'year'",
)
add(
    "padding='left'",
    InvalidParameterError,
    lambda: partial(SequencePadder(padding="left").fit, wide()["trace"]),
    "'padding'",
    "'left'",
    "'pre'",
)
add(
    "A vocabulary that is smaller than the ids",
    InputMismatchError,
    lambda: partial(IdsPadder(vocabulary_size=3).fit, wide()["ids"]),
    "'ids'",
    "0 to 2",
    "100",
)
add(
    "on_odd='ignore'",
    InvalidParameterError,
    lambda: partial(NumberScaler(on_odd="ignore").fit, wide()[["size"]]),
    "'on_odd'",
    "'ignore'",
)
add(
    "Categories of one column as a flat list",
    ValueError,
    lambda: partial(CategoryIndexer(categories=["Rome", "Oslo"]).fit, rows()[["city"]]),
    "lists 2 columns",
    "a list of values for each column",
)
add(
    "Numbers as a vocabulary",
    ValueError,
    lambda: partial(TextVectorizer(vocabulary=[1, 2]).fit, wide()["note"]),
    "`vocabulary`",
    "strings",
    "found 1",
)

about("Branches, merges and heads")
add(
    "A branch of an input that does not exist",
    ValueError,
    lambda: fit(rows(), branches={"numbrs": DenseBranch()}),
    "'numbrs'",
    "no input",
    "Did you mean 'numbers'?",
)
add(
    "The class of a branch",
    BranchMismatchError,
    lambda: fit(rows(), branches={"numbers": DenseBranch}),
    "DenseBranch()",
)
add(
    "A branch that takes no tensor",
    TypeError,
    lambda: fit(rows(), branches={"numbers": lambda: None}),
    "'numbers'",
    "f(tensor)",
)
add(
    "A layer that computes nothing",
    BranchMismatchError,
    lambda: fit(rows(), branches={"numbers": keras.layers.Layer()}),
    "'numbers'",
    "`call`",
)
add("A merge that takes no tensors", TypeError, lambda: fit(rows(), merge=lambda: None), "merge", "f(tensors)")
add("A number as a branch", BranchMismatchError, lambda: fit(rows(), branches={"numbers": 5}), "5", "int")
add(
    "A branch of another kind",
    BranchMismatchError,
    lambda: fit(rows(), branches={"numbers": ImageBranch()}),
    "'numbers'",
    "image",
    "vector",
)
add(
    "A branch of categories for numbers",
    BranchMismatchError,
    lambda: fit(rows(), branches={"numbers": EmbeddingBranch()}),
    "'numbers'",
    "category",
    "vector",
)
add(
    "A branch of sequences for categories",
    BranchMismatchError,
    lambda: fit(rows(), branches={"categories": SequenceBranch()}),
    "'categories'",
    "sequence",
    "category",
)
add(
    "A branch that returns no tensor",
    BranchMismatchError,
    lambda: fit(rows(), branches={"numbers": lambda tensor: 5}),
    "'numbers'",
    "int",
)
add(
    "A branch with a Lambda layer",
    BranchMismatchError,
    lambda: fit(rows(), branches={"numbers": keras.layers.Lambda(lambda t: t)}),
    "'numbers'",
    "Lambda",
    "keras.ops",
)
add(
    "units=0 of a branch",
    InvalidParameterError,
    lambda: fit(rows(), branches={"numbers": DenseBranch(units=0)}),
    "'units'",
    "DenseBranch",
    "0",
)
add(
    "An architecture that does not exist",
    InvalidParameterError,
    lambda: fit(wide()[["trace"]], branches={"trace": SequenceBranch("rnn")}),
    "'architecture'",
    "'rnn'",
)
add(
    "A merge that does not exist",
    ValueError,
    lambda: fit(rows(), merge="averge"),
    "'averge'",
    "Did you mean 'average'?",
)
add("The class of a merge", TypeError, lambda: fit(rows(), merge=AttentionMerge), "AttentionMerge()")
add("A merge that returns nothing", ValueError, lambda: fit(rows(), merge=lambda tensors: None), "None", "KerasTensor")
add(
    "num_heads=0 of a merge",
    InvalidParameterError,
    lambda: fit(rows(), merge=AttentionMerge(num_heads=0)),
    "'num_heads'",
    "0",
)
add(
    "A step of an input that does not exist",
    ValueError,
    lambda: fit(rows(), merge=StagedMerge([("pair", "add", ["numbers", "citis"])])),
    "'pair'",
    "'citis'",
    "'categories'",
)
add(
    "A step with the name of an input",
    ValueError,
    lambda: fit(rows(), merge=StagedMerge([("numbers", "add", ["categories"])])),
    "'numbers'",
    "another",
)
add("A step without inputs", ValueError, lambda: fit(rows(), merge=StagedMerge([("pair", "add", [])])), "'pair'", "[]")
add("No steps", ValueError, lambda: fit(rows(), merge=StagedMerge([])), "at least one step")
add(
    "units='many' of a head",
    InvalidParameterError,
    lambda: fit(rows(), head=DenseHead(units="many")),
    "'units'",
    "DenseHead",
    "'many'",
)
add(
    "An activation that does not exist",
    ValueError,
    lambda: fit(rows(), head=DenseHead((4,), activation="rellu")),
    "rellu",
)
add("dropout=1 of a head", InvalidParameterError, lambda: fit(rows(), head=DenseHead(dropout=1.0)), "'dropout'", "1.0")
add(
    "Members for several columns of classes",
    ValueError,
    lambda: fit(rows(), np.arange(2 * N).reshape(N, 2) % 3, head=DenseHead(n_members=4)),
    "n_members=4",
    "2 columns",
)

add(
    "A branch's parameter in a grid, whose input does not exist",
    ValueError,
    lambda: partial(new_classifier(of_size()).set_params, branches__sise__units=(4,)),
    "'branches__sise'",
    "the inputs are 'size'",
    "Did you mean 'size'?",
)


def own_network(inputs, target):
    """Connect a network by hand that cannot read NaN."""
    return keras.layers.Dense(target.width, activation=target.activation)(inputs["size"])


add(
    "A missing number that reaches a network made by hand",
    InputMismatchError,
    lambda: partial(
        new_classifier(of_size(), model=own_network).fit,
        rows(size=with_cell(rows()["size"], 3, np.nan)),
        labels(),
    ),
    "Input 'size'",
    "1 of 20 rows",
    "SimpleImputer()",
)
add(
    "A function that returns a model in place of its output",
    BranchMismatchError,
    lambda: fit(rows(), model=lambda inputs, target: keras.Sequential([keras.layers.Dense(target.width)])),
    "a model",
    "connect its layers",
)
add(
    "A function of SciKeras, which takes meta",
    TypeError,
    lambda: fit(rows(), model=lambda meta: None),
    "`meta`",
    "a dict of input tensors",
)

about("Sharing")
add(
    "Inputs of different kinds share a branch",
    BranchMismatchError,
    lambda: fit(rows(), branches={"categories": "numbers"}),
    "'numbers'",
    "'categories'",
    "cannot share",
)
add(
    "A branch of an input that does not exist",
    ValueError,
    lambda: fit(rows(), branches={"categories": "number"}),
    "'number'",
    "Did you mean 'numbers'?",
)
add(
    "Inputs share in a circle",
    ValueError,
    lambda: fit(rows(), branches={"categories": "numbers", "numbers": "categories"}),
    "circle",
    "numbers -> categories",
)
add(
    "Categories of two vocabularies share a branch",
    BranchMismatchError,
    lambda: fit(
        rows(town=with_cell(rows()["city"], 0, "Ulm")),
        router=InputRouter([("home", CategoryIndexer(), "city"), ("away", CategoryIndexer(), "town")]),
        branches={"away": "home"},
    ),
    "'home'",
    "'away'",
    "cannot share",
)
add(
    "Inputs of one and two columns share an encoder",
    InputMismatchError,
    lambda: partial(InputRouter([("a", CategoryIndexer(), "city"), ("b", "a", ["city", "size"])]).fit, rows()),
    "'a' and 'b'",
    "1 and 2",
)
add(
    "Parameters of a branch that is shared",
    ValueError,
    lambda: partial(
        new_classifier,
        router=InputRouter([("home", CategoryIndexer(), "city"), ("away", "home", "town")]),
        branches={"away": "home"},
        branches__away__units=(3,),
    ),
    "'away'",
    "'home'",
)

about("Sources: files")
add(
    "A file that does not exist",
    InputMismatchError,
    lambda: partial(new_classifier().fit, "no/such/file.csv", "label"),
    "file.csv",
)
add(
    "A file of another kind",
    InputMismatchError,
    lambda: partial(new_classifier().fit, written("table.xlsx", "x"), "label"),
    ".xlsx",
    "Parquet",
    "CSV",
)
add(
    "A folder without files",
    InputMismatchError,
    lambda: partial(new_classifier().fit, empty_folder(), "label"),
    "The folder",
)
add(
    "A target that is no column",
    InputMismatchError,
    lambda: partial(new_classifier().fit, csv(), "labl"),
    "'labl'",
    "Did you mean 'label'?",
)
add(
    "A weight that is no column",
    InputMismatchError,
    lambda: partial(new_classifier().fit, csv(), "label", "wheight"),
    "'wheight'",
    "no column",
)
add(
    "An array of targets beside a file",
    InputMismatchError,
    lambda: partial(new_classifier().fit, csv(), labels()),
    "ndarray",
    "name the column of the target",
)
add(
    "No target beside a file",
    InputMismatchError,
    lambda: partial(new_classifier().fit, csv()),
    "y is None",
    "name the column",
)
add(
    "A CSV file with semicolons",
    InputMismatchError,
    lambda: partial(new_classifier().fit, csv("semi.csv", sep=";"), "label"),
    "semi.csv",
    "';'",
    "sep=';'",
)
add(
    "A CSV file in Latin-1",
    InputMismatchError,
    lambda: partial(
        new_classifier().fit, csv("latin.csv", rows(city="Zürich", label="no"), encoding="latin-1"), "label"
    ),
    "latin.csv",
    "UTF-8",
    "encoding='latin-1'",
)
add(
    "An empty CSV file",
    InputMismatchError,
    lambda: partial(new_classifier().fit, written("empty.csv", ""), "label"),
    "empty.csv",
    "empty",
)
add(
    "A CSV file without rows",
    InputMismatchError,
    lambda: partial(new_classifier().fit, written("header.csv", "size,label\n"), "label"),
    "0 ",
)
add(
    "A CSV file with a row that is too long",
    InputMismatchError,
    lambda: partial(new_classifier().fit, written("ragged.csv", "size,label\n1,no\n2,yes,3,4\n"), "label"),
    "ragged.csv",
    "line 3",
    "on_bad_lines",
)
add(
    "CSV files with different columns",
    InputMismatchError,
    lambda: partial(
        new_classifier().fit,
        [csv("one.csv"), csv("two.csv", rows(label="no").rename(columns={"city": "town"}))],
        "label",
    ),
    "two.csv",
    "lacks 'city'",
    "has 'town'",
)
add(
    "A file that is no Parquet file",
    InputMismatchError,
    lambda: partial(new_classifier().fit, written("broken.parquet", "PAR?"), "label"),
    "Parquet",
    "broken.parquet",
)
add(
    "Parquet files with different columns",
    InputMismatchError,
    lambda: partial(
        new_classifier().fit, [parquet("1.parquet", rows(label="no")), parquet("2.parquet", rows(mark="no"))], "label"
    ),
    "2.parquet",
    "lacks 'label'",
    "has 'mark'",
)
add(
    "Parquet files with different types",
    InputMismatchError,
    lambda: partial(
        new_classifier().fit,
        [parquet("3.parquet", rows(label="no")), parquet("4.parquet", rows(label="no", size="big"))],
        "label",
    ),
    "'size'",
    "string",
    "double",
    "4.parquet",
)
add(
    "A missing label in a file",
    ValueError,
    lambda: partial(new_classifier().fit, csv("gap.csv", rows(label=with_cell(labels(), 3, None))), "label"),
    "1 of 20",
    "3",
)
add(
    "partial_fit on a file",
    InputMismatchError,
    lambda: partial(new_classifier().partial_fit, csv(), "label"),
    "not in memory",
    "partial_fit",
)
add(
    "predict on a file that lacks a column",
    InputMismatchError,
    lambda: partial(classifier().predict, csv("short.csv", rows()[["size"]])),
    "'city'",
)
add(
    "A function that gives no frames",
    InputMismatchError,
    lambda: partial(new_classifier().fit, lambda: iter([5, 6]), "label"),
    "iterator of frames",
)
add(
    "An iterator of frames that can be read once",
    InputMismatchError,
    lambda: partial(new_classifier().fit, iter([rows(label=labels())]), "label"),
    "only once",
    "Give a function",
)
add(
    "load_files_frame without any file",
    InputMismatchError,
    lambda: partial(load_files_frame, "gone_{id}.json", folder=folder()),
    "gone_{id}.json",
)
add(
    "load_files_frame in a folder that does not exist",
    InputMismatchError,
    lambda: partial(load_files_frame, "meta_{id}.json", folder="nowhere"),
    "nowhere",
)
add(
    "load_files_frame with a file too few",
    UnmatchedFilesWarning,
    lambda: partial(load_files_frame, "meta_{id}.json", "trace_{id}.npy", folder=unmatched_folder()),
    "1 of 2 keys",
    "'1'",
)
add(
    "A CSV file with the label alone",
    InputMismatchError,
    lambda: partial(new_classifier().fit, csv("alone.csv", rows(label=labels())[["label"]]), "label"),
    "0 feature(s)",
)
add(
    "Words as the weights of a CSV file",
    ValueError,
    lambda: partial(new_classifier().fit, csv(), "label", "city"),
    "sample_weight",
    "20 of 20",
)
add(
    "An array of weights beside a file",
    InputMismatchError,
    lambda: partial(new_classifier().fit, csv(), "label", np.ones(N)),
    "sample_weight",
    "name the column",
)
add(
    "Words as the target of a regression on a CSV file",
    ValueError,
    lambda: partial(new_regressor().fit, csv(), "label"),
    "'no' of type str",
    "row label 0",
)
add(
    "score on a file without the name of the target",
    InputMismatchError,
    lambda: partial(classifier().score, csv()),
    "y is None",
    "name the column",
)
add(
    "load_files_frame without a field in the pattern",
    InputMismatchError,
    lambda: partial(load_files_frame, "meta.json", folder=folder()),
    "'meta.json'",
    "{id}",
)
add(
    "load_files_frame on a broken JSON file",
    InputMismatchError,
    lambda: (written("q_1.json", "{x"), partial(load_files_frame, "q_{id}.json", folder=folder()))[1],
    "q_1.json",
    "cannot be read as JSON",
)

about("Sources: datasets and generators")
add(
    "A dataset that repeats forever",
    InputMismatchError,
    lambda: partial(new_classifier().fit, in_names(a=np.zeros((4, 2), "float32")).repeat()),
    "repeats forever",
    "fit__steps_per_epoch",
)
add(
    "A generator, which can be read only once",
    InputMismatchError,
    lambda: partial(new_classifier().fit, batches()()),
    "only once",
    "fit__steps_per_epoch",
)
add(
    "y beside a dataset",
    InputMismatchError,
    lambda: partial(new_classifier().fit, in_names(a=np.zeros((4, 2), "float32")), labels(4)),
    "brings its own targets",
    "Leave `y` out",
)
add(
    "sample_weight beside a dataset",
    InputMismatchError,
    lambda: partial(new_classifier().fit, in_names(a=np.zeros((4, 2), "float32")), None, np.ones(4)),
    "Leave `sample_weight` out",
)
add(
    "A batch of inputs alone",
    InputMismatchError,
    lambda: partial(new_classifier().fit, lambda: iter([{"a": np.zeros((4, 2))}])),
    "dict",
    "(inputs, y)",
)
add(
    "A batch whose targets are None",
    InputMismatchError,
    lambda: partial(new_classifier().fit, lambda: iter([({"a": np.zeros((4, 2))}, None)])),
    "None",
    "(inputs, y)",
)
add(
    "A batch with a dict of targets",
    InputMismatchError,
    lambda: partial(new_classifier().fit, batches(y={"out": np.zeros(4), "aux": np.zeros(4)})),
    "'out' and 'aux'",
    "y['out']",
)
add(
    "A batch with too few targets",
    InputMismatchError,
    lambda: partial(new_classifier().fit, batches(y=np.array([0, 1]))),
    "4 rows",
    "2 targets",
)
add(
    "A batch of arrays of objects",
    InputMismatchError,
    lambda: partial(new_classifier().fit, batches({"a": np.array([["x", None]] * 4, dtype=object)})),
    "Input 'a'",
    "object",
)
add(
    "A batch of inputs of different lengths",
    InputMismatchError,
    lambda: partial(new_classifier().fit, batches({"a": np.zeros((4, 2)), "b": np.zeros((3, 2))})),
    "'a' has 4",
    "'b' has 3",
)
add(
    "A batch with a list of arrays",
    InputMismatchError,
    lambda: partial(new_classifier().fit, batches({"a": [np.zeros((2, 2))] * 2})),
    "Input 'a'",
    "list of 2 arrays of 2 rows",
    "concatenate",
)
add(
    "A source without batches",
    InputMismatchError,
    lambda: partial(new_classifier().fit, lambda: iter([])),
    "no batch",
    "0 sample(s)",
)
add(
    "A PyDataset that forgets its last batch",
    DroppedRowsWarning,
    lambda: partial(new_classifier().fit, Batches()),
    "len 2",
    "8 of the 10 rows",
    "ceil",
)
add(
    "predict with an input too few",
    InputMismatchError,
    lambda: partial(of_batches().predict, {"a": np.zeros((4, 2), "float32")}),
    "the input 'b'",
    "'a'",
)
add(
    "predict with an array of another width",
    InputMismatchError,
    lambda: partial(of_batches().predict, {"a": np.zeros((4, 2), "float32"), "b": np.zeros((4, 3), "float32")}),
    "Input 'b'",
    "(3,)",
    "(1,)",
)
add(
    "predict with an input too many",
    InputMismatchError,
    lambda: partial(
        of_batches().predict, lambda: iter([{name: np.zeros((4, 1 + (name == "a")), "float32") for name in "abc"}])
    ),
    "'c'",
)
add(
    "predict with an id beyond the vocabulary",
    InputMismatchError,
    lambda: partial(of_ids().predict, {"a": np.array([[9]] * 4)}),
    "'a'",
    "ids outside of 0 to 4",
    "0",
)
add(
    "A dataset of rows that are not batched",
    InputMismatchError,
    lambda: partial(new_classifier().fit, in_names(a=np.zeros((4, 2), "float32")).unbatch()),
    "single rows",
    ".batch(32)",
)
add(
    "A dataset of one array",
    InputMismatchError,
    lambda: partial(new_classifier().fit, tf.data.Dataset.from_tensor_slices(np.zeros((4, 2))).batch(4)),
    "ndarray",
    "(inputs, y)",
)
add(
    "A dataset of strings",
    InputMismatchError,
    lambda: partial(new_classifier().fit, in_names(a=np.array(["x", "y", "x", "y"]))),
    "Input 'a'",
    "encoded already",
)
add(
    "Infinity in a batch",
    InputMismatchError,
    lambda: partial(new_classifier().fit, batches({"a": np.full((4, 2), np.inf)})),
    "Input 'a'",
    "infinity",
    "np.nan",
)
add(
    "Words as the targets of a regression",
    ValueError,
    lambda: partial(new_regressor().fit, batches(y=np.array(list("abcd")))),
    "'a' of type str",
    "position 0",
)
add(
    "Batches of two widths",
    InputMismatchError,
    lambda: partial(
        new_classifier().fit, lambda: iter([({"a": np.zeros((4, width))}, [0, 1, 0, 1]) for width in (2, 3)])
    ),
    "Input 'a'",
    "(3,)",
    "(2,)",
)
add(
    "Weights in some batches only",
    InputMismatchError,
    lambda: partial(
        new_classifier().fit,
        lambda: iter([({"a": np.zeros((4, 2))}, [0, 1, 0, 1], np.ones(4)), ({"a": np.zeros((4, 2))}, [0, 1, 0, 1])]),
    ),
    "sample_weight",
    "with each, or with none",
)
add(
    "Negative weights in a batch",
    ValueError,
    lambda: partial(new_classifier().fit, lambda: iter([({"a": np.zeros((4, 2))}, [0, 1, 0, 1], -np.ones(4))])),
    "4 of 4",
    "-1.0 at position 0",
)
add(
    "Batches without an input of the router",
    InputMismatchError,
    lambda: partial(new_classifier(two_inputs()).fit, batches()),
    "'b'",
    "'a' and 'b'",
)

about("Commonest slips")
for slip, text in (
    ("A number as text among numbers", "12"),
    ("A decimal comma among numbers", "1,5"),
    ("An amount of money among numbers", "$5"),
    ("A percentage among numbers", "12 %"),
):
    add(
        slip,
        InputMismatchError,
        partial(transform, "size", text),
        "103",
        repr(text),
        "pd.to_numeric(column, errors='coerce')",
        'NumberScaler(on_odd="missing")',
    )
add(
    "A date with days first among dates",
    InputMismatchError,
    lambda: transform("day", "03/04/2024"),
    "103",
    "'03/04/2024'",
    "ISO order",
    "dayfirst=True",
)
add(
    "The class of an encoder as a kind",
    TypeError,
    lambda: fit(rows(), router=InputRouter(kinds={"city": CategoryIndexer})),
    "'city'",
    "CategoryIndexer()",
)
add(
    "A missing label at score",
    ValueError,
    lambda: partial(classifier().score, rows(), with_cell(labels(), 3, None)),
    "1 of 20 labels",
    "position 3",
    "pd.notna(y)",
)
add(
    "Words at score of a regression",
    ValueError,
    lambda: partial(regressor().score, np.ones((N, 2)), ["a"] * N),
    "'a'",
    "position 0",
    "Give numbers",
)
add(
    "A missing number at score",
    ValueError,
    lambda: partial(regressor().score, np.ones((N, 2)), with_cell(numbers(), 3, np.nan)),
    "1 of 20 values",
    "position 3",
    "pd.notna(y)",
)
add(
    "y of score in two columns of labels",
    InputMismatchError,
    lambda: partial(classifier().score, rows(), np.column_stack([labels(), labels()])),
    "2 columns",
    "1 outputs",
)
add(
    "X and y swapped",
    ValueError,
    lambda: partial(new_classifier().fit, labels(), rows()),
    "continuous",
    "row label 100",
)
add(
    "A text to predict in place of a table",
    InputMismatchError,
    lambda: predict("a nice flat"),
    "'a nice flat'",
    "pd.DataFrame({'column': [text]})",
)
add(
    "A list of texts to predict in place of a table",
    InputMismatchError,
    lambda: predict(["a nice flat", "a small one"]),
    "Expected 2D array",
    "'size' and 'city'",
)
add(
    "A dict of arrays, where fit saw a table",
    InputMismatchError,
    lambda: predict({"size": np.zeros(2), "city": np.array(["Rome", "Oslo"])}),
    "a dict of arrays",
    "pd.DataFrame(X)",
)
add(
    "An array, where fit saw a dict of arrays",
    InputMismatchError,
    lambda: partial(of_dict().predict, np.zeros((2, 3))),
    "width 3",
    "a dict of arrays by input name",
)
add(
    "A dict that lacks an array of fit",
    InputMismatchError,
    lambda: partial(of_dict().predict, {"a": np.zeros((2, 2))}),
    "Input 'b' has no array",
)
add(
    "A dict with an array of another width than at fit",
    InputMismatchError,
    lambda: partial(of_dict().predict, {"a": np.zeros((2, 3)), "b": np.zeros(2)}),
    "Input 'a'",
    "3 columns",
    "had 2",
)
for share in (0, 1.0):
    add(
        f"validation_fraction={share}",
        InvalidParameterError,
        partial(fit, rows(), validation_fraction=share),
        "'validation_fraction'",
        f"Got {share}",
    )
add("verbose='yes'", InvalidParameterError, lambda: fit(rows(), verbose="yes"), "'verbose'", "'yes'")
add(
    "class_weight with a text for a number",
    ValueError,
    lambda: fit(rows(), np.arange(N) % 2, class_weight={"0": 1}),
    "'0'",
    "Did you mean 0?",
)
add(
    "class_weight of a regression",
    TypeError,
    lambda: partial(new_regressor, class_weight={0: 1}),
    "'class_weight'",
)
add(
    "A pattern of files that fits none",
    InputMismatchError,
    lambda: predict("data/*.csv"),
    "'data/*.csv'",
    "sorted(glob.glob(...))",
)
add(
    "A web address in a list of files",
    InputMismatchError,
    lambda: fit([csv(), "s3://bucket/more.csv"], "label"),
    "'s3://bucket/more.csv'",
    "Download it",
)
add(
    "load_files_frame with two files of one key",
    InputMismatchError,
    lambda: partial(load_files_frame, "*_{key}.json", folder=folder_of("two", a_1="{}", b_1="{}")),
    "'1'",
    "'a_1.json' and 'b_1.json'",
    "narrower",
)
add(
    "load_files_frame on a list in JSON",
    InputMismatchError,
    lambda: partial(load_files_frame, "a_{key}.json", folder=folder_of("list", a_1="[1]")),
    "a_1.json",
    "holds a list",
    "one object",
)
add(
    "load_files_frame with a field that is the key",
    InputMismatchError,
    lambda: partial(load_files_frame, "a_{key}.json", folder=folder_of("taken", a_1='{"key": "x"}')),
    "the field 'key'",
    "Rename",
)
add(
    "load_files_frame with patterns of different fields",
    InputMismatchError,
    lambda: partial(load_files_frame, "a_{key}.json", "b_{id}.npy", folder=folder_of("fields", a_1="{}")),
    "'id'",
    "'key'",
)
add("load_files_frame without patterns", InputMismatchError, lambda: partial(load_files_frame), "Give patterns")
add(
    "A learning rate at which training diverges",
    ConvergenceWarning,
    lambda: regress(rows(), numbers(), optimizer="sgd", optimizer__learning_rate=1e30, epochs=3),
    "not finite",
    "optimizer__learning_rate",
)
add(
    "warm_start with y of other columns",
    InputMismatchError,
    lambda: partial(warm().fit, rows(), np.column_stack([labels(), labels()])),
    "2 columns",
    "1 outputs",
)
add(
    "warm_start on a file",
    InputMismatchError,
    lambda: partial(warm().fit, csv(), "label"),
    "not in memory",
    "pd.read_csv(path, chunksize=10_000)",
)


about("Order of calls")
add("predict before fit", NotFittedError, lambda: partial(new_classifier().predict, rows()), "not fitted")
add("score before fit", NotFittedError, lambda: partial(new_regressor().score, rows(), numbers()), "not fitted")
add(
    "transform of a router before fit",
    NotFittedError,
    lambda: partial(InputRouter().transform, rows()),
    "InputRouter",
    "not fitted",
)
add(
    "transform of an encoder before fit",
    NotFittedError,
    lambda: partial(TextVectorizer().transform, wide()["note"]),
    "TextVectorizer",
    "not fitted",
)
add(
    "warm_start with another merge",
    ValueError,
    lambda: partial(warm(merge="add").fit, rows(), labels()),
    "merge: 'concatenate' before, 'add' now",
    "warm_start=False",
)
add(
    "warm_start with a column too few",
    InputMismatchError,
    lambda: partial(warm().fit, rows()[["size"]], labels()),
    "'city'",
)
add(
    "warm_start with a label that fit did not see",
    ValueError,
    lambda: partial(warm().fit, rows(), ["maybe"] * N),
    "'maybe'",
    "'no' and 'yes'",
)
add(
    "partial_fit with other classes than before",
    ValueError,
    lambda: partial(continued().partial_fit, rows(), labels(), ["a", "b"]),
    "classes",
    "not the same",
)
add(
    "partial_fit with class_weight='balanced'",
    ValueError,
    lambda: partial(new_classifier(class_weight="balanced").partial_fit, rows(), labels()),
    "'balanced'",
    "dict",
)
add(
    "initialize() of SciKeras",
    NotImplementedError,
    lambda: partial(new_classifier().initialize, rows(), labels()),
    "fit",
)
add(
    "A step of a pipeline that is not fitted",
    NotFittedError,
    lambda: partial(make_pipeline(new_classifier()).predict, rows()),
    "not fitted",
)


about("Saving by reference")
add(
    "backbone_weights=False and a network that was given as a model",
    TypeError,
    lambda: partial(save_by_reference, backbone=keras.Sequential([keras.layers.Rescaling(1 / 255)])),
    "`branches['photo']` has a Sequential as its network",
    'BackboneBranch("MobileNetV2", weights=path)',
    "Nothing was written",
)
add(
    "backbone_weights=False and random weights",
    TypeError,
    lambda: partial(save_by_reference, backbone="MobileNetV2", weights=None),
    "`branches['photo']` has random weights (weights=None)",
    "give a name or preset",
)
add(
    "backbone_weights that is no truth value",
    ValueError,
    lambda: partial(save, new_classifier(), folder() / "est.skmulti", backbone_weights="reference"),
    "`backbone_weights` must be True or False",
    "'reference'",
)


# --- running them


def outcome(case):
    """Return the call of a case and what it raised or warned of: a list of exceptions and warnings.

    Returns
    -------
    call : partial
    before : tuple
        Copies of its arguments, made before the call.
    found : list of Exception
        The error, or the warnings of the case's class.
    """
    call = case.prepare()
    before = kept(call)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        error = raised(call)
    if error is not None or not case.is_warning:
        return call, before, [] if error is None else [error]
    return call, before, [entry.message for entry in caught if entry.category is case.kind]


def raised(call):
    """Return the exception of a call, or None."""
    try:
        call()
    except Exception as error:
        return error
    return None


def kept(call):
    """Return copies of the arguments that are tables, arrays or plain containers."""
    kinds = (pd.DataFrame, pd.Series, np.ndarray, list, dict)
    return [copy.deepcopy(part) if isinstance(part, kinds) else None for part in (*call.args, *call.keywords.values())]


def text_of(found):
    """Return what a user reads: the message, and the notes below it."""
    return " ".join([str(found), *getattr(found, "__notes__", [])])


# --- the page

_PAGE = f"""# What bad input says

What people hand in by mistake, and what they read then. Each message says what was found, where it stands, and the way
out. Tests make every one of these mistakes and hold the messages to the class and to {LONGEST} characters. Paths and
addresses in memory are replaced by "...". The page is written by `python tests/bad_input_cases.py > docs/messages.md`.
"""


def page():
    """Yield the lines of the page."""
    yield _PAGE
    for subject in dict.fromkeys(_subjects):
        yield f"## {subject}\n"
        yield "| what was done | class | message |"
        yield "|---|---|---|"
        for case in CASES:
            if case.subject == subject:
                message = text_of(outcome(case)[2][0])
                yield f"| {cell(case.title)} | `{case.kind.__name__}` | {cell(without_paths(message))} |"
        yield ""


def without_paths(message):
    """Return a message without what differs from run to run."""
    return re.sub(r"at 0x[0-9a-fA-F]+", "at ...", message.replace(str(folder()), "..."))


def cell(text):
    """Return a text as a cell of a Markdown table."""
    return re.sub(r"([|<>*_`])", r"\\\1", " ".join(text.split()))


if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()) as stream:
        lines = list(page())
    print("\n".join(lines).rstrip())
