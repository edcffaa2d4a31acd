"""`export`: what is written predicts as the estimator does, in a process in which skmulti cannot be imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from export_cases import picture, tensors_of
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import skmulti
from skmulti import (
    CategoryIndexer,
    DenseHead,
    ExportError,
    ImageDecoder,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    RecordVectorizer,
    TextVectorizer,
)
from skmulti.datasets import make_listings

FAST = {"epochs": 1, "head": DenseHead((4,)), "random_state": 0, "compile__run_eagerly": True}

# Loads every folder and file that is named in a JSON, without skmulti, and writes what they predict.
LOADER = """
import sys
class Refused:
    def find_spec(self, name, *rest):
        if name.split(".")[0] == "skmulti":
            raise ImportError(name)
sys.meta_path.insert(0, Refused())
import pickle
import tensorflow as tf
work = sys.argv[1]
with open(work + "/asked.pickle", "rb") as file:
    asked = pickle.load(file)
found, loaded = {}, {}
for name, (path, arrays) in asked.items():
    if path.endswith(".onnx"):
        import onnxruntime
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        found[name] = dict(zip(names, session.run(names, arrays)))
    else:
        loaded.setdefault(path, None)
        loaded[path] = loaded[path] or tf.saved_model.load(path)
        predict = loaded[path].signatures["serving_default"]
        outputs = predict(**{key: tf.constant(array) for key, array in arrays.items()})
        found[name] = {key: tensor.numpy() for key, tensor in outputs.items()}
assert not any(module.split(".")[0] == "skmulti" for module in sys.modules)
with open(work + "/found.pickle", "wb") as file:
    pickle.dump(found, file)
"""


def listings():
    """Return a table with a column of each kind, gaps, awkward cells and awkward names."""
    df, y = make_listings(60, 0)
    df["listed"] = [f"2024-{1 + i % 12:02}-{1 + i % 28:02} {i % 24:02}:30" for i in range(60)]
    df["tags"] = ["quiet|central", "central", "quiet", "loud|central"] * 15
    df["Age"] = pd.Series([1.5, None, 3.0] * 20)
    for column, cell in {
        "description": "naïve 😀 \0 cafe\u0301 好吃",
        "city": "",
        "heating": None,
        "photo": picture("1"),
        "trace": [],
        "area": None,
        "listed": None,
    }.items():
        df[column] = df[column].astype(object)
        df.at[7, column] = cell
        df.at[8, column] = None
    df["area"] = df["area"].astype(float)
    df.at[9, "description"] = ""
    df.at[10, "photo"] = picture(form="JPEG", exif=6, size=(40, 30))
    return df.rename(columns={"price": "a price (€)", "city": "city.name"}), y


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Fitted estimators by name, with the rows that they predict: (estimator, frame, export's parameters)."""
    pytest.importorskip("onnxruntime")
    df, y = listings()
    rng = np.random.default_rng(0)
    two = pd.DataFrame({"state": y, "rooms": rng.integers(1, 4, 60)})
    numbers = df[["area", "Age"]]
    places = InputRouter([("place", CategoryIndexer(), ["city.name", "heating"]), ("size", StandardScaler(), ["age"])])
    everything = MultiInputClassifier(**FAST).fit(df, y)
    several = MultiInputClassifier(places, **FAST).fit(df, two)
    truths = MultiInputClassifier(places, **FAST).fit(df, np.column_stack([df["age"] > 40, df["age"] > 60]).astype(int))
    prices = MultiInputRegressor(**FAST).fit(numbers, df["a price (€)"])
    mixed = InputRouter([("place", CategoryIndexer(), ["heating"]), ("size", NumberScaler(), ["area"])])
    both = MultiInputRegressor(mixed, merge="attention", **FAST).fit(df, df[["a price (€)", "age"]].to_numpy(float))
    as_onnx, as_arrays = {"format": "onnx", "inputs": "arrays"}, {"inputs": "arrays"}
    return {
        "everything": (everything, df, {}),
        "one row": (everything, df[7:8], {}),
        "no photo": (everything, df[8:9], {}),
        "several": (several, df, {}),
        "truths": (truths, df, {}),
        "prices": (prices, numbers, {}),
        "both": (both, df, {}),
        "arrays": (everything, df, as_arrays),
        "onnx": (everything, df, as_onnx),
        "one row of onnx": (everything, df[:1], as_onnx),
        "several in onnx": (several, df, as_onnx),
        "both in onnx": (both, df, as_onnx),
        "prices in onnx": (prices, numbers, as_onnx),
    }


