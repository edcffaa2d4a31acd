"""Arrays that are encoded already: their kinds follow shape and type; with `inputs/_encoded.py`."""

import numpy as np

from skmulti import (
    EmbeddingBranch,
    MultiInputClassifier,
    TextBranch,
)

PARAMS = {"epochs": 2, "batch_size": 16, "early_stopping": False, "shuffle": False, "random_state": 0}


class TestSpecs:
    def test_kinds_follow_shape_and_type(self):
        arrays = {
            "numbers": np.zeros((4, 3)),
            "flat": np.zeros(4),
            "steps": np.zeros((4, 5, 2), "float32"),
            "pixels": np.zeros((4, 8, 8, 3), "uint8"),
            "city": np.array([0, 2, 7, 3]),
            "words": np.array([[2, 3], [4, 0], [2, 2], [9, 1]]),
        }
        est = MultiInputClassifier(**{**PARAMS, "epochs": 1}).fit([(arrays, np.array([0, 1, 0, 1]))])
        specs = est.router_.specs_
        assert {name: spec.shape for name, spec in specs.items()} == {
            "numbers": (3,),
            "flat": (1,),
            "steps": (5, 2),
            "pixels": (8, 8, 3),
            "city": (1,),
            "words": (2,),
        }
        assert [specs[name].dtype for name in ("numbers", "pixels", "city", "words")] == [
            "float32",
            "uint8",
            "int32",
            "int32",
        ]
        assert specs["city"].vocabulary_sizes == (8,)
        assert specs["words"].vocabulary_sizes == (10,)

    def test_a_branch_says_what_ids_are(self):
        branches = {"a": EmbeddingBranch(2), "b": TextBranch("pool", embedding_dim=2)}
        arrays = {"a": np.array([[2, 3], [4, 9]]), "b": np.array([[5], [2]])}
        est = MultiInputClassifier(branches=branches, **{**PARAMS, "epochs": 1}).fit([(arrays, np.array([0, 1]))])
        assert est.router_.specs_["a"].vocabulary_sizes == (5, 10)
        assert est.router_.specs_["b"].vocabulary_sizes == (6,)
