"""Measure how the seconds a row of fit, transform and predict change from a thousand rows to a million.

Run: python tests/benchmarks/growth.py [--largest 1000000] [--largest-fit 1000000] [--repeats 3]

The table has 10 columns of numbers and 6 of categories (50 levels). For each number of rows the columns are: the
router's fit, its fit with nothing configured (columns are routed by what they hold), its transform; the fit of a
classifier on that router (2 epochs in batches of 1,024 rows, no hold-out) and its predict. Time is the processor's with
one thread, in microseconds a row; medians of the repeats. A curve that is flat or falls from top to bottom is good:
fixed costs, such as building and tracing a network, are spread over more rows, and nothing grows faster than the rows.
"""

import argparse
import os
import statistics
import time

from router_million import CATEGORIES, NUMBERS, ONE_THREAD, make_system, make_table

COLUMNS = ("router fit", "inferred fit", "transform", "classifier fit", "predict")


def seconds(call):
    """Return the processor's seconds of a call, and what it gave."""
    started = time.process_time()
    result = call()
    return time.process_time() - started, result


def measure(table, labels, *, with_classifier):
    """Return the seconds of each column of the printed table, or None where it is left out."""
    from skmulti import InputRouter, MultiInputClassifier

    router = make_system("skmulti")
    times = [
        seconds(lambda: router.fit(table))[0],
        seconds(lambda: InputRouter().fit(table))[0],
        seconds(lambda: router.transform(table))[0],
    ]
    if not with_classifier:
        return [*times, None, None]
    classifier = MultiInputClassifier(
        make_system("skmulti"), epochs=2, batch_size=1024, early_stopping=False, random_state=0
    )
    fit = seconds(lambda: classifier.fit(table, labels))[0]
    classifier.predict(table.iloc[:1])
    return [*times, fit, seconds(lambda: classifier.predict(table))[0]]


def main():
    """Print a line for each number of rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--largest", type=int, default=1_000_000)
    parser.add_argument("--largest-fit", type=int, default=1_000_000, help="rows of the largest classifier's fit")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    everything = make_table(arguments.largest)
    target = (everything[NUMBERS[0]] > 0) ^ (everything[CATEGORIES[0]] < "level 25")
    # The first of all calls imports and warms up what the others share.
    measure(everything.iloc[:1000], target.iloc[:1000], with_classifier=True)
    print("microseconds a row" + "".join(f"{name:>16}" for name in COLUMNS))
    n_rows = 1000
    while n_rows <= arguments.largest:
        table, labels = everything.iloc[:n_rows], target.iloc[:n_rows]
        with_classifier = n_rows <= arguments.largest_fit
        runs = [measure(table, labels, with_classifier=with_classifier) for _ in range(arguments.repeats)]
        medians = [None if None in column else statistics.median(column) for column in zip(*runs, strict=True)]
        shown = "".join(f"{'-':>16}" if value is None else f"{1e6 * value / n_rows:>16.3f}" for value in medians)
        print(f"{n_rows:>18,}{shown}", flush=True)
        n_rows *= 10


if __name__ == "__main__":
    os.environ.update(ONE_THREAD, TF_CPP_MIN_LOG_LEVEL="3")
    main()
