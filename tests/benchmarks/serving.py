"""How fast a server predicts rows: `examples/serve.py` around skmulti, and the same server around SciKeras.

Both learn one table of numbers, categories and texts, and both run in a process of their own, with FastAPI and uvicorn.
One client sends single rows and batches of 64, and eight clients send single rows at once. The other estimator is
``Pipeline(ColumnTransformer(...), KerasClassifier)``: standardised numbers, one-hot categories, tf-idf of 2,000 words,
a dense layer of 64 units.

    python tests/benchmarks/serving.py [--requests 500]
"""

import argparse
import http.client
import importlib.util
import json
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).parents[2] / "examples/serve.py"
NUMBERS, CATEGORIES, TEXT = ["area", "age", "price"], ["city", "heating"], "description"


def make_table(n=2000):
    """Return the table and its target."""
    from skmulti.datasets import make_listings

    frame, y = make_listings(n, random_state=0)
    return frame[[*NUMBERS, *CATEGORIES, TEXT]], y


def make_ours():
    """Return the application of the unconfigured classifier."""
    from skmulti import MultiInputClassifier

    frame, y = make_table()
    return load_example().estimator_app(MultiInputClassifier(epochs=3, random_state=0).fit(frame, y))


def make_scikeras():
    """Return the application of a pipeline with SciKeras."""
    import keras
    import pandas as pd
    from pydantic import create_model
    from scikeras.wrappers import KerasClassifier
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    frame, y = make_table()
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), NUMBERS),
            ("categories", OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
            ("text", TfidfVectorizer(max_features=2000), TEXT),
        ],
        sparse_threshold=0,
    )

    def network(meta):
        layers = [
            keras.Input((meta["n_features_in_"],)),
            keras.layers.Dense(64, "relu"),
            keras.layers.Dense(1, "sigmoid"),
        ]
        return keras.Sequential(layers)

    wrapper = KerasClassifier(network, loss="binary_crossentropy", optimizer="adam", epochs=3, verbose=0)
    estimator = make_pipeline(columns, wrapper).fit(frame, y)
    fields = {**dict.fromkeys(NUMBERS, (float, ...)), **dict.fromkeys([*CATEGORIES, TEXT], (str, ...))}

    def answer(rows):
        return {"probabilities": estimator.predict_proba(pd.DataFrame([row.model_dump() for row in rows])).tolist()}

    return load_example().make_app(create_model("Row", **fields), answer)


def load_example():
    """Return the example as a module."""
    spec = importlib.util.spec_from_file_location("serve", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SERVERS = {"skmulti": make_ours, "Pipeline + SciKeras": make_scikeras}


def serve(name):
    """Serve an application until standard input ends."""
    _, address = load_example().start(SERVERS[name]())
    print(f"port {address.rsplit(':', 1)[1].split('/')[0]}", flush=True)
    sys.stdin.read()


class Client:
    """A connection that stays open."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port)
        self.connection.connect()
        # Headers and body go out in two packets, which the system would hold back for each other.
        self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def seconds(self, body):
        """Send rows and return the seconds until the answer."""
        started = time.perf_counter()
        self.connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        response = self.connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(answer[:500])
        return time.perf_counter() - started


def measure(port, rows, n_requests):
    """Return (what, milliseconds at p50, at p99, rows a second) of each way to ask."""
    single = [json.dumps([row]) for row in rows]
    batch = json.dumps(rows[:64])
    client = Client(port)
    for body in [*single[:20], *[batch] * 5]:
        client.seconds(body)
    alone = [client.seconds(single[i % len(single)]) for i in range(n_requests)]
    batches = [client.seconds(batch) for _ in range(n_requests // 5)]
    clients = [Client(port) for _ in range(8)]
    started = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        each = list(pool.map(lambda own: [own.seconds(single[i % 64]) for i in range(n_requests // 4)], clients))
    took = time.perf_counter() - started
    yield "one row", alone, len(alone) / sum(alone)
    yield "64 rows", batches, 64 * len(batches) / sum(batches)
    yield "one row, 8 clients", [seconds for own in each for seconds in own], sum(map(len, each)) / took


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--serve", choices=SERVERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    rows = json.loads(make_table(64)[0].to_json(orient="records"))
    print(f"{'server':<22}{'request':<22}{'p50 ms':>8}{'p99 ms':>8}{'rows/s':>9}")
    for name in SERVERS:
        command = [sys.executable, __file__, "--serve", name]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            port = int(next(line for line in process.stdout if line.startswith("port ")).split()[1])
            for what, seconds, rate in measure(port, rows, options.requests):
                low, high = 1000 * np.quantile(seconds, [0.5, 0.99])
                print(f"{name:<22}{what:<22}{low:>8.1f}{high:>8.1f}{rate:>9.0f}", flush=True)
        finally:
            process.communicate("", timeout=60)


if __name__ == "__main__":
    main()
