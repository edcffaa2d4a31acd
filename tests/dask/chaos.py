"""Each fault of `test_faults.py` many times: ``python tests/dask/chaos.py 5`` counts what became of the fits.

``python tests/dask/chaos.py 5 -k hangs`` takes the tests that match. Every test starts on the cluster that the one
before has left. It prints how often each passed, and the seconds that it took.
"""

import argparse
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import pytest


class Count:
    """Counts the outcomes of tests, by their name without the number of the run."""

    def __init__(self, n_runs):
        self.n_runs = n_runs
        self.seconds, self.failed = defaultdict(list), defaultdict(list)

    def pytest_generate_tests(self, metafunc):
        """Run each test many times."""
        metafunc.fixturenames.append("run")
        metafunc.parametrize("run", range(self.n_runs))

    def pytest_runtest_logreport(self, report):
        """Count an outcome; that of what comes after a test counts, too."""
        name = report.nodeid.partition("::")[2]
        if report.when == "call":
            self.seconds[name].append(report.duration)
        if report.failed:
            self.failed[name].append(report.longreprtext.strip().splitlines()[-1])


def main():
    """Run the tests and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n_runs", type=int)
    parser.add_argument("-k", default="")
    args = parser.parse_args()
    count = Count(args.n_runs)
    here = Path(__file__).parent
    os.chdir(here.parents[1])
    pytest.main(["-q", "-m", "long", "-k", args.k, str(here / "test_faults.py")], plugins=[count])
    by_test = defaultdict(lambda: ([], []))
    for name, seconds in count.seconds.items():
        own = by_test[_without_run(name)]
        own[0].extend(seconds)
        own[1].extend(count.failed[name])
    for name, (seconds, failed) in by_test.items():
        print(f"{len(seconds) - len(failed)}/{len(seconds)}  median {statistics.median(seconds):5.1f} s  {name}")
        for words in failed:
            print(f"    {words}")
    return any(count.failed.values())


def _without_run(name):
    """Return the name of a test without the number of its run."""
    test, _, params = name.rstrip("]").partition("[")
    return f"{test}[{params.rpartition('-')[0]}]"


if __name__ == "__main__":
    sys.exit(main())
