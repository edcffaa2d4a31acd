"""Time skmulti's estimator beside what a practised user writes by hand for the same table, in one run.

Run: python tests/benchmarks/estimator_speed.py LINE [--repeats 5]

The table has 8 numbers, 4 categories of 10 values (40 one-hot columns) and a text of 10 to 30 words. Lines:

    fresh       fit 1,000 rows for one epoch, batch 32, network and all; by hand: ColumnTransformer(StandardScaler,
                OneHotEncoder), TextVectorization, the same layers, `compile` and `fit`
    epochs      the same with 10,000 rows and 10 epochs
    row         predict_proba of one row of a DataFrame, skmulti's encoders; by hand: Pipeline(ColumnTransformer of
                StandardScaler, OneHotEncoder and TfidfVectorizer, SciKeras' KerasClassifier)
    row-sklearn the same with StandardScaler and OneHotEncoder as skmulti's encoders
    rows        the same as `row` with 100,000 rows
    grid        GridSearchCV of 3 widths x 3 learning rates, 3 folds, 5,000 rows, 3 epochs; by hand: the Pipeline
    processes   skmulti's grid, of 25 epochs, with n_jobs=2 against n_jobs=1, on two cores, in seconds of a clock

Both sides use one thread (`processes` apart) and take turns; the figure is the median of the processor's seconds, the
ratio by hand / skmulti comes last. `fresh` and `epochs` also train a copy of skmulti's network with Keras' own
`compile` and `fit` on the same rows in the same order, and print the largest difference of a weight.
"""

import os

# One thread each, so that seconds compare; the libraries read this when they are imported.
os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")})
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import argparse
import time
import warnings

import keras
import numpy as np
import pandas as pd
import tensorflow as tf
from scikeras.wrappers import KerasClassifier
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmulti import (
    CategoryIndexer,
    DenseBranch,
    DenseHead,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
    OneHotBranch,
    TextBranch,
    TextVectorizer,
)

NUMBERS = [f"number_{i}" for i in range(8)]
PLACES = [f"place_{i}" for i in range(4)]
WORDS, LENGTH, WIDTH = 2_000, 30, 32
SEED = 0


def make_table(n_rows):
    """Make (X, y): y depends on two numbers, a category and a word."""
    rng = np.random.default_rng(SEED)
    words = np.array([f"word{i}" for i in range(WORDS)])
    frame = pd.DataFrame(rng.normal(size=(n_rows, len(NUMBERS))), columns=NUMBERS)
    for place in PLACES:
        frame[place] = rng.choice([f"value {i}" for i in range(10)], n_rows)
    ids = np.minimum(rng.zipf(1.3, size=(n_rows, LENGTH)) - 1, WORDS - 1)
    lengths = rng.integers(10, LENGTH + 1, n_rows)
    frame["text"] = [" ".join(words[row[:length]]) for row, length in zip(ids, lengths, strict=True)]
    score = frame["number_0"] - frame["number_1"] + (frame["place_0"] == "value 3") + (ids == 5).any(axis=1)
    return frame, (score + rng.normal(scale=0.5, size=n_rows) > 0.5).astype(int)


# %% skmulti
def by_skmulti(*, sklearn_encoders=False, **params):
    """Make the estimator that is timed."""
    if sklearn_encoders:
        numbers, places = StandardScaler(), OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        branches = {"places": DenseBranch((WIDTH,))}
    else:
        numbers, places = NumberScaler(), CategoryIndexer()
        branches = {"places": OneHotBranch((WIDTH,))}
    inputs = [
        ("numbers", numbers, NUMBERS),
        ("places", places, PLACES),
        ("text", TextVectorizer(max_tokens=WORDS, length=LENGTH), "text"),
    ]
    branches |= {"numbers": DenseBranch((WIDTH,)), "text": TextBranch("pool", embedding_dim=WIDTH)}
    settings = {"optimizer": "adam", "batch_size": 32, "early_stopping": False, "random_state": SEED, **params}
    return MultiInputClassifier(InputRouter(inputs), branches=branches, head=DenseHead((WIDTH,)), **settings)


