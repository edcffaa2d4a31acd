"""The words of a fit, and the counts of what is decoded."""

import pytest

from skmulti._counts import count_cells, counted_once, counts_heard
from skmulti.training import telling
from skmulti.training.telling import Teller, teller, time_in_words, told_by


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "40 ms"),
        (0.1, "0.1 s"),
        (9.94, "9.9 s"),
        (12.3, "12 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_time_spans_are_short(seconds, words):
    assert time_in_words(seconds) == words


def test_a_long_stage_tells_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setattr(telling, "EVERY", 0)
    with Teller(1, "fold 1/3").routing(100, lambda: "routed"):
        count_cells("photo", "images", 40)
        count_cells("photo", "images", 60)
        # An encoder that reads its cells twice.
        count_cells("photo", "images", 60)
    lines = [line.rpartition(", ")[0] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "[fold 1/3] decoding photo: 40 of 100 images",
        "[fold 1/3] decoding photo: 100 of 100 images",
        "[fold 1/3] decoding photo: 160 images",
        "[fold 1/3] decoded photo: 160 images",
        "[fold 1/3] routed",
    ]


def test_cells_are_counted_once_and_only_if_somebody_listens():
    heard = []
    count_cells("photo", "images", 1)
    with counts_heard(lambda *own: heard.append(own)), counted_once("photo", "rows") as count:
        count_cells("photo", "images", 5)
        count(3)
    assert heard == [("photo", "rows", 0), ("photo", "rows", 3)]


def test_a_silent_fit_within_another_is_not_told_of(capsys):
    with told_by(Teller(1)), Teller(1).routing(1, lambda: "routed"):
        with told_by(Teller(0)), teller().routing(1, lambda: "never"):
            count_cells("photo", "images", 5)
        assert teller().level == 1
    assert capsys.readouterr().out.startswith("routed")


def test_an_outer_teller_comes_back_after_an_error():
    with pytest.raises(ValueError, match="broken"), told_by(Teller(1)):
        raise ValueError("broken")
    assert teller().level == 0
