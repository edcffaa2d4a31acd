"""What one keeps and ships of a fitted estimator.

What comes in: a fitted estimator or router. What goes out: a pydantic model of its rows, for web servers.
"""

from .schema import records_schema

__all__ = ["records_schema"]