# %% by hand
class ByHand:
    """Encoders, layers, `compile`, `fit`, as one writes them."""

    def fit(self, X, y, epochs):
        """Fit all of it."""
        self.columns = ColumnTransformer(
            [
                ("numbers", StandardScaler(), NUMBERS),
                ("places", OneHotEncoder(handle_unknown="ignore", sparse_output=False), PLACES),
            ]
        ).fit(X)
        self.words = keras.layers.TextVectorization(WORDS, output_sequence_length=LENGTH)
        self.words.adapt(X["text"].to_numpy(object))
        self.model = self._network()
        self.model.compile("adam", "binary_crossentropy", metrics=["accuracy"], jit_compile=False)
        self.model.fit(self._arrays(X), y.to_numpy(), batch_size=32, epochs=epochs, verbose=0)
        return self

    def _arrays(self, X):
        matrix = self.columns.transform(X).astype("float32")
        numbers, places = np.split(matrix, [len(NUMBERS)], axis=1)
        text = np.asarray(self.words(X["text"].to_numpy(object)))
        return {"numbers": numbers, "places": places, "text": text}

    def _network(self):
        inputs = {
            "numbers": keras.Input((len(NUMBERS),), name="numbers"),
            "places": keras.Input((len(PLACES) * 10,), name="places"),
            "text": keras.Input((LENGTH,), dtype="int64", name="text"),
        }
        words = keras.layers.Embedding(WORDS, WIDTH, mask_zero=True)(inputs["text"])
        branches = [
            keras.layers.Dense(WIDTH, activation="relu")(inputs["numbers"]),
            keras.layers.Dense(WIDTH, activation="relu")(inputs["places"]),
            keras.layers.GlobalAveragePooling1D()(words),
            keras.layers.GlobalMaxPooling1D()(words),
        ]
        hidden = keras.layers.Dense(WIDTH, activation="relu")(keras.layers.concatenate(branches))
        return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))


def flat_network(meta, width=WIDTH):
    """Make the network of the Pipeline, which has one matrix for an input."""
    inputs = keras.Input((meta["n_features_in_"],))
    hidden = keras.layers.Dense(width, activation="relu")(inputs)
    hidden = keras.layers.Dense(WIDTH, activation="relu")(hidden)
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))


def by_pipeline(epochs=1):
    """Make the Pipeline with SciKeras' classifier."""
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), NUMBERS),
            ("places", OneHotEncoder(handle_unknown="ignore", sparse_output=False), PLACES),
            ("text", TfidfVectorizer(max_features=WORDS), "text"),
        ],
        sparse_threshold=0,
    )
    params = {"loss": "binary_crossentropy", "optimizer": "adam", "model__width": WIDTH, "random_state": SEED}
    compiled = {"compile__jit_compile": False, "metrics": ["accuracy"]}
    return make_pipeline(
        columns, KerasClassifier(flat_network, batch_size=32, epochs=epochs, verbose=0, **params, **compiled)
    )


# %% measuring
def turns(sides, repeats, clock=time.process_time):
    """Call both sides in turn; give the median seconds of each."""
    seconds = {name: [] for name in sides}
    for _ in range(repeats):
        for name, call in sides.items():
            started = clock()
            call()
            seconds[name].append(clock() - started)
    return {name: float(np.median(values)) for name, values in seconds.items()}


def report(line, medians, note=""):
    """Print a line of the table: both sides, then the ratio of the first to the second."""
    (slow_name, slow), (fast_name, fast) = medians.items()
    print(f"{line}: {slow_name} {_time(slow)}, {fast_name} {_time(fast)}, ratio {slow / fast:.2f}{note}", flush=True)


def _time(seconds):
    return f"{seconds * 1e3:.2f} ms" if seconds < 0.1 else f"{seconds:.2f} s"


