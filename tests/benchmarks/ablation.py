"""Show what each default gives: the unconfigured estimator beside itself with one choice switched off or changed.

Run: python tests/benchmarks/ablation.py TABLE [VARIANT ...] [--seeds 100 101 102] [--data FOLDER]

Only training rows of the first split of `quality.py` are used: for each seed a fifth of them is set aside to score the
fits on the others. A variant is a function of the table that gives arguments of `MultiInputClassifier` or
`MultiInputRegressor`, public ones as any user can give them, or None where the table has no such columns. Differences
are to the default's on the same rows, with the standard error of their mean: of the score, where more is better, and of
the log loss or root mean squared error, where less is.
Tables, measures and packages are those of `quality.py`.
"""

import argparse
import os

import numpy as np
from quality import MEASURES, NUMBERS, TABLES, default, measures, print_row, split, warm_up  # first: sets threads
from sklearn.model_selection import train_test_split

from skmulti import (
    AnnealRate,
    CategoryIndexer,
    DenseBranch,
    EmbeddingBranch,
    ImageBranch,
    ImageDecoder,
    InputRouter,
    NumberScaler,
    OneHotBranch,
    PiecewiseBranch,
    TargetSpec,
    TextBranch,
    TextVectorizer,
)
from skmulti.network.heads import N_MEMBERS
from skmulti.training.defaults import default_head

# Below these numbers of rows there is dropout, and from the second on a hold-out.
FEW_ROWS, HELD_ROWS = 1_000, 500


# %% Variants: from a table to arguments of the estimator
def punctuation_stripped(table):
    """Delete punctuation, in place of words of its marks."""
    return vectorizer(table, standardize="lower_and_strip_punctuation")


def single_words(table):
    """Count single words, no pairs."""
    return vectorizer(table, ngrams=None)


def texts_apart(table):
    """Return each column of text words and a branch of its own."""
    columns = columns_of(table, TextVectorizer)
    return columns and {"router": InputRouter(kinds={column: TextVectorizer.make_inferred() for column in columns})}


def pooled_text(table):
    """Take average and maximum of the words' vectors, in place of a weighted sum."""
    return branches(table, TextVectorizer, TextBranch("pool"))


def text_without_dropout(table):
    """Drop nothing of a bag of words."""
    return branches(table, TextVectorizer, TextBranch(dropout=0.0))


def annealed_rate(table):
    """Let the rate fall along a cosine for text, too, in place of slowing down on the hold-out."""
    if not columns_of(table, TextVectorizer):
        return None
    return {"optimizer": "adam", "callbacks": [AnnealRate()], **RATE}


def texts_as_categories(table):
    """Take short texts that come back for categories."""
    columns = [column for column in columns_of(table, TextVectorizer) or () if column not in table.texts]
    return {"router": InputRouter(kinds=dict.fromkeys(columns, "category"))} if columns else None


def one_hot(table):
    """Read categories as columns of 0 and 1, without vectors."""
    return branches(table, CategoryIndexer, OneHotBranch(()))


def category_dropout(table):
    """Drop three tenths of the categories' vectors, which no default does."""
    return branches(table, CategoryIndexer, EmbeddingBranch(dropout=0.3))


def numbers_as_they_are(table):
    """Read numbers without piecewise linear functions."""
    return branches(table, NumberScaler, DenseBranch(()))


def photos_through_convolutions(table):
    """Read photos through a convolutional network, not through filters from patches."""
    return branches(table, ImageDecoder, ImageBranch((16, 32)))


def photo_features_kept(table):
    """Drop nothing of a photo's features."""
    return branches(table, ImageDecoder, ImageBranch(dropout=0.0))


def other_activation(table):
    """Have ReLU in the head where the default is GELU, and the other way round."""
    default = _head(table).activation
    smooth = default == "gelu" or (default == "auto" and table.task != NUMBERS)
    return {"head": _head(table, activation="relu" if smooth else "gelu")}


def no_dense_layer(table):
    """Put the output on the merged tensor."""
    return {"head": _head(table, units=())}


def batches_of_32(table):
    """Train on batches of 32 rows."""
    return {"batch_size": 32}


def constant_rate(table):
    """Let the rate stay, and stop after 10 epochs without improvement."""
    return {"n_iter_no_change": 10}


def clipping(table):
    """Clip gradients at length 1, which no default does."""
    return {"optimizer__clipnorm": 1.0}


def no_hold_out(table):
    """Train on all rows, to the last epoch."""
    return {"early_stopping": False} if n_fitted(table) >= HELD_ROWS else None


def one_member(table):
    """Predict with one head."""
    return _members(table, 1)


def eight_members(table):
    """Predict with eight members."""
    return _members(table, 8)


def no_dropout(table):
    """Drop nothing where rows are few."""
    if n_fitted(table) >= FEW_ROWS:
        return None
    return {"head": _head(table, dropout=0.0), **(branches(table, NumberScaler, PiecewiseBranch(dropout=0)) or {})}


