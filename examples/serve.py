"""
How do I serve predictions?
===========================

Serve a fitted estimator, or an exported SavedModel, to programs that send rows as JSON.

A server of FastAPI and uvicorn in one process. It checks each row with a pydantic model of the training columns, so a
wrong cell is answered with status 422 and the name of its column. Without an argument, the script fits a small table,
starts the server on this machine alone, sends it a few rows, prints the answers and ends. With a path, it serves what
is there until Ctrl-C: a file that `skmulti.save` wrote, or a folder that `skmulti.export` wrote, for which TensorFlow
alone is needed.

Run: python examples/serve.py [PATH] [--port 8000]
"""

import argparse
import base64
import json
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import numpy as np

try:
    import uvicorn
    from fastapi import FastAPI, Request
    from fastapi.exceptions import RequestValidationError
    from fastapi.responses import JSONResponse
    from pydantic import ConfigDict, Field, create_model
except ImportError as error:
    print(f'This example needs a web server ({error}): pip install "skmulti[serve]"')
    sys.exit(0)


# %%
# The server: one address, and errors that name the column.
def make_app(Row, answer):
    """Return the web application: `Row` checks a row, `answer` turns a list of rows into what JSON can hold."""
    app = FastAPI(title="Predictions")

    # No `async`: FastAPI then runs it in a thread, and the server goes on listening while the network computes.
    @app.post("/predict")
    def predict(rows: Annotated[list[Row], Field(min_length=1, max_length=10_000)]):
        return answer(rows)

    @app.exception_handler(RequestValidationError)
    def refuse_rows(request: Request, error: RequestValidationError):
        # Without the cell itself, which may be a photo, or NaN, which JSON does not have.
        found = [refusal(part["loc"], part["msg"]) for part in error.errors()]
        return JSONResponse(found, status_code=422)

    @app.exception_handler(ValueError)
    def refuse_cells(request: Request, error: ValueError):
        # What only the encoders notice. Their message names input, column and row.
        return JSONResponse([{"row": None, "column": None, "message": str(error)}], status_code=422)

    return app


def refusal(place, message):
    """Return row, column and message of an error; a place is ("body", 3, "age")."""
    row, column = (*place[1:3], None, None)[:2]
    return {"row": row, "column": column, "message": message.removeprefix("Value error, ")}


# %%
# An estimator: skmulti makes the model of a row.
def estimator_app(estimator):
    """Return the web application of a fitted classifier or regressor."""
    from skmulti import records_schema

    def answer(rows):
        records = [row.record() for row in rows]
        # Of several outputs there are several lists of classes.
        if isinstance(getattr(estimator, "classes_", []), list):
            return {"predictions": estimator.predict(records).tolist()}
        probabilities = estimator.predict_proba(records)
        labels = estimator.classes_[probabilities.argmax(axis=1)]
        return {
            "predictions": labels.tolist(),
            "classes": estimator.classes_.tolist(),
            "probabilities": probabilities.tolist(),
        }

    return make_app(records_schema(estimator), answer)


# %%
# A SavedModel: TensorFlow alone; a file in its folder says which columns it takes.
def saved_model_app(folder):
    """Return the web application of a folder that `skmulti.export` wrote."""
    import tensorflow as tf

    model = tf.saved_model.load(folder)
    predict = model.signatures["serving_default"]
    described = json.loads((Path(folder) / "assets.extra/columns.json").read_text(encoding="utf-8"))
    columns = {f"column_{i}": column for i, column in enumerate(described["inputs"])}
    fields = {name: (json_type(own), Field(alias=str(own["column"]))) for name, own in columns.items()}
    Row = create_model("Row", __config__=ConfigDict(extra="forbid", protected_namespaces=()), **fields)

    def answer(rows):
        tensors = {}
        for name, column in columns.items():
            tensors |= as_tensors([getattr(row, name) for row in rows], column)
        try:
            outputs = predict(**tensors)
        except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
            # Cells that the graph cannot read, such as a broken photo. The message names the column.
            raise ValueError(f"the model cannot read these rows: {str(error)[:300]}") from error
        return {name: as_json(tensor.numpy().tolist()) for name, tensor in outputs.items()}

    # The functions of a signature live as long as the model does.
    answer.model = model
    return make_app(Row, answer)


