"""How much faster `input_importance` is than scikit-learn's `permutation_importance`, with the same numbers.

Run: python tests/benchmarks/importance.py [N_ROWS]

Listings of numbers, categories, texts, photos of 64 x 64 pixels and traces; five repeats of each of eight columns.
"""

import sys
import time

from sklearn.inspection import permutation_importance

from skmulti import MultiInputClassifier, input_importance
from skmulti.datasets import make_listings


def main():
    """Print seconds of both, and the greatest difference of their importances."""
    n_rows = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    frame, outcome = make_listings(n_rows, random_state=0, size=(64, 64))
    clf = MultiInputClassifier(epochs=1, random_state=0).fit(frame, outcome)
    # Both are compiled when they are first called.
    input_importance(clf, frame[:20], outcome[:20])
    clf.predict(frame)
    seconds, found, params = {}, {}, {"scoring": "neg_log_loss", "random_state": 0}
    for name, measure in (
        ("permutation_importance", lambda: permutation_importance(clf, frame, outcome, **params)),
        ("input_importance, by='column'", lambda: input_importance(clf, frame, outcome, by="column", **params)),
        ("input_importance, by='input'", lambda: input_importance(clf, frame, outcome, **params)),
    ):
        start = time.perf_counter()
        found[name] = measure()
        seconds[name] = time.perf_counter() - start
        times = seconds["permutation_importance"] / seconds[name]
        print(f"{name:<32}{seconds[name]:>8.2f} s{times:>8.0f} times as fast")
    first, second, _ = (result.importances for result in found.values())
    print(f"greatest difference of the importances of columns: {abs(first - second).max():.1e}")


if __name__ == "__main__":
    main()