def _members(table, count):
    return {"head": _head(table, n_members=count)} if has_members(table) else None


def _head(table, **changes):
    """Return the default head with some of its parameters changed."""
    target = TargetSpec() if table.task == NUMBERS else TargetSpec(n_classes=2)
    head = default_head(n_fitted(table), target)
    if has_members(table):
        head.set_params(n_members=N_MEMBERS)  # else those of "auto" depend on the other parameters
    return head.set_params(**changes)


RATE = {"optimizer__learning_rate": 3e-3}
VARIANTS = {
    function.__name__: function
    for function in (
        texts_apart,
        punctuation_stripped,
        single_words,
        pooled_text,
        text_without_dropout,
        annealed_rate,
        texts_as_categories,
        one_hot,
        category_dropout,
        numbers_as_they_are,
        photos_through_convolutions,
        photo_features_kept,
        other_activation,
        no_dense_layer,
        batches_of_32,
        constant_rate,
        clipping,
        no_hold_out,
        one_member,
        eight_members,
        no_dropout,
    )
}


def n_fitted(table):
    """Return the number of rows that `nested` gives to fit."""
    return int(len(table.y) * 0.8 * 0.8)


def has_members(table):
    """Return whether the default head has several members."""
    return table.task == NUMBERS or (n_fitted(table) < FEW_ROWS and np.ndim(table.y) == 1)


def columns_of(table, encoder):
    """Return the columns that the default router gives to an encoder of this class; None if there are none."""
    plan = InputRouter().fit(table.X).plan_
    return list(plan["column"][plan["encoder"] == encoder.__name__]) or None


def vectorizer(table, **changes):
    """Change parameters of the vectorizers of text, which share as by default; None if there is no text."""
    if not columns_of(table, TextVectorizer):
        return None
    router = InputRouter().fit(table.X)
    shared = {name: branch for name, branch in router.default_branches().items() if isinstance(branch, str)}
    inputs = []
    for name, group in router.plan_[router.plan_["input"] != ""].groupby("input", sort=False):
        encoder = type(router.encoders_[name]).make_inferred()
        if isinstance(encoder, TextVectorizer):
            encoder.set_params(**changes)
        columns = list(group["column"])
        inputs.append((name, shared.get(name, encoder), columns[0] if len(columns) == 1 else columns))
    return {"router": InputRouter(inputs), "branches": shared}


def branches(table, encoder, branch):
    """Return this branch to all inputs with this encoder, or None if there are none; shared branches stay shared."""
    router = InputRouter().fit(table.X)
    defaults = router.default_branches()
    names = [
        name
        for name, own in router.encoders_.items()
        if isinstance(own, encoder) and not isinstance(defaults[name], str)
    ]
    return {"branches": dict.fromkeys(names, branch)} if names else None


# %% Measuring
def nested(table, seed):
    """Return positions of rows to fit and to score, all among the training rows of the first split."""
    train, _ = split(table, 0, test_size=0.2)
    stratify = None if table.task == NUMBERS else table.y.iloc[train]
    return train_test_split(train, test_size=0.2, random_state=seed, stratify=stratify)


def fitted_measures(table, settings, seed):
    """Fit the estimator with these settings, and give score, loss and the processor's seconds."""
    import time

    train, held = nested(table, seed)
    model = default(table, seed).set_params(**settings)
    start = time.process_time()
    model.fit(table.X.iloc[train], table.y.iloc[train])
    seconds = time.process_time() - start
    return np.array([*measures(model, table, table.X.iloc[held], table.y.iloc[held])[:2], seconds])


def ablate(name, table, variants, seeds):
    """Print a row for the default and for each variant."""
    measure = [column for measure in MEASURES[table.task][:2] for column in (measure, "difference ± standard error")]
    print_row("table", "variant", *measure, "CPU s")
    print_row(*["---"] * 7)
    base = None
    for variant, function in {"default": lambda table: {}, **variants}.items():
        settings = function(table)
        if settings is None:
            continue
        values = np.array([fitted_measures(table, settings, seed) for seed in seeds])
        base = values if base is None else base
        score, loss, seconds = values.mean(axis=0)
        gain, harm = ("" if values is base else difference(values[:, k] - base[:, k]) for k in (0, 1))
        print_row(name, variant, f"{score:.4f}", gain, f"{loss:.4f}", harm, f"{seconds:.1f}")


def difference(values):
    """Write the mean of differences and its standard error."""
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return f"{values.mean():+.4f} ± {error:.4f}"


def main():
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=TABLES)
    parser.add_argument("variants", nargs="*", help="all that suit the table")
    parser.add_argument("--seeds", nargs="+", type=int, default=[100, 101, 102])
    parser.add_argument("--data", default=os.environ.get("SKMULTI_DATA"), help="folder of the parquet files")
    given = parser.parse_args()
    warm_up(["default"])
    variants = {name: VARIANTS[name] for name in given.variants} or VARIANTS
    ablate(given.table, TABLES[given.table](given.data), variants, given.seeds)


if __name__ == "__main__":
    main()
