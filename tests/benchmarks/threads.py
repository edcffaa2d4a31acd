"""Whether fits and predictions in threads equal those of one thread: ``python tests/benchmarks/threads.py``.

50 fits of five seeds in 4 threads are compared with 5 fits alone, and 10,000 predictions of 8 threads on one
estimator with those of one thread. It prints the greatest differences, which have to be 0, and the seconds.
"""

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from skmulti import DenseHead, MultiInputClassifier

SEEDS = 5


def table(n_rows=200):
    """Return a table of numbers, categories and text, and labels."""
    rng = np.random.default_rng(0)
    words = rng.choice(["good", "bad", "film", "plot", "actor", "very", "nice", "dull"], (n_rows, 5))
    number = rng.normal(size=n_rows)
    columns = {"number": number, "city": rng.choice(list("abc"), n_rows), "text": [" ".join(row) for row in words]}
    return pd.DataFrame(columns), (number > 0) ^ (words == "good").any(axis=1)


def fit(seed, X, y):
    """Return a classifier that was fitted with a seed."""
    return MultiInputClassifier(head=DenseHead(units=(16,)), epochs=3, random_state=seed).fit(X, y)


def difference(ones, others):
    """Return the greatest difference between two lists of arrays."""
    return max(float(np.abs(one - other).max()) for one, other in zip(ones, others, strict=True))


def main(n_fits=50, n_predictions=10_000):
    X, y = table()
    alone = [fit(seed, X, y) for seed in range(SEEDS)]
    before = random.getstate()
    started = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        fitted = list(pool.map(lambda i: fit(i % SEEDS, X, y), range(n_fits)))
    seconds = time.perf_counter() - started
    worst = max(
        difference(one.model_.get_weights(), alone[i % SEEDS].model_.get_weights()) for i, one in enumerate(fitted)
    )
    print(f"{n_fits} fits in 4 threads: {seconds:.1f} s, greatest difference of a weight {worst}")
    print(f"Python's generator is as it was: {random.getstate() == before}")

    sizes = (1, 2, 50, 200)
    expected = {size: alone[0].predict_proba(X[:size]) for size in sizes}
    # Not yet compiled, as in a server that has just loaded it.
    clf = fitted[0]
    started = time.perf_counter()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: clf.predict_proba(X[: sizes[i % 4]]), range(n_predictions)))
    seconds = time.perf_counter() - started
    apart = max(float(np.abs(one - expected[sizes[i % 4]]).max()) for i, one in enumerate(found))
    print(f"{n_predictions:,} predictions in 8 threads: {seconds:.1f} s, greatest difference {apart}")
    return worst or apart


if __name__ == "__main__":
    sys.exit(bool(main(*map(int, sys.argv[1:]))))
