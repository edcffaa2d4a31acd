"""Compare this version of skmulti with another one: the processor's seconds of the same fits, and their scores.

    python tests/benchmarks/beside.py OTHER [LINE ...] [--turns 3]

OTHER is the folder of a checkout of the other version (``git worktree add OTHER COMMIT`` makes one). Lines:

    bag, pool   a step of 256 rows of reviews, with a title and a text of up to 225 words: milliseconds
    reviews     the unconfigured fit of women's clothing reviews: seconds, and AUC on held-out rows
    solar       the unconfigured fit of photos of solar cells: seconds, and AUC on held-out rows (package elpv-dataset)
    photos      its fixed features alone: filters, scales and the features of all rows
    tuned       ten epochs that fine-tune the last quarter of MobileNetV2 on 500 small photos: seconds, and last loss
    predict     the prediction of a million rows of numbers, categories and texts on all cores: seconds of the clock
    threads     single rows of it, predicted by 8 threads at once: milliseconds of the clock for each
    small       the unconfigured fit of 150 flowers: seconds of a second fit in a process, and its last loss
    trace       what TensorFlow takes of that to trace and to compile the steps
    numeric     the unconfigured fit of 1,000 rows of ten numbers: likewise

and skmulti's side of the lines of other benchmarks, in seconds:

    fresh, epochs, row, row-sklearn, rows, grid     of `estimator_speed.py`; a row is predicted 100 times
    router      fit and transform of a million rows, as in `router_million.py`
    ids         the ids of the words of 470,000 texts, as in `text_ids.py`
    jpegs       500 photos to pixels, as in `jpegs.py`

Each measurement is a process of its own in turns; the median counts. The ratio, other / this, comes last. All lines but
predict and threads take one thread and the processor's seconds. Reviews are read from the folder in the environment
variable SKMULTI_DATA.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# One thread each, so that seconds compare; the libraries read this when they are imported.
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
ONE_THREAD |= {f"TF_NUM_{name}_THREADS": "1" for name in ("INTRAOP", "INTEROP")}
ON_ALL_CORES = ("predict", "threads")
HERE = Path(__file__).resolve()
COLUMNS = {"title": "Title", "text": "Review Text"}
STEPS = 30


def step(architecture):
    """Return the milliseconds of a step on titles and texts of reviews, and the loss after the steps."""
    import keras
    import numpy as np
    from quality_tables import TABLES

    from skmulti import (
        ArraySpec,
        ConcatenateMerge,
        DenseHead,
        TargetSpec,
        TextBranch,
        TextVectorizer,
        build_network,
    )
    from skmulti.training import Rows, Schedule, train

    X = TABLES["reviews"](os.environ.get("SKMULTI_DATA")).X[: 256 * STEPS]
    columns = {name: X[[column]].fillna("").set_axis(["words"], axis=1) for name, column in COLUMNS.items()}
    vectorizer = TextVectorizer(length=225).fit(columns["text"])
    arrays = {name: vectorizer.transform(column) for name, column in columns.items()}
    size = vectorizer.spec("text").vocabulary_sizes
    specs = {name: ArraySpec(name, "text", (225,), "int32", vocabulary_sizes=size) for name in arrays}
    branches = {name: TextBranch(architecture, dropout=0.0) for name in arrays}
    keras.utils.set_random_seed(0)
    network = build_network(specs, branches, ConcatenateMerge(), DenseHead(), TargetSpec(), arrays)
    network.compile("adam", "mse", steps_per_execution=STEPS)
    y = np.random.default_rng(0).normal(size=(len(X), 1)).astype("float32")
    spent = []
    for epochs in (1, 4):
        begun = time.process_time()
        history = train(network, Rows(arrays, y, None), None, Schedule(epochs, 256, True, 0), [], {}).history
        spent.append(time.process_time() - begun)
    # The first call has compiled.
    return 1e3 * spent[1] / (4 * STEPS), history["loss"][-1]


def fit(name):
    """Return the seconds of an unconfigured fit, and the AUC on held-out rows."""
    from quality_tables import TABLES
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import train_test_split

    from skmulti import MultiInputClassifier

    table = TABLES[name](os.environ.get("SKMULTI_DATA"))
    X, X_test, y, y_test = train_test_split(table.X, table.y, test_size=0.2, random_state=0, stratify=table.y)
    begun = time.process_time()
    fitted = MultiInputClassifier(random_state=0).fit(X, y)
    return time.process_time() - begun, roc_auc_score(y_test, fitted.predict_proba(X_test)[:, 1])


def photos():
    """Return the seconds of the fixed features of photos, and the number of features."""
    import numpy as np
    from keras.layers import AveragePooling2D, MaxPooling2D
    from quality_tables import TABLES

    from skmulti import ImageDecoder
    from skmulti.inputs.image.patches import learn_features
    from skmulti.network import Forward

    pixels = ImageDecoder().fit_transform(TABLES["solar"](None).X[["photo"]])
    begun = time.process_time()
    network = learn_features(pixels, np.random.default_rng(0), (AveragePooling2D, MaxPooling2D))
    features = Forward(network)({network.inputs[0].name: pixels})
    return time.process_time() - begun, features.shape[1]


def tuned(n_rows=500, epochs=10):
    """Return the seconds of a fit that fine-tunes a network of random weights on photos of noise, and its last loss."""
    import keras
    import numpy as np

    from skmulti import BackboneBranch, ImageDecoder, InputRouter, MultiInputClassifier

    rng = np.random.default_rng(0)
    X = {"photo": rng.integers(0, 256, (n_rows, 64, 64, 3), dtype="uint8")}
    keras.utils.set_random_seed(0)
    branch = BackboneBranch("MobileNetV2", weights=None, trainable=0.25)
    router = InputRouter([("photo", ImageDecoder(size=(64, 64)), "photo")])
    clf = MultiInputClassifier(router, branches={"photo": branch}, epochs=epochs, random_state=0)
    begun = time.process_time()
    clf.fit(X, rng.integers(0, 2, n_rows))
    return time.process_time() - begun, clf.history_["loss"][-1]


def predict(n_rows=1_000_000, repeats=3):
    """Return the seconds in which many rows are predicted, and the mean of the probabilities."""
    from estimator_speed import by_skmulti, make_table

    fitted, X = by_skmulti(epochs=1).fit(*make_table(5_000)), make_table(n_rows)[0]
    fitted.predict_proba(X[:50_000])
    spent = []
    for _ in range(repeats):
        begun = time.perf_counter()
        found = fitted.predict_proba(X)
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent), found[:, 1].mean()


def threads(n_threads=8, n_rows=2_000):
    """Return the milliseconds of a single row that one of several threads predicts, and their number."""
    from estimator_speed import by_skmulti, make_table

    X, y = make_table(5_000)
    fitted = by_skmulti(epochs=1).fit(X, y)
    rows = [X.iloc[[i]] for i in range(n_rows)]
    for row in rows[:50]:
        fitted.predict(row)
    begun = time.perf_counter()
    with ThreadPoolExecutor(n_threads) as pool:
        n_found = sum(map(len, pool.map(fitted.predict, rows)))
    return 1e3 * (time.perf_counter() - begun) / n_rows, n_found


def flowers():
    """Return 150 rows of four numbers, and their classes."""
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True, as_frame=True)


def numbers():
    """Return 1,000 rows of ten numbers, and their classes."""
    import pandas as pd
    from sklearn.datasets import make_classification

    X, y = make_classification(1_000, 10, n_informative=6, random_state=0)
    return pd.DataFrame(X).add_prefix("column_"), y


def refit(make, only_trace=False):
    """Return the seconds of the second of two unconfigured fits in a process, or of its trace, and its last loss."""
    from skmulti import MultiInputClassifier
    from skmulti.training.steps import FeedSteps

    X, y = make()
    spent, own = [], FeedSteps.trace

    def trace(steps):
        begun = time.process_time()
        own(steps)
        spent.append(time.process_time() - begun)

    FeedSteps.trace = trace
    for _ in range(2):
        spent.clear()
        begun = time.process_time()
        fitted = MultiInputClassifier(random_state=0).fit(X, y)
        whole = time.process_time() - begun
    return sum(spent) if only_trace else whole, fitted.history_["loss"][-1]


def twice(call):
    """Return the seconds of the second of two calls, and what the call gives."""
    call()
    begun = time.process_time()
    found = call()
    return time.process_time() - begun, found


def own_fit(n_rows, epochs):
    """Return the seconds of a fit of `estimator_speed.py`, and its last loss."""
    from estimator_speed import by_skmulti, make_table

    X, y = make_table(n_rows)
    return twice(lambda: by_skmulti(epochs=epochs).fit(X, y).history_["loss"][-1])


def own_predictions(n_rows, n_calls, **params):
    """Return the seconds of predictions of `estimator_speed.py`, and a probability."""
    from estimator_speed import by_skmulti, make_table

    fitted = by_skmulti(epochs=1, **params).fit(*make_table(1_000))
    rows = make_table(max(n_rows, 1_000))[0].iloc[:n_rows]

    def predict():
        for _ in range(n_calls):
            chances = fitted.predict_proba(rows)
        return chances[0, 1]

    return twice(predict)


def own_grid():
    """Return the seconds of the search of `estimator_speed.py`, and its best score."""
    from estimator_speed import by_skmulti, make_table
    from sklearn.model_selection import GridSearchCV

    X, y = make_table(5_000)
    grid = {
        "branches__numbers__units": [(width,) for width in (16, 32, 64)],
        "optimizer__learning_rate": [3e-4, 1e-3, 3e-3],
    }
    begun = time.process_time()
    search = GridSearchCV(by_skmulti(epochs=3), grid, cv=3, refit=False).fit(X, y)
    return time.process_time() - begun, search.best_score_


def router(n_rows=1_000_000):
    """Return the seconds of the router of `router_million.py`, and a mean of what it gives."""
    from router_million import make_system, make_table

    table = make_table(n_rows)
    return twice(lambda: make_system("skmulti").fit(table).transform(table)["categories"].mean())


def ids():
    """Return the seconds of the ids of `text_ids.py`, and their mean."""
    import pandas as pd
    from text_ids import LENGTH, MAX_TOKENS, N_ROWS, make_texts

    from skmulti import TextVectorizer

    texts = pd.Series(make_texts(N_ROWS), dtype=object, name="review")
    vectorizer = TextVectorizer(length=LENGTH, max_tokens=MAX_TOKENS).fit(texts[: N_ROWS // 10])
    return twice(lambda: vectorizer.transform(texts).mean())


def jpegs(n_files=500):
    """Return the seconds of the photos of `jpegs.py`, and the mean of their pixels."""
    from jpegs import SIDE, write_photos

    from skmulti import ImageDecoder

    with tempfile.TemporaryDirectory() as folder:
        paths = write_photos(folder, n_files)
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        return twice(lambda: ImageDecoder(size=(SIDE, SIDE)).fit_transform(paths).mean())


LINES = {
    "bag": lambda: step("bag"),
    "pool": lambda: step("pool"),
    "reviews": lambda: fit("reviews"),
    "solar": lambda: fit("solar"),
    "photos": photos,
    "tuned": tuned,
    "predict": predict,
    "threads": threads,
    "small": lambda: refit(flowers),
    "trace": lambda: refit(flowers, only_trace=True),
    "numeric": lambda: refit(numbers),
    "fresh": lambda: own_fit(1_000, 1),
    "epochs": lambda: own_fit(10_000, 10),
    "row": lambda: own_predictions(1, 100),
    "row-sklearn": lambda: own_predictions(1, 100, sklearn_encoders=True),
    "rows": lambda: own_predictions(100_000, 1),
    "grid": own_grid,
    "router": router,
    "ids": ids,
    "jpegs": jpegs,
}


def in_process(line, folder):
    """Measure a line with the version in a folder; return what it measured and what says that the work is the same."""
    environment = os.environ | ({} if line in ON_ALL_CORES else ONE_THREAD) | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    environment |= {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, HERE, "measure", line]
    found = subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout
    return json.loads(found.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", help="folder of a checkout of the other version")
    parser.add_argument("lines", nargs="*", help=f"some of {', '.join(LINES)}; all if none is given")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    folders = Path(arguments.other).resolve(), HERE.parents[2]
    print(f"{'line':10s} {'other':>10s} {'this':>10s} {'result':>10s} {'result':>10s} {'ratio':>7s}")
    for line in arguments.lines or LINES:
        turns = [[in_process(line, folder) for folder in folders] for _ in range(arguments.turns)]
        other, this = (statistics.median(turn[i][0] for turn in turns) for i in range(2))
        results = "".join(f"{turns[0][i][1]:11.5g}" for i in range(2))
        print(f"{line:10s} {other:10.4g} {this:10.4g}{results} {other / this:7.2f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(json.dumps([float(number) for number in LINES[sys.argv[2]]()]))
    else:
        main()
