"""Every encoder in a graph makes the arrays that it makes of a table, of awkward cells, too."""

import warnings

import numpy as np
import pandas as pd
import pytest
from export_cases import (
    CITIES,
    CODES,
    COMMAS,
    DAYS,
    EUROPEAN,
    MANY_PRICES,
    MANY_WATCHES,
    NUMBERS,
    PRICES,
    TAGS,
    TEXTS,
    WATCHES,
    picture,
    tensors_of,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

from skmulti import (
    CalendarEncoder,
    CategoryIndexer,
    IdsPadder,
    ImageDecoder,
    InputRouter,
    NumberScaler,
    RecordVectorizer,
    SequencePadder,
    TagsIndexer,
    TextVectorizer,
    VectorStacker,
)

AUTO_TEXT = {"standardize": "auto", "split": "auto", "ngrams": 2, "on_odd": "missing"}
RAGGED = [[1.0, 2.0], [], None, [np.nan, 3.0], [4.0] * 9, [5.0, np.nan], [np.nan], [-0.0]]
STEPS = [[[1.0, 2.0], [3.0, np.nan]], None, [[np.nan, np.nan], [5.0, 6.0], [7.0, 8.0]], []]
IDS = [[7, 2, 9], [4, 0, 0], [0, 0, 5, 0], None, [], [0], [3] * 12, [0, 0]]
FEW = ["a", "b", None, "c", "a"]

# Encoder, cells of fit, cells of predict (None: the same), largest difference.
CASES = {
    "numbers": (NumberScaler(), [1.0, 2.0, None, 4.0, 5.5], NUMBERS, 0),
    "float64": (NumberScaler(dtype="float64"), [1.0, 2.0, None, 4.0, 5.5], NUMBERS, 0),
    "outliers": (NumberScaler(), [*map(float, range(30)), 3.4e38], NUMBERS, 0),
    "fillers": (NumberScaler(), [*map(float, range(30)), -9999.0, 3.4e38], [*NUMBERS, -9999.0], 0),
    "prices": (NumberScaler(on_odd="missing"), MANY_PRICES, PRICES, 1e-6),
    "commas": (NumberScaler(on_odd="missing"), COMMAS * 3, COMMAS, 1e-6),
    "durations": (NumberScaler(on_odd="missing"), MANY_WATCHES, WATCHES, 1e-6),
    "cities": (CategoryIndexer(), ["Rome", "Oslo", "Orléans", "東京", "😀", None], CITIES, 0),
    "codes": (CategoryIndexer(), ["1", "2", "2.50", "7"], CODES, 0),
    "numeric categories": (
        CategoryIndexer(),
        [1, 2, 0.1, None],
        [1.0, 2.0, 0.1, float(np.float32(0.1)), 3.0, None, -1.0],
        0,
    ),
    "truth values": (CategoryIndexer(), [True, False, None], [True, False, None, 1.0, 0.0], 0),
    "mixed categories": (CategoryIndexer(), [1, "a", 2.5, True], ["1", "1.0", "a", "2.5", "2.50", "TRUE", "b", "9"], 0),
    "dated categories": (
        CategoryIndexer(),
        pd.to_datetime(["2024-01-01", "2024-01-02"]).tolist(),
        ["2024-01-01", "2024-01-02 00:00:00", "x"],
        0,
    ),
    "rare": (CategoryIndexer(min_frequency=2), ["a", "a", "b"], ["a", "b", "c", None], 0),
    "text auto": (TextVectorizer(**AUTO_TEXT, length=30), TEXTS, None, 0),
    "text": (TextVectorizer(ngrams=(1, 3), length=7), TEXTS, None, 0),
    "text lower": (TextVectorizer(standardize="lower", split="auto"), TEXTS, None, 0),
    "text characters": (TextVectorizer(standardize=None, split="character", ngrams=2, length=9), TEXTS, None, 0),
    "text whole": (TextVectorizer(standardize="lower_and_split_punctuation", split=None), TEXTS, None, 0),
    "text marks": (TextVectorizer(standardize="split_punctuation"), TEXTS, None, 0),
    "text folded": (TextVectorizer(standardize="auto", split="whitespace"), TEXTS, None, 0),
    "days": (CalendarEncoder(), DAYS, None, 1e-6),
    "days parts": (CalendarEncoder(parts=["weekday", "second", "elapsed"]), DAYS, None, 1e-6),
    "days first": (CalendarEncoder(on_odd="missing"), EUROPEAN * 2, EUROPEAN, 1e-6),
    "tags": (TagsIndexer(), ["drama|action", "drama", "noir", None, "action|x|y"], TAGS, 0),
    "tag lists": (
        TagsIndexer(),
        [["drama", "action"], ["drama"], None, []],
        [["x", " drama "], [], ["drama"] * 3, ["a", "b", "action"]],
        0,
    ),
    "vectors": (VectorStacker(), [[1.0, 2.0], None, [np.nan, 3.0]], None, 0),
    "sequences": (SequencePadder(length=4), RAGGED, None, 0),
    "sequences pre": (SequencePadder(length=4, padding="pre", truncating="pre"), RAGGED, None, 0),
    "sequences mixed": (SequencePadder(length=2, padding="pre"), RAGGED, None, 0),
    "steps": (SequencePadder(), STEPS, None, 0),
    "ids": (IdsPadder(length=5), IDS, None, 0),
    "ids padded": (IdsPadder(padding_id=3), IDS, None, 0),
    "standard": (StandardScaler(), [1.0, 2.0, 4.0], [1.0, None, 1e30, -3.0], 1e-6),
    "unscaled": (StandardScaler(with_mean=False, with_std=False), [1.0, 2.0, 4.0], [1.0, None], 1e-6),
    "min max": (MinMaxScaler(clip=True, feature_range=(-1, 3)), [1.0, 2.0, 4.0], [1.0, None, 9.0, -3.0], 1e-6),
    "max abs": (MaxAbsScaler(), [1.0, 2.0, -4.0], [1.0, None, 9.0], 1e-6),
    "robust": (RobustScaler(with_centering=False), [1.0, 2.0, 4.0, 9.0], [1.0, None, 9.0], 1e-6),
    "one hot": (OneHotEncoder(handle_unknown="ignore", drop="if_binary"), FEW, ["a", "b", "z", None, "", " a"], 0),
    "one hot rare": (OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2), FEW, ["a", "z", None], 0),
    "one hot numbers": (OneHotEncoder(handle_unknown="ignore"), [1, 2, 3], [1.0, 3.0, 7.0], 0),
    "ordinal": (
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
        FEW,
        ["a", "z", None],
        0,
    ),
    "ordinal nan": (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), FEW, ["a", "z", None], 0),
    "imputed": (
        make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()),
        [1.0, None, 4.0, 7.0],
        None,
        1e-6,
    ),
    "imputed texts": (
        make_pipeline(
            SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        ),
        FEW,
        ["a", None, "z"],
        0,
    ),
    "passthrough": ("passthrough", [1.0, None, 4.0], NUMBERS[:6], 0),
}

