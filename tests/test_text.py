"""Tables of text fit into a line, whatever their cells are."""

import pytest

from skmulti._text import plain_line, terminal_width, text_table, text_width, wrap


def test_a_small_table_is_as_wide_as_its_cells():
    assert text_table(["a", "b"], [("one", "two words"), ("x", "")]) == "a    b\none  two words\nx"


@pytest.mark.parametrize("width", [20, 40, 100])
@pytest.mark.parametrize(
    "cell", ["word " * 50, "w" * 300, "绿" * 90, "a_b-c/" * 40], ids=["words", "word", "wide", "path"]
)
def test_long_cells_are_wrapped_and_lose_no_letter(width, cell):
    shown = text_table(["name", "cell"], [("x", cell)], width=width)
    assert max(map(text_width, shown.split("\n"))) <= width
    assert "".join(shown.replace("name", "").replace("cell", "").replace("x", "").split()) == "".join(cell.split())


def test_what_a_terminal_does_not_print_is_written_out():
    assert plain_line("a\x1b[1mb\n c") == "a\\x1b[1mb c"


def test_words_stay_whole_if_they_fit():
    assert wrap("two words and more", 9) == ["two words", "and more"]


def test_a_terminal_has_a_width_within_limits(monkeypatch):
    for columns, expected in (("10", 40), ("80", 80), ("300", 100)):
        monkeypatch.setenv("COLUMNS", columns)
        assert terminal_width() == expected
