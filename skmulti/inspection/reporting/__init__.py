"""A report on a fitted estimator: rows go in, one page of HTML comes out.

`reading` takes what a user hands in, `evaluation` predicts, and `scores`, `calibration`, `mistakes` and `unlike` find
the numbers. `sections` and `figures` turn these numbers into HTML, and `page` puts it together.
"""

from .mistakes import worst_rows
from .page import report

__all__ = ["report", "worst_rows"]
