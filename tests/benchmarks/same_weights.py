"""Whether two versions of skmulti train the same weights: fits of every kind, compared bit by bit.

``python tests/benchmarks/same_weights.py OTHER_PYTHON`` runs the same fits with this interpreter and with another
one, in whose environment the other version is installed, and prints a line for each fit.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

KINDS = {
    "numbers": ["area", "price", "age"],
    "categories": ["city", "heating"],
    "text": ["description"],
    "photos": ["photo"],
    "sequences": ["trace"],
}


def digest(estimator, rows):
    """Return a digest of an estimator's weights and of its predictions."""
    import numpy as np

    predict = getattr(estimator, "predict_proba", estimator.predict)
    predicted = predict(rows)
    arrays = [*estimator.model_.get_weights(), *(predicted if isinstance(predicted, list) else [predicted])]
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()[:16]


def kinds():
    """Yield (name, estimator, rows) of a fit for each kind of input."""
    from skmulti import MultiInputClassifier
    from skmulti.datasets import make_listings

    frame, y = make_listings(300, random_state=0)
    for name, columns in KINDS.items():
        yield name, MultiInputClassifier(epochs=3, random_state=0).fit(frame[columns], y), frame[columns]
    merged = MultiInputClassifier(epochs=3, merge="gated", early_stopping=True, random_state=0)
    yield "all kinds, held-out rows", merged.fit(frame, y), frame


def targets():
    """Yield (name, estimator, rows) of fits on several targets, with weights, and on rows in parts."""
    import numpy as np

    from skmulti import MultiInputClassifier, MultiInputRegressor
    from skmulti.datasets import make_prices

    frame, price = make_prices(700, 0)
    high = (price > np.median(price)).astype(int)
    yield "numbers to predict", MultiInputRegressor(random_state=0).fit(frame, price), frame
    weight = np.linspace(0.1, 1, len(frame))
    yield "weights", MultiInputClassifier(random_state=0).fit(frame, high, sample_weight=weight), frame
    several = np.column_stack([high, np.arange(len(frame)) % 3])
    balanced = MultiInputClassifier(epochs=3, class_weight="balanced", random_state=0)
    yield "several columns", balanced.fit(frame, several), frame
    warm = MultiInputClassifier(epochs=2, warm_start=True, random_state=0).fit(frame, high).fit(frame, high)
    yield "a warm start, then a chunk", warm.partial_fit(frame, high), frame
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        frame.assign(high=high).to_parquet(path)
        yield "a table in parts", MultiInputClassifier(epochs=3, random_state=0).fit(path, y="high"), path


def measure():
    """Return the digests of all fits by name."""
    warnings.simplefilter("ignore")
    return {name: digest(estimator, rows) for fits in (kinds(), targets()) for name, estimator, rows in fits}


def main(other_python):
    """Print for each fit whether both versions train the same weights."""
    own, other = (
        json.loads(
            subprocess.run(
                [python, Path(__file__).resolve(), "--measure"],
                check=True,
                capture_output=True,
                text=True,
                cwd=tempfile.gettempdir(),
            ).stdout
        )
        for python in (sys.executable, other_python)
    )
    for name, value in own.items():
        print(f"{name:<28}{value}   {'the same' if other.get(name) == value else f'differs: {other.get(name)}'}")
    return 0 if own == other else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if sys.argv[1] == "--measure":
        print(json.dumps(measure()))
    else:
        sys.exit(main(sys.argv[1]))
