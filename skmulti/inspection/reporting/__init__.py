"""A report on a fitted estimator: rows go in, one page of HTML comes out.

Of the files beside this folder, `reading` takes what a user hands in, `evaluation` predicts, and `scores` computes;
here `calibration`, `mistakes` and `unlike` find the other numbers. `sections` and `figures` turn them into HTML, and
`page` puts it together.
"""

from .page import report

__all__ = ["report"]
