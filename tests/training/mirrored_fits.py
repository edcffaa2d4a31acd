"""Fits on two logical devices, in a process of its own: ``python mirrored_fits.py folder`` prints what came out.

TensorFlow divides a processor into devices before its first operation only.
"""

import json
import pickle
import sys
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

import skmulti
from skmulti import (
    CategoryIndexer,
    DenseBranch,
    DenseHead,
    ImageBranch,
    ImageDecoder,
    InputRouter,
    MultiInputClassifier,
    MultiInputRegressor,
    NumberScaler,
    OneHotBranch,
    TextBranch,
    TextVectorizer,
)
from skmulti.datasets import make_listings

tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)

STRATEGY = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
FRAME, LABEL = make_listings(75, 0)
PRICE = FRAME["price"].to_numpy()
WEIGHT = np.linspace(0.1, 2, 75)
FOLDER = Path(sys.argv[1])
ROUTER = InputRouter(
    [
        ("money", NumberScaler(), ["area", "age"]),
        ("place", CategoryIndexer(), ["city", "heating"]),
        ("words", TextVectorizer(), "description"),
        ("photo", ImageDecoder(size=(8, 8)), "photo"),
    ]
)
# Without dropout and without rows that count as unknown: each device draws for itself.
BRANCHES = {
    "money": DenseBranch((4,)),
    "place": OneHotBranch((4,)),
    "words": TextBranch("pool"),
    "photo": ImageBranch((4,)),
}


def made(kind, **params):
    """Return an estimator; its last batch of 75 rows has 11, which two devices cannot share equally."""
    own = {"epochs": 3, "batch_size": 16, "shuffle": False, "early_stopping": False, "random_state": 0}
    return kind(ROUTER, branches=BRANCHES, **{"head": DenseHead((8,)), **own, **params})


def classifier(**params):
    return made(MultiInputClassifier, **params)


def regressor(**params):
    return made(MultiInputRegressor, **params)


