"""A server around a fitted estimator: pydantic models of rows, and `examples/serve.py` called over loopback."""

import base64
import io
import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from skmulti import ImageDecoder, InputRouter, SequencePadder, records_schema

pydantic = pytest.importorskip("pydantic")
EXAMPLE = Path(__file__).parents[2] / "examples/serve.py"

# The servers, in a process of their own: an estimator, its export, and what the estimator itself predicts.
SERVER = """
import importlib.util, json, sys, threading
import numpy as np, skmulti

spec = importlib.util.spec_from_file_location("serve", sys.argv[1])
serve = importlib.util.module_from_spec(spec)
spec.loader.exec_module(serve)
from skmulti import ImageDecoder, InputRouter, MultiInputClassifier
from skmulti.datasets import make_listings

frame, y = make_listings(60, random_state=0, size=(8, 8))
frame["age"] = frame["age"].astype(float).where(np.arange(60) % 7 > 0)
frame = frame[["area", "age", "city", "description", "photo", "trace"]]
estimator = MultiInputClassifier(epochs=1, random_state=0).fit(frame, y)
rows = serve.as_json_rows(frame[:16])

skmulti.export(estimator, sys.argv[2])
apps = [serve.estimator_app(estimator), serve.saved_model_app(sys.argv[2])]
servers = [serve.start(app) for app in apps]
answers = {"rows": rows, "probabilities": estimator.predict_proba(frame[:16]).tolist()}
print(json.dumps({**answers, "addresses": [address for _, address in servers]}), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    pytest.importorskip("fastapi")
    pytest.importorskip("uvicorn")
    folder = str(tmp_path_factory.mktemp("exported"))
    command = [sys.executable, "-c", SERVER, str(EXAMPLE), folder]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(next(line for line in process.stdout if line.startswith("{")))
    finally:
        process.communicate("", timeout=60)


def send(server, rows, which=0):
    """Send rows, or a text as it stands; return (status, answer)."""
    body = rows if isinstance(rows, str) else json.dumps(rows)
    address = server["addresses"][which]
    request = urllib.request.Request(address, body.encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.long
class TestServer:
    def test_good_rows_are_predicted_as_by_the_estimator(self, server):
        status, answer = send(server, server["rows"])
        assert status == 200
        np.testing.assert_allclose(answer["probabilities"], server["probabilities"], atol=1e-6)
        assert set(answer["predictions"]) <= set(answer["classes"])

    def test_a_value_that_may_be_missing_may_be_left_out(self, server):
        row = dict(server["rows"][1])
        row["age"] = None
        null = send(server, [row])
        del row["age"]
        assert send(server, [row]) == null
        assert null[0] == 200

    @pytest.mark.parametrize(
        ("change", "column"),
        [
            ({"area": None}, "area"),
            ({"area": "large"}, "area"),
            ({"area": True}, "area"),
            ({"area": 10**400}, "area"),
            ({"city": 5}, "city"),
            ({"description": ["a"]}, "description"),
            ({"trace": "trace.npy"}, "trace"),
            ({"trace": [1, "two"]}, "trace"),
            ({"photo": base64.b64encode(b"no photo at all").decode()}, "photo"),
            ({"photo": "/etc/hostname"}, "photo"),
            ({"photo": "é" * 100}, "photo"),
            ({"photo": "data:image/png;base64,iVBORw0K"}, "photo"),
            ({"photo": None}, "photo"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_a_wrong_cell_is_answered_with_its_column_and_row(self, server, change, column):
        status, answer = send(server, [server["rows"][1], {**server["rows"][1], **change}])
        assert status == 422
        assert {(part["row"], part["column"]) for part in answer} == {(1, column)}

    def test_a_column_that_is_absent_is_named(self, server):
        row = {name: cell for name, cell in server["rows"][1].items() if name != "city"}
        assert send(server, [row]) == (422, [{"row": 0, "column": "city", "message": "Field required"}])

    def test_an_unknown_column_is_named_with_the_closest_match(self, server):
        row = {"cty" if name == "city" else name: cell for name, cell in server["rows"][1].items()}
        status, answer = send(server, [row])
        assert (status, answer[0]["message"]) == (422, "there is no column 'cty'. Did you mean 'city'?")

    @pytest.mark.parametrize("body", ["[]", "{}", "[", "[1]", "null", '[{"area": NaN}]', '"rows"'])
    def test_no_rows_are_no_error_of_the_server(self, server, body):
        assert send(server, body)[0] == 422

    def test_nan_and_infinity_are_refused(self, server):
        for cell in (float("nan"), float("inf")):
            status, answer = send(server, [{**server["rows"][1], "area": cell}])
            assert (status, answer[0]["column"]) == (422, "area")

    def test_eight_clients_at_once_get_what_one_gets(self, server):
        alone = [send(server, [row]) for row in server["rows"]]
        with ThreadPoolExecutor(8) as pool:
            together = list(pool.map(lambda row: send(server, [row]), server["rows"] * 4))
        assert {status for status, _ in together} == {200}
        found = [answer["probabilities"] for _, answer in together]
        np.testing.assert_array_equal(found, [answer["probabilities"] for _, answer in alone] * 4)

    def test_a_saved_model_answers_as_the_estimator_does(self, server):
        rows = [{**row, "photo": {"b64": row["photo"]}} for row in server["rows"]]
        status, answer = send(server, rows, 1)
        assert status == 200
        np.testing.assert_allclose(answer["probabilities"], server["probabilities"], atol=1e-4)
        assert send(server, rows[:1], 1)[0] == 200
        lost = {**rows[0], "area": None, "city": None, "trace": None}
        assert send(server, [lost], 1)[0] == 200

    def test_wrong_cells_of_a_saved_model_are_answered_with_their_column(self, server):
        row = {**server["rows"][0], "photo": {"b64": server["rows"][0]["photo"]}}
        status, answer = send(server, [{**row, "area": "x"}], 1)
        assert (status, answer[0]["column"]) == (422, "area")
        for change in ({"photo": "no photo"}, {"trace": ["a", "b"]}, {"trace": [[1, 2], [3]]}):
            status, answer = send(server, [{**row, **change}], 1)
            assert status == 422, answer
            assert answer[0]["message"]


# --- pydantic models


def png(size=(4, 4)):
    content = io.BytesIO()
    Image.new("RGB", size, "red").save(content, "PNG")
    return content.getvalue()


FRAME = pd.DataFrame(
    {
        "age": [20.0, 40.0, None, 30.0] * 10,
        "home town": ["Rome", "Oslo", "Rome", None] * 10,
        "flag": [True, False, True, False] * 10,
        "day": pd.date_range("2024-01-01", periods=40),
        "tags": [["a", "b"], ["b"], ["a"], []] * 10,
        "embedding": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.5], [0.0, 1.0]] * 10,
        "trace": [[1.0, 2.0], [3.0], [4.0, 5.0, 6.0], [7.0, 8.0]] * 10,
        "details": [{"rooms": 1.0}, {"rooms": 2.0}, {"rooms": 3.0}, {}] * 10,
        "copy": [1.5, 2.5, 3.5, 4.5] * 10,
        "photo": [png((4, 4 + i % 2)) for i in range(40)],
    }
)


@pytest.fixture(scope="module")
def router():
    return InputRouter().fit(FRAME)


@pytest.fixture(scope="module")
def Row(router):
    return records_schema(router)


@pytest.fixture
def example(Row):
    return {name: field["examples"][0] for name, field in Row.model_json_schema()["properties"].items()}


class TestRecordsSchema:
    def test_types_are_those_of_the_training_cells(self, Row):
        fields = Row.model_json_schema()["properties"]
        types = {name: field.get("type") or [part["type"] for part in field["anyOf"]] for name, field in fields.items()}
        assert types == {
            "age": ["number", "null"],
            "home town": ["string", "null"],
            "flag": "boolean",
            "day": "string",
            "tags": "array",
            "embedding": "array",
            "trace": "array",
            "details": "object",
            "copy": "number",
            "photo": "string",
        }
        assert (fields["day"]["format"], fields["photo"]["contentEncoding"]) == ("date-time", "base64")
        assert set(Row.model_json_schema()["required"]) == {*FRAME} - {"age", "home town"}

    def test_the_example_is_a_row_that_the_router_encodes(self, router, Row, example):
        arrays = router.transform(Row.model_validate(example).record())
        assert all(len(array) == 1 for array in arrays.values())

    def test_a_row_in_json_is_encoded_as_the_row_of_the_frame(self, router, Row):
        frame = FRAME[:1]
        cells = frame.drop(columns="photo").assign(day=frame["day"].astype(str)).iloc[0].to_dict()
        photo = base64.b64encode(FRAME["photo"][0]).decode()
        expected = router.transform(frame)
        for text in (photo, f"data:image/png;base64,{photo}"):
            row = Row.model_validate_json(json.dumps({**cells, "photo": text}))
            for name, array in router.transform([row.record()]).items():
                np.testing.assert_array_equal(array, expected[name])

    @pytest.mark.parametrize(
        ("column", "cell"),
        [
            ("day", "yesterday"),
            ("day", 20240101),
            ("embedding", [1.0]),
            ("embedding", [1.0, "x"]),
            ("trace", [[1.0, 2.0]]),
            ("tags", "a|b"),
            ("details", [1]),
            ("flag", "yes"),
            ("copy", None),
        ],
    )
    def test_a_wrong_cell_is_refused_with_its_column(self, Row, example, column, cell):
        with pytest.raises(pydantic.ValidationError) as raised:
            Row.model_validate({**example, column: cell})
        assert {error["loc"][0] for error in raised.value.errors()} == {column}

    def test_labels_that_are_no_strings_come_back(self):
        router = InputRouter().fit(pd.DataFrame({0: [1.0, 2.0], 1: ["a", "b"]}))
        row = records_schema(router).model_validate({"0": 1.0, "1": "a"})
        assert row.record() == {0: 1.0, 1: "a"}
        assert len(router.transform(row.record())) == 2

    def test_paths_at_fit_do_not_let_clients_name_files(self, tmp_path):
        np.save(tmp_path / "a.npy", np.arange(3.0))
        (tmp_path / "a.png").write_bytes(png())
        frame = pd.DataFrame({"trace": [str(tmp_path / "a.npy")], "photo": [str(tmp_path / "a.png")]})
        inputs = [("trace", SequencePadder(), "trace"), ("photo", ImageDecoder(size=(2, 2)), "photo")]
        Row = records_schema(InputRouter(inputs).fit(frame))
        with pytest.raises(pydantic.ValidationError, match=r"(?s)trace.*valid list.*photo.*base64"):
            Row.model_validate(frame.iloc[0].to_dict())

    def test_arrays_by_input_are_lists(self):
        router = InputRouter().fit({"numbers": np.arange(12.0).reshape(4, 3), "one": np.arange(4.0)})
        row = records_schema(router).model_validate({"numbers": [1, 2, 3], "one": 4})
        assert router.transform(row.record())["numbers"].shape == (1, 3)

    def test_examples_say_nothing_that_only_one_row_says(self):
        frame = pd.DataFrame({"note": [f"the secret of row {i} is {i * 7919}" for i in range(30)]})
        assert "secret" not in json.dumps(records_schema(InputRouter().fit(frame)).model_json_schema())

    def test_what_has_no_columns_is_refused(self):
        from sklearn.exceptions import NotFittedError

        with pytest.raises(NotFittedError):
            records_schema(InputRouter())

    def test_without_pydantic_the_error_names_the_extra(self, router, monkeypatch):
        monkeypatch.setitem(sys.modules, "pydantic", None)
        with pytest.raises(ImportError, match=re.escape('pip install "skmulti[serve]"')):
            records_schema(router)
