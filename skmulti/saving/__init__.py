"""What becomes of a fitted estimator: it is kept in a file, shipped without skmulti, and served.

In comes an estimator or router, or a Pipeline or search that holds one. Out goes

- one file, and the same estimator from it (`save` and `load` in `model_file`). A file is an `archive` of members;
  objects become a table in `codec` and come back in `decoding`; `plain` knows what is data, `names` and `configs` which
  classes a file may mention, `leaves` what skops stores, `references` which weights are read again from elsewhere;
- a graph of TensorFlow or ONNX that predicts where skmulti is not installed (`export`, `onnx`);
- a pydantic model of the rows, for web servers (`schema`).
"""

from .export import export
from .model_file import load, save
from .schema import records_schema

__all__ = ["export", "load", "records_schema", "save"]
