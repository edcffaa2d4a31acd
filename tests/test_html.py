from html.parser import HTMLParser

import pytest
from browser import opened, overflow

from skmulti._html import document, escape, fragment, table

NASTY = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">'\"&"


def shown(text):
    """Return the text that a reader sees of HTML."""
    found = []
    parser = HTMLParser()
    parser.handle_data = found.append
    parser.feed(text)
    return "".join(found)


def test_escaped_text_is_read_as_it_was():
    assert shown(escape(NASTY)) == NASTY
    assert "<" not in escape(NASTY)
    assert '"' not in escape(NASTY)


def test_a_table_escapes_headings_and_cells():
    drawn = table(["<b>a</b>", "n"], [[NASTY, 1.5]], numbers=["n"])
    assert "<script>" not in drawn
    assert "<b>" not in drawn
    assert NASTY in shown(drawn)
    assert '<td class="number">1.5</td>' in drawn


def test_a_table_refuses_a_row_of_another_length():
    with pytest.raises(ValueError, match="zip"):
        table(["a"], [[1, 2]])


def test_a_fragment_is_one_box():
    drawn = fragment("<p>x</p>", ".skmulti p { color: var(--skm-ink); }")
    assert drawn.startswith('<div class="skmulti">')
    assert drawn.endswith("<p>x</p></div>")
    assert ".skmulti p { color: var(--skm-ink); }" in drawn


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1400])
def test_a_page_fits_its_window_runs_nothing_and_asks_for_nothing(tmp_path, width, dark):
    path = tmp_path / "page.html"
    wide = table([f"column {i}" for i in range(30)], [[NASTY] * 30])
    path.write_text(document(NASTY, f"<h1>Title</h1>{wide}<p>{escape('x' * 2000)}</p>"), encoding="utf-8")
    with opened(path, width=width, dark=dark) as page:
        assert page.title() == NASTY
        assert NASTY in page.inner_text("td >> nth=0")
        assert (page.errors, page.requests) == ([], [])
        assert overflow(page) == 0
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour == ("rgb(20, 24, 31)" if dark else "rgb(255, 255, 255)")