@pytest.fixture(scope="module")
def found(cases, tmp_path_factory):
    """What all exported models predict, loaded in one process without skmulti."""
    import pickle

    work = tmp_path_factory.mktemp("export")
    asked, written = {}, {}
    for name, (est, frame, how) in cases.items():
        key = id(est), str(how)
        if key not in written:
            ending = ".onnx" if how.get("format") == "onnx" else ""
            written[key] = skmulti.export(est, work / f"model {len(written)}{ending}", **how)
        asked[name] = written[key], feed(est, frame, written[key], how)
    (work / "asked.pickle").write_bytes(pickle.dumps(asked))
    (work / "load.py").write_text(LOADER, encoding="utf-8")
    # -I: neither the working directory nor PYTHONPATH leads to the package.
    run = subprocess.run([sys.executable, "-I", work / "load.py", work], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return pickle.loads((work / "found.pickle").read_bytes())


def feed(est, frame, path, how):
    """Return what the exported model takes for rows of a frame, as NumPy arrays."""
    if how.get("inputs") == "arrays":
        return est.router_.transform(frame)
    with open(os.path.join(path, "assets.extra", "columns.json"), encoding="utf-8") as file:
        return {name: tensor.numpy() for name, tensor in tensors_of(json.load(file)["inputs"], frame).items()}


def test_a_row_without_a_photo_has_the_same_probabilities(cases, found):
    est, frame, _ = cases["no photo"]
    np.testing.assert_allclose(found["no photo"]["probabilities"], est.predict_proba(frame), atol=1e-5)


@pytest.mark.parametrize("name", ["everything", "one row", "arrays", "onnx", "one row of onnx"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_probabilities_are_those_of_predict_proba(name, cases, found):
    est, frame, how = cases[name]
    # Pixels of a photo may be rounded to their neighbours.
    most = 1e-5 if how else 5e-4
    np.testing.assert_allclose(found[name]["probabilities"], est.predict_proba(frame), atol=most)
    if how.get("format") != "onnx":
        assert [label.decode() for label in found[name]["labels"]] == est.predict(frame).tolist()


@pytest.mark.parametrize("name", ["several", "several in onnx"])
def test_each_output_has_its_own_probabilities_and_labels(name, cases, found):
    est, frame, how = cases[name]
    for output, expected in zip(["state", "rooms"], est.predict_proba(frame), strict=True):
        np.testing.assert_allclose(found[name][f"probabilities_{output}"], expected, atol=1e-5)
    if not how:
        assert found[name]["labels_rooms"].tolist() == est.predict(frame)[:, 1].tolist()


def test_labels_that_can_hold_together_are_0_and_1(cases, found):
    est, frame, _ = cases["truths"]
    np.testing.assert_allclose(found["truths"]["probabilities"], est.predict_proba(frame), atol=1e-5)
    np.testing.assert_array_equal(found["truths"]["labels"], est.predict(frame))


@pytest.mark.parametrize("name", ["prices", "prices in onnx"])
def test_predictions_are_in_the_units_of_y(name, cases, found):
    est, frame, _ = cases[name]
    np.testing.assert_allclose(found[name]["predictions"], est.predict(frame), rtol=1e-5)


@pytest.mark.parametrize("name", ["both", "both in onnx"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_each_column_of_numbers_is_an_output(name, cases, found):
    est, frame, _ = cases[name]
    for i, expected in enumerate(est.predict(frame).T):
        np.testing.assert_allclose(found[name][f"predictions_{i}"], expected, rtol=1e-5)


def test_columns_json_says_what_a_client_has_to_send(cases, tmp_path):
    est, _, _ = cases["several"]
    path = skmulti.export(est, tmp_path / "model")
    content = json.loads(Path(path, "assets.extra", "columns.json").read_text(encoding="utf-8"))
    assert [(c["tensor"], c["column"], c["dtype"], c["missing"]) for c in content["inputs"]] == [
        ("city_name", "city.name", "string", "\\N"),
        ("heating", "heating", "string", "\\N"),
        ("age", "age", "float64", "NaN"),
    ]
    assert content["outputs"]["probabilities_rooms"]["classes"] == [1, 2, 3]


def test_names_that_differ_in_case_alone_get_a_number(cases, tmp_path):
    names = [column.name for column in cases["everything"][0].router_.graph().columns]
    assert {"age", "Age_2", "a_price", "city_name"} <= set(names)
    assert len({name.lower() for name in names}) == len(names)


# --- refusals


def fitted(encoder, column="text", **more):
    frame = pd.DataFrame({"text": ["a b", "c", "d"], "number": [1.0, 2.0, 3.0], **more})
    single = column if not isinstance(encoder, NumberScaler | PolynomialFeatures) else [column]
    return MultiInputClassifier(InputRouter([("odd", encoder, single), ("n", NumberScaler(), ["number"])]), **FAST).fit(
        frame, [0, 1, 0]
    )


@pytest.mark.parametrize(
    ("encoder", "more", "message"),
    [
        (PolynomialFeatures(), {"text": [1.0, 2.0, 3.0]}, "PolynomialFeatures is none of the transformers"),
        (RecordVectorizer(), {"text": [{"a": 1}, {"a": 2}, {}]}, "a tensor holds no dicts"),
        (TextVectorizer(split=str), {}, "is a function"),
    ],
    ids=["scikit-learn", "records", "callable"],
)
def test_an_encoder_without_a_graph_is_refused_by_name_before_anything_is_written(encoder, more, message, tmp_path):
    if isinstance(encoder, TextVectorizer):
        encoder.set_params(split=_split)
    est = fitted(encoder, **more)
    name = type(encoder).__name__
    with pytest.raises(ExportError, match=rf"Input 'odd' \(column 'text'\), encoder {name}.*{message}.*=\"arrays\""):
        skmulti.export(est, tmp_path / "model")
    assert not list(tmp_path.iterdir())
    assert os.listdir(skmulti.export(est, tmp_path / "model", inputs="arrays"))


def _split(texts):
    import tensorflow as tf

    return tf.strings.split(texts)


def test_opencv_is_refused_with_its_reason():
    pytest.importorskip("cv2")
    router = InputRouter([("photo", ImageDecoder(decoder="opencv"), "photo")]).fit(pd.DataFrame({"photo": [picture()]}))
    with pytest.raises(ExportError, match="smooths JPEG files"):
        router.graph()


def test_a_folder_that_holds_something_stays_as_it_is(cases, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not an empty folder"):
        skmulti.export(cases["prices"][0], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_onnx_of_columns_is_refused_with_a_way_out(cases, tmp_path):
    with pytest.raises(ExportError, match=r"ONNX takes arrays alone.*router_.transform"):
        skmulti.export(cases["prices"][0], tmp_path / "model.onnx", format="onnx")


@pytest.mark.parametrize(
    ("how", "message"), [({"format": "savedmodel"}, "Did you mean 'saved_model'"), ({"inputs": "array"}, "'arrays'")]
)
def test_unknown_words_are_refused(how, message, cases, tmp_path):
    with pytest.raises(ValueError, match=message):
        skmulti.export(cases["prices"][0], tmp_path / "model", **how)


def test_other_objects_are_refused(cases, tmp_path):
    with pytest.raises(ExportError, match="export the estimator in it"):
        skmulti.export(make_pipeline(StandardScaler()), tmp_path / "model")


def test_a_network_of_encoded_batches_has_no_columns(tmp_path):
    batch = ({"a": np.zeros((4, 2), "float32")}, np.array([0, 1, 0, 1]))
    est = MultiInputClassifier(**FAST).fit(lambda: iter([batch]))
    with pytest.raises(ExportError, match='inputs="arrays"'):
        skmulti.export(est, tmp_path / "model")


def test_a_cell_that_only_python_reads_lets_the_call_fail():
    import tensorflow as tf

    frame = pd.DataFrame({"price": [f"${n}" for n in range(30)]})
    graph = InputRouter([("price", NumberScaler(on_odd="missing"), ["price"])]).fit(frame).graph()
    with pytest.raises(tf.errors.InvalidArgumentError, match="column 'price': cannot be read"):
        graph({"price": tf.constant(["$١٢"])})
    assert np.isnan(graph({"price": tf.constant(["unknown"])})["price"].numpy()).all()
