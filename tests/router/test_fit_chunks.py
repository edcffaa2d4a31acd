"""Routers that are fitted on a table in parts."""

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skmulti import (
    CalendarEncoder,
    CategoryIndexer,
    ImageDecoder,
    InputRouter,
    NumberScaler,
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

    def test_small_first_parts_do_not_decide_alone_how_cells_are_read(self):
        # Only the third part shows that days come first, and the first alone would put 900 out of proportion.
        frame = pd.DataFrame(
            {"day": ["05/06/2024", "07/08/2024", "06/06/2024", "01/02/2024", "25/06/2024", "30/01/2024"]}
        )
        frame["number"] = [1.0, 2.0, 900.0, 450.0, 700.0, 120.0]
        router = InputRouter(
            [("day", CalendarEncoder(on_odd="missing"), "day"), ("number", NumberScaler(on_odd="missing"), "number")]
        )
        parts = clone(router).fit_chunks(lambda: ((frame[i : i + 2], None, None) for i in (0, 2, 4)), frame)
        expected = router.fit_transform(frame)
        for name, array in parts.transform(frame).items():
            assert_allclose(array, expected[name], rtol=1e-6)