SINGLE = (TextVectorizer, TagsIndexer, VectorStacker, SequencePadder, IdsPadder, RecordVectorizer, ImageDecoder)


def fit(encoder, cells):
    """Return a router whose only input is a column."""
    frame = pd.DataFrame({"cell": pd.Series(cells, dtype=object)})
    if not isinstance(encoder, (*SINGLE, CategoryIndexer, CalendarEncoder)) and not isinstance(cells[0], str):
        frame["cell"] = frame["cell"].astype("float64")
    columns = "cell" if isinstance(encoder, SINGLE) else ["cell"]
    return InputRouter([("input", encoder, columns)]).fit(frame), frame


def encode(router, frame):
    """Return the arrays that the router's graph makes of a frame."""
    graph = router.graph()
    columns = [
        {
            "column": c.label,
            "tensor": c.name,
            "lengths": c.lengths_name,
            "missing": c.tensor.missing,
            "dtype": c.tensor.dtype,
            "shape": [None, *c.tensor.shape],
        }
        for c in graph.columns
    ]
    return {name: array.numpy() for name, array in graph(tensors_of(columns, frame)).items()}


def compare(router, frame):
    """Return the largest difference of the arrays of a table and of a graph; gaps must be in the same places."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        expected = router.transform(frame)
    found = encode(router, frame)
    assert found.keys() == expected.keys()
    largest = 0
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(np.isnan(found[name].astype(float)), np.isnan(array.astype(float)))
        gap = np.abs(np.nan_to_num(found[name].astype(float)) - np.nan_to_num(array.astype(float)))
        largest = max(largest, float((gap / np.maximum(1, np.abs(np.nan_to_num(array.astype(float))))).max(initial=0)))
    return largest


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_graph_makes_the_array_of_the_encoder(name):
    encoder, cells, others, most = CASES[name]
    router, frame = fit(encoder, cells)
    if others is not None:
        dtype = frame["cell"].dtype if frame["cell"].dtype.kind == "f" else object
        frame = pd.DataFrame({"cell": pd.Series(others, dtype=dtype)})
    assert compare(router, frame) <= most


# --- photos

# Mode, format and more of a file.
FILES = {
    "png": {},
    "same size": {"size": (9, 7)},
    "smaller": {"size": (4, 3)},
    "grey png": {"mode": "L"},
    "grey with alpha": {"mode": "LA"},
    "1-bit png": {"mode": "1"},
    "palette": {"mode": "P"},
    "alpha": {"mode": "RGBA"},
    "16 bits": {"mode": "I;16"},
    "jpeg": {"form": "JPEG", "size": (200, 150)},
    "grey jpeg": {"mode": "L", "form": "JPEG"},
    "gif": {"mode": "P", "form": "GIF"},
    "bmp": {"form": "BMP"},
    **{f"jpeg turned {i}": {"form": "JPEG", "exif": i} for i in range(2, 9)},
    "png turned": {"exif": 6},
}


@pytest.fixture(scope="module")
def pictures():
    """A frame with a file in each row, and a gap."""
    files = [picture(seed=i, **options) for i, options in enumerate(FILES.values())]
    return pd.DataFrame({"cell": pd.Series([*files, None], dtype=object)})


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_pixels_are_within_two_of_those_of_pillow(resize, channels, pictures):
    router = InputRouter([("input", ImageDecoder(size=(7, 9), resize=resize, channels=channels), "cell")]).fit(pictures)
    expected, found = router.transform(pictures), encode(router, pictures)
    gaps = np.abs(found["input"].astype(float) - expected["input"]).mean(axis=(1, 2, 3))
    wrong = {name: gap for name, gap in zip([*FILES, "missing"], gaps.round(2), strict=True) if gap >= 2}
    assert not wrong
    np.testing.assert_array_equal(found["input__missing"], expected["input__missing"])
