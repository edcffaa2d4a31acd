"""Routers that are fitted on a table in parts."""

import numpy as np
import pandas as pd
from numpy.testing import assert_array_equal
from sklearn.base import clone

from skmulti import (
    CategoryIndexer,
    ImageDecoder,
    InputRouter,
)


class TestRouter:
    def test_specs_are_those_of_a_fit_in_memory(self, in_memory, streamed):
        assert streamed.router_.specs_ == in_memory.router_.specs_
        assert streamed.n_features_in_ == in_memory.n_features_in_ == 6
        assert_array_equal(streamed.feature_names_in_, in_memory.feature_names_in_)

    def test_images_that_are_missing_anywhere_are_known(self):
        photo = [np.full((4, 4), i, "uint8") for i in range(6)]
        frame = pd.DataFrame({"photo": [*photo[:5], None]})
        fitted = InputRouter([("photo", ImageDecoder(size=(4, 4)), "photo")])
        fitted.fit_chunks(lambda: ((frame[i : i + 2], None, None) for i in (0, 2, 4)), frame[:2])
        assert fitted.specs_["photo"].missing_name == "photo__missing"

    def test_inputs_may_share_an_encoder(self):
        frame = pd.DataFrame({"a": ["x", "y"] * 3, "b": ["z", "x"] * 3})
        shared = InputRouter([("a", CategoryIndexer(), "a"), ("b", "a", "b")])
        fitted = clone(shared).fit_chunks(lambda: ((frame[i : i + 2], None, None) for i in (0, 2, 4)), frame)
        expected = shared.fit_transform(frame)
        for name, array in fitted.transform(frame).items():
            assert_array_equal(array, expected[name])