def json_type(column):
    """Return what JSON has for the cells of a column; null is a missing one, {"b64": ...} the content of a file."""
    if column["lengths"] or len(column["shape"]) > 1:
        return list[Any] | None
    if column["dtype"] == "string":
        return str | dict[str, str] | None
    return Annotated[float, Field(strict=True)] | bool | None


def as_tensors(cells, column):
    """Return the cells of a column as the tensor, or the two tensors, that a signature takes."""
    import tensorflow as tf

    missing, kind = column["missing"], column["dtype"]
    if column["lengths"]:
        cells = [missing if cell is None else cell for cell in cells]
        entries = np.array([entry for cell in cells for entry in cell], dtype=object if kind == "string" else kind)
        return {
            column["tensor"]: tf.constant(entries.reshape(-1, *column["shape"][1:]), kind),
            column["lengths"]: tf.constant([len(cell) for cell in cells], tf.int64),
        }
    if kind == "string":
        return {column["tensor"]: tf.constant([missing if cell is None else read_text(cell) for cell in cells])}
    empty = np.full(column["shape"][1:], np.nan)
    return {column["tensor"]: tf.constant([empty if cell is None else cell for cell in cells], kind)}


def read_text(cell):
    """Return a text, or the content of a file that is written in base64 or as a data: URI."""
    if isinstance(cell, dict):
        return base64.b64decode(cell["b64"], validate=True)
    return base64.b64decode(cell.partition(",")[2]) if cell.startswith("data:") else cell


def as_json(values):
    """Return nested lists with texts in place of bytes."""
    if isinstance(values, list):
        return [as_json(value) for value in values]
    return values.decode() if isinstance(values, bytes) else values


# %%
# Start it.
def start(app):
    """Start a server on a free port of this machine, in a thread; return it and its address."""
    # With the protocol by name: asyncio then sends small answers at once, without waiting for more to send.
    listening = socket.socket(proto=socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    return server, f"http://127.0.0.1:{listening.getsockname()[1]}/predict"


def send(address, rows):
    """Send rows, and return the status and the answer."""
    request = urllib.request.Request(address, json.dumps(rows).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def as_json_rows(frame):
    """Return the rows of a frame as JSON has them: photos in base64, lists in place of arrays."""
    photos = frame["photo"].map(lambda photo: base64.b64encode(photo).decode())
    return json.loads(frame.assign(photo=photos).to_json(orient="records"))


def demonstrate():
    """Fit a small table, serve it, send a few rows and print the answers."""
    from skmulti import MultiInputClassifier
    from skmulti.datasets import make_listings

    frame, y = make_listings(300, random_state=0)
    columns = ["area", "price", "city", "description", "photo"]
    estimator = MultiInputClassifier(epochs=3, random_state=0).fit(frame[columns], y)
    server, address = start(estimator_app(estimator))
    rows = as_json_rows(frame[columns][:3])
    print("three rows:", send(address, rows))
    print("a wrong type:", send(address, [{**rows[0], "price": "cheap"}]))
    print("a broken photo:", send(address, [{**rows[0], "photo": "aGVsbG8="}]))
    print(
        "a misspelt column:",
        send(address, [{"aera" if name == "area" else name: cell for name, cell in rows[0].items()}]),
    )
    server.should_exit = True


def main():
    parser = argparse.ArgumentParser(description="Serve a fitted estimator, or an exported SavedModel, as JSON.")
    parser.add_argument("path", nargs="?", help="a file of skmulti.save, or a folder of skmulti.export")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    if options.path is None:
        demonstrate()
        return
    if Path(options.path).is_dir():
        app = saved_model_app(options.path)
    else:
        from skmulti import load

        app = estimator_app(load(options.path))
    uvicorn.run(app, host="127.0.0.1", port=options.port)


if __name__ == "__main__":
    main()
