"""Take the pictures of plan, explanation and report for the pages, in light and dark, wide and narrow.

    python docs/_sphinx/screenshots.py

It needs the extras `browser` and `plot`, and Chromium. Each page has to fit its window, run without an error and ask
for nothing from a network; else the script stops.
"""

import sys
import tempfile
from pathlib import Path

from skmulti import MultiInputClassifier, explain_rows, report
from skmulti.datasets import make_listings

ROOT = Path(__file__).parents[2]

WIDE, NARROW = 1400, 360
# The beginning of a page is enough; a whole report is long.
HEIGHT = {WIDE: 900, NARROW: 740}


def write_pages(folder):
    """Write the three pages, and return their paths."""
    df, y = make_listings(1000, random_state=0)
    clf = MultiInputClassifier(random_state=0)
    clf.plan(df[:800], y[:800]).to_html(folder / "plan.html")
    clf.fit(df[:800], y[:800])
    explain_rows(clf, df[800:804]).to_html(folder / "explained.html")
    report(clf, df[800:], y[800:], folder / "report.html")
    return sorted(folder.glob("*.html"))


def take(page_file, width, dark):
    """Take one picture of a page into the folder of the documentation's images."""
    from browser import opened, overflow

    name = f"{page_file.stem}_{'dark' if dark else 'light'}{'_narrow' if width == NARROW else ''}.png"
    with opened(page_file, width=width, height=HEIGHT[width], dark=dark) as page:
        assert (page.errors, page.requests, overflow(page)) == ([], [], 0), page_file
        page.screenshot(path=ROOT / "docs" / "images" / name)
    print(name)


def main():
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        for page_file in write_pages(Path(folder)):
            for width in (WIDE, NARROW):
                for dark in (False, True):
                    take(page_file, width, dark)


if __name__ == "__main__":
    # The browser of the tests.
    sys.path.insert(0, str(ROOT / "tests"))
    main()
