"""What becomes of a fitted estimator: it is kept in a file, and comes back in another process.

In comes an estimator, or a Pipeline or search that holds one; out goes one file, and the same estimator from it. `save`
and `load` are in `model_file`. A file is an `archive` of members; objects become a table in `codec` and come back in
`decoding`; `plain` knows what is data, `names` and `configs` which classes a file may mention, `leaves` what skops
stores.
"""

from .model_file import load, save

__all__ = ["load", "save"]
