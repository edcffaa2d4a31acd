"""A router and a classifier for the table of `conftest.py`."""

from sklearn.preprocessing import StandardScaler

from skmulti import (
    CategoryIndexer,
    InputRouter,
    MultiInputClassifier,
    NumberScaler,
    SequencePadder,
    TextVectorizer,
)

N = 240


def router():
    return InputRouter(
        [
            ("numbers", NumberScaler(), ["size", "year"]),
            ("scaled", StandardScaler(), ["year"]),
            ("place", CategoryIndexer(), "place"),
            ("note", TextVectorizer(max_tokens=6), "note"),
            ("trace", SequencePadder(length=0.8), "trace"),
        ]
    )


def classifier(given="explicit", **params):
    params = {"epochs": 2, "batch_size": 32, "shuffle": False, "early_stopping": False, "random_state": 0, **params}
    return MultiInputClassifier(router() if isinstance(given, str) else given, **params)
