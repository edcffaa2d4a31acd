"""Keep and ship a fitted estimator.

What comes in: a fitted estimator or router. What goes out: a file or a folder that predicts elsewhere, and a pydantic
model of its rows for web servers.
"""

from .export import export
from .schema import records_schema

__all__ = ["export", "records_schema"]
