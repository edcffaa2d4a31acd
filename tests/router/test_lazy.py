"""Which inputs are encoded on access, and the arrays of such rows."""

import numpy as np
import pandas as pd
import pytest
from lazy_cases import router
from numpy.testing import assert_array_equal

from skmulti import (
    ImageDecoder,
    InputMismatchError,
    InputRouter,
    NumberScaler,
    SequencePadder,
)
from skmulti.router import lazy
from skmulti.router.lazy import Decoding, LazyArray, on_disk_if_large, stays_lazy
from skmulti.spec import ArraySpec


def spec_of(shape=(12, 12, 3), dtype="uint8"):
    return ArraySpec("photo", "image", shape, dtype)


class TestRule:
    @pytest.mark.parametrize("choice", [True, False])
    def test_the_users_word_is_kept(self, choice):
        assert stays_lazy(ImageDecoder(lazy=choice), 10**9, spec_of()) is choice

    def test_auto_is_lazy_above_a_tenth_of_memory(self, monkeypatch):
        monkeypatch.setattr(lazy, "machine_memory", lambda: 1000 * 12 * 12 * 3)
        assert not stays_lazy(ImageDecoder(), 100, spec_of())
        assert stays_lazy(ImageDecoder(), 101, spec_of())

    def test_an_encoder_that_does_not_ask_for_it_is_never_lazy(self):
        assert not stays_lazy(NumberScaler(), 10**12, spec_of())

    def test_the_machine_has_some_memory(self):
        assert 2**28 < lazy.machine_memory() < 2**50

    def test_the_arrays_of_transform_are_whole(self, photos):
        assert isinstance(router(True).fit_transform(photos[0])["photo"], np.ndarray)

    def test_wrong_word_is_refused(self):
        with pytest.raises(ValueError, match="lazy"):
            SequencePadder(lazy="always").fit(pd.Series([[1.0]]))


@pytest.fixture(scope="module")
def both(photos):
    """The arrays of the photos, lazy ones and those in memory."""
    return router(True).fit_encode(photos[0]), router(False).fit_transform(photos[0])


class TestArrays:
    @pytest.mark.parametrize("rows", [slice(None), slice(3, 9), np.array([5, 1, 1]), np.array([], dtype=int)])
    @pytest.mark.parametrize("name", ["photo", "trace"])
    def test_rows_are_those_in_memory(self, both, name, rows):
        assert isinstance(both[0][name], LazyArray)
        assert_array_equal(both[0][name][rows], both[1][name][rows])

    def test_shape_dtype_and_length_are_known_before(self, both):
        for name in ("photo", "trace"):
            expected = both[1][name]
            found = both[0][name]
            assert (found.shape, found.dtype, len(found), found.ndim) == (
                expected.shape,
                expected.dtype,
                len(expected),
                expected.ndim,
            )

    def test_numpy_makes_the_whole_array(self, both):
        assert_array_equal(np.asarray(both[0]["trace"], dtype="float64"), both[1]["trace"].astype("float64"))

    def test_taken_rows_stay_lazy(self, both):
        taken = both[0]["photo"].take(np.array([4, 2]))
        assert isinstance(taken, LazyArray)
        assert_array_equal(taken[:], both[1]["photo"][[4, 2]])

    def test_inputs_that_are_not_lazy_are_arrays(self, both):
        assert_array_equal(both[0]["number"], both[1]["number"])

    def test_infinity_in_a_file_is_refused_with_input_and_row(self, photos, tmp_path):
        frame = photos[0].copy()
        np.save(tmp_path / "bad.npy", np.array([[1.0, np.inf]]))
        frame.loc[150, "trace"] = str(tmp_path / "bad.npy")
        with pytest.raises(InputMismatchError, match=r"Input 'trace' \(column 'trace'\).*are infinite.*row label 150"):
            router(True).fit_encode(frame)

    @pytest.mark.parametrize("lazily", [True, False])
    def test_rows_of_one_input_may_be_shared_by_another(self, photos, lazily):
        frame = photos[0].assign(other=photos[0]["photo"][::-1].to_numpy())
        decoder = ImageDecoder(size=(12, 12), lazy=lazily)
        arrays = InputRouter([("a", decoder, "photo"), ("b", "a", "other")]).fit_encode(frame)
        assert_array_equal(arrays["a"][:], arrays["b"][:][::-1])


def test_rows_are_left_for_later_only_where_asked():
    assert not Decoding().applies(ImageDecoder(lazy=True), 10, spec_of())
    assert Decoding(lazily=True).applies(ImageDecoder(lazy=True), 10, spec_of())


def test_file_that_is_too_large_for_one_row_is_refused_unread(photos, monkeypatch):
    monkeypatch.setattr("skmulti.inputs._cells.machine_memory", lambda: 1000)
    with pytest.raises(InputMismatchError, match=r"'trace'.*row label 100.*more than 100 for one row are not"):
        router(True).fit_encode(photos[0])


def test_only_a_large_file_stays_on_disk(tmp_path, monkeypatch):
    np.save(tmp_path / "rows.npy", np.arange(12.0).reshape(4, 3))
    array = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert on_disk_if_large(array) is array
    monkeypatch.setattr("skmulti.router.lazy.machine_memory", lambda: 12 * 8)
    stored = on_disk_if_large(array)
    assert (len(stored), stored.shape, stored.dtype, stored.ndim) == (4, (4, 3), np.dtype(float), 2)
    np.testing.assert_array_equal(stored[np.array([2, 0])], [[6, 7, 8], [0, 1, 2]])
    np.testing.assert_array_equal(stored[1:2], [[3, 4, 5]])