def distance(ours, theirs):
    """Return the largest difference between the weights of two estimators."""
    pairs = zip(ours.model_.get_weights(), theirs.model_.get_weights(), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def history_distance(ours, theirs):
    """Return the largest difference, as a share, between two histories of the same figures."""
    assert list(ours.history_) == list(theirs.history_)
    return max(
        float(np.max(np.abs(np.subtract(ours.history_[name], theirs.history_[name])) / np.abs(theirs.history_[name])))
        for name in ours.history_
    )


def both(make, X=FRAME, y=LABEL, **given):
    """Fit in the strategy's scope and without; return both estimators."""
    with STRATEGY.scope():
        shared = make().fit(X, y, **given)
    return shared, make().fit(X, y, **given)


def compared(make, X=FRAME, y=LABEL, **given):
    """Return how far a fit in the strategy's scope is from one without."""
    shared, alone = both(make, X, y, **given)
    return {"weights": distance(shared, alone), "history": history_distance(shared, alone)}


def fits():
    """Return the distances of fits of many kinds."""
    auc = ["accuracy", keras.metrics.AUC(name="auc")]
    mse = keras.losses.MeanSquaredError
    return {
        "classes": compared(classifier),
        "numbers": compared(regressor, y=PRICE),
        "weights": compared(regressor, y=PRICE, sample_weight=WEIGHT),
        "two outputs": compared(regressor, y=np.c_[PRICE, 2 * PRICE]),
        # 65 rows leave one row for the last batch.
        "one row": compared(lambda: classifier(metrics=auc), FRAME[:65], LABEL[:65]),
        "shuffled": compared(lambda: classifier(shuffle=True)),
        "steps_per_execution": compared(lambda: classifier(steps_per_execution=3)),
        "eager": compared(lambda: classifier(epochs=1, compile__run_eagerly=True)),
        "members": compared(lambda: regressor(head=DenseHead((8,), n_members=3)), y=PRICE),
        "decoded while it trains": compared(lambda: classifier(router__photo__lazy=True)),
        "added up": compared(
            lambda: regressor(loss=mse(reduction="sum"), optimizer="sgd"), y=PRICE, sample_weight=WEIGHT
        ),
        "weighted mean": compared(
            lambda: regressor(loss=mse(reduction="mean_with_sample_weight")), y=PRICE, sample_weight=WEIGHT
        ),
        "penalty": compared(lambda: classifier(model=penalised)),
    }


def penalised(inputs, target):
    """Connect a network whose layer adds to the loss."""
    return keras.layers.Dense(target.width, target.activation, kernel_regularizer="l2")(inputs["money"])


def stopped():
    """Return what came of a fit that stops early."""
    shared, alone = both(
        lambda: regressor(epochs=12, early_stopping=True, n_iter_no_change=1, optimizer__learning_rate=0.02), y=PRICE
    )
    return {
        "weights": distance(shared, alone),
        "history": history_distance(shared, alone),
        "epochs": [shared.n_iter_, alone.n_iter_],
        "best": [shared.best_epoch_, alone.best_epoch_],
    }


def kept():
    """Return how far predictions are from those in the scope: outside of it, of a pickle, and of files."""
    with STRATEGY.scope():
        shared = classifier().fit(FRAME, LABEL)
        expected = shared.predict_proba(FRAME)
        skmulti.save(shared, FOLDER / "inside.skm")
        inside = skmulti.load(FOLDER / "inside.skm")
    skmulti.save(shared, FOLDER / "outside.skm")
    others = {
        "outside of the scope": shared,
        "pickle": pickle.loads(pickle.dumps(shared)),
        "file": skmulti.load(FOLDER / "outside.skm"),
        "file in the scope": inside,
    }
    found = {name: float(np.abs(other.predict_proba(FRAME) - expected).max()) for name, other in others.items()}
    return {**found, "score": [shared.score(FRAME, LABEL), others["pickle"].score(FRAME, LABEL)]}


def continued():
    """Return the distances of fits that go on: in parts, from outside of the scope, and with another optimizer."""
    in_parts = []
    for scopes in ([STRATEGY.scope] * 3, [STRATEGY.scope, nullcontext, nullcontext], [nullcontext] * 3):
        estimator = classifier()
        for i, scope in enumerate(scopes):
            part = slice(25 * i, 25 * i + 25)
            with scope():
                estimator.partial_fit(FRAME[part], LABEL[part], classes=np.unique(LABEL))
        in_parts.append(estimator)
    shared, alone = both(lambda: classifier(warm_start=True, epochs=1))
    for estimator in (shared, alone):
        estimator.set_params(optimizer__learning_rate=0.01).fit(FRAME, LABEL)
    return {
        "in the scope": distance(in_parts[0], in_parts[2]),
        "outside of it": distance(in_parts[1], in_parts[2]),
        "compiled anew": distance(shared, alone),
    }


def from_files():
    """Return the distance of fits on a Parquet file, and of predictions for it."""
    path = FOLDER / "listings.parquet"
    FRAME.drop(columns="trace").assign(label=LABEL).to_parquet(path)
    shared, alone = both(classifier, path, "label")
    predicted = np.abs(shared.predict_proba(path) - alone.predict_proba(path)).max()
    return {"weights": distance(shared, alone), "predictions": float(predicted)}


class Evaluated(keras.callbacks.Callback):
    """Evaluates the network on arrays after each epoch."""

    def __init__(self, found):
        super().__init__()
        self.found = found

    def on_epoch_end(self, epoch, logs=None):
        rows = ARRAYS, np.asarray(LABEL == "vacant", "float32")[:, None]
        # Keras itself needs a first batch that devices can share equally.
        self.found.append(self.model.evaluate(*rows, batch_size=16, verbose=0))


ARRAYS = ROUTER.fit(FRAME).transform(FRAME)


def watched():
    """Return what callbacks have seen in the scope and without: evaluations, learning rates, batches."""
    seen = []
    for scope in (STRATEGY.scope, nullcontext):
        evaluated, batches = [], []
        count = keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs, to=batches: to.append(batch))
        plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=1)
        with scope():
            fitted = classifier(
                optimizer="adam", callbacks=[Evaluated(evaluated), count, plateau], steps_per_execution=2
            ).fit(FRAME, LABEL)
        seen.append({"evaluated": evaluated, "batches": batches, "rates": fitted.history_["learning_rate"]})
    return seen


def checkpointed():
    """Return the distance of a fit with a checkpoint to one without."""
    with STRATEGY.scope():
        shared = classifier(checkpoint=FOLDER / "checkpoints").fit(FRAME, LABEL)
    return distance(shared, classifier().fit(FRAME, LABEL))


def refused():
    """Return the errors of fits that are refused."""
    alone = classifier(warm_start=True, epochs=1).fit(FRAME, LABEL)
    messages = []
    for strategy, estimator in ((tf.distribute.MultiWorkerMirroredStrategy(), classifier()), (STRATEGY, alone)):
        try:
            with strategy.scope():
                estimator.fit(FRAME, LABEL)
        except ValueError as error:
            messages.append(str(error))
    return messages


def drawn():
    """Return the losses of a fit that draws for each device: nothing configured, so with dropout and members."""
    with STRATEGY.scope():
        return MultiInputRegressor(epochs=15, random_state=0).fit(FRAME.drop(columns="price"), PRICE).history_["loss"]


CASES = (fits, stopped, kept, continued, from_files, watched, checkpointed, refused, drawn)
(FOLDER / "found.json").write_text(json.dumps({case.__name__: case() for case in CASES}))