def weight_difference(X, y, epochs):
    """Train skmulti's network by Keras alone from the same weights, and give the largest difference."""
    kept = {}

    class Keep(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            kept.update(config=self.model.get_config(), weights=self.model.get_weights(), kind=type(self.model))

    est = by_skmulti(epochs=epochs, callbacks=[Keep()]).fit(X, y)
    model = kept["kind"].from_config(kept["config"])
    model.set_weights(kept["weights"])
    model.compile("adam", "binary_crossentropy", jit_compile=False)
    arrays = est.router_.transform(X)
    for epoch in range(epochs):
        order = np.random.default_rng([SEED, epoch]).permutation(len(X))
        rows = {name: array[order] for name, array in arrays.items()}
        model.fit(rows, y.to_numpy()[order][:, None].astype("float32"), batch_size=32, shuffle=False, verbose=0)
    pairs = zip(model.get_weights(), est.model_.get_weights(), strict=True)
    return max(float(np.abs(theirs - ours).max()) for theirs, ours in pairs)


# %% lines
def fit_line(line, repeats, n_rows, epochs):
    """Time whole fits."""
    X, y = make_table(n_rows)
    sides = {
        "by hand": lambda: ByHand().fit(X, y, epochs),
        "skmulti": lambda: by_skmulti(epochs=epochs).fit(X, y),
    }
    turns(sides, 1)
    medians = turns(sides, repeats)
    report(line, medians, f"; largest difference of a weight to Keras' fit {weight_difference(X, y, epochs):.1e}")


def predict_line(line, repeats, n_rows, calls, **params):
    """Time `predict_proba`."""
    X, y = make_table(1_000)
    rows = X.iloc[:1] if n_rows == 1 else make_table(n_rows)[0]
    pipeline, est = by_pipeline().fit(X, y), by_skmulti(epochs=1, **params).fit(X, y)

    def repeated(model):
        return lambda: [model.predict_proba(rows) for _ in range(calls)]

    sides = {"Pipeline": repeated(pipeline), "skmulti": repeated(est)}
    turns(sides, 1)
    report(line, {name: seconds / calls for name, seconds in turns(sides, repeats).items()})


def grid_line(line, repeats):
    """Time a search."""
    X, y = make_table(5_000)
    widths, rates, scores = [16, 32, 64], [3e-4, 1e-3, 3e-3], {}

    def search(name, model, grid):
        def call():
            found = GridSearchCV(model, grid, cv=3, refit=False).fit(X, y)
            scores[name] = found.cv_results_["mean_test_score"].max()

        return call

    prefix = "kerasclassifier__"
    sides = {
        "Pipeline": search(
            "Pipeline",
            by_pipeline(epochs=3),
            {f"{prefix}model__width": widths, f"{prefix}optimizer__learning_rate": rates},
        ),
        "skmulti": search(
            "skmulti",
            by_skmulti(epochs=3),
            {"branches__numbers__units": [(width,) for width in widths], "optimizer__learning_rate": rates},
        ),
    }
    medians = turns(sides, repeats)
    report(line, medians, f"; best accuracy {scores['Pipeline']:.3f} and {scores['skmulti']:.3f}")


def processes_line(line, repeats):
    """Time skmulti's search in one process and in two."""
    X, y = make_table(5_000)
    grid = {"branches__numbers__units": [(16,), (32,), (64,)], "optimizer__learning_rate": [3e-4, 1e-3, 3e-3]}

    def search(n_jobs):
        return lambda: GridSearchCV(by_skmulti(epochs=25), grid, cv=3, refit=False, n_jobs=n_jobs).fit(X, y)

    medians = turns({"n_jobs=1": search(1), "n_jobs=2": search(2)}, repeats, clock=time.perf_counter)
    report(line, medians)


LINES = {
    "fresh": lambda line, repeats: fit_line(line, repeats, 1_000, 1),
    "epochs": lambda line, repeats: fit_line(line, repeats, 10_000, 10),
    "row": lambda line, repeats: predict_line(line, repeats, 1, 30),
    "row-sklearn": lambda line, repeats: predict_line(line, repeats, 1, 30, sklearn_encoders=True),
    "rows": lambda line, repeats: predict_line(line, repeats, 100_000, 1),
    "grid": grid_line,
    "processes": processes_line,
}


def main():
    """Read the command line and print a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("line", choices=LINES)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if given.line != "processes":
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    LINES[given.line](given.line, given.repeats)


if __name__ == "__main__":
    main()
