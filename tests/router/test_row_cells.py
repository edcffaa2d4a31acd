"""Cells of single rows: which are unlike the training cells, and how they are shown."""

import numpy as np
import pandas as pd
import pytest

from skmulti import InputRouter
from skmulti.datasets import make_listings


@pytest.fixture(scope="module")
def listings():
    frame, _ = make_listings(60, 0, size=(8, 8))
    # Some 400 rows, so that few cells are outside of the range by chance.
    frame = pd.concat([frame] * 7, ignore_index=True)
    return frame, InputRouter().fit(frame)


def test_training_rows_are_like_themselves(listings):
    frame, router = listings
    found = router.unlike_cells(frame[:60])
    assert found["row"].nunique() <= 6
    assert list(found.columns) == ["row", "column", "reason", "share", "bits"]


def test_each_odd_cell_is_found_with_its_row(listings):
    frame, router = listings
    rows = frame[:6].copy()
    rows.loc[1, "price"] = 1e7
    rows.loc[2, "city"] = "Atlantis"
    rows.loc[3, "heating"] = None
    rows.loc[4, "description"] = "zyx " * 12
    found = router.unlike_cells(rows).set_index("row")["column"].to_dict()
    assert {row: found.get(row) for row in (1, 2, 3, 4)} == {1: "price", 2: "city", 3: "heating", 4: "description"}


def test_the_farther_the_more_bits(listings):
    frame, router = listings
    rows = frame[:3].assign(price=[1e4, 1e6, 1e8])
    bits = router.unlike_cells(rows).query("column == 'price'")["bits"]
    assert bits.is_monotonic_increasing
    assert len(bits) == 3


def test_what_is_common_in_training_is_not_unlike():
    frame = pd.DataFrame({"x": np.where(np.arange(300) % 3, np.arange(300.0), np.nan)})
    router = InputRouter().fit(frame)
    assert router.unlike_cells(pd.DataFrame({"x": [np.nan, 5.0]})).empty


def test_shown_cells_are_text_pictures_and_lines(listings):
    frame, router = listings
    rows = frame[:2].copy()
    rows.loc[0, "description"] = "<script>&"
    rows.loc[1, ["photo", "city", "trace"]] = None
    shown = router.show_cells(rows)
    assert list(shown.columns) == list(frame.columns)
    assert shown.loc[0, "description"] == "&lt;script&gt;&amp;"
    assert shown.loc[0, "photo"].startswith('<img alt="picture" width="128"')
    assert shown.loc[0, "trace"].startswith('<svg role="img" aria-label="trace: ')
    assert all("missing" in shown.loc[1, column] for column in ("photo", "city", "trace"))


def test_long_texts_are_behind_a_click(listings):
    frame, router = listings
    shown = router.show_cells(frame[:1].assign(description="<i>" * 3000))["description"].iloc[0]
    assert shown.startswith("<details><summary>&lt;i&gt;")
    assert "(9,000 characters)" in shown
    assert "<i>" not in shown


def test_a_picture_keeps_its_proportions():
    frame = pd.DataFrame({"photo": [np.full((4, 8, 3), 200, "uint8")] * 30})
    frame.loc[1, "photo"] = np.zeros((4, 8, 3), "uint8")
    router = InputRouter(kinds={"photo": "image"}).fit(frame)
    assert 'width="128" height="64"' in router.show_cells(frame[:1])["photo"].iloc[0]
