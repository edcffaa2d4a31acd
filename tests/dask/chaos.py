"""Each fault of `test_faults.py` many times: ``python tests/dask/chaos.py 5`` counts what became of the fits.

``python tests/dask/chaos.py 5 -k hangs`` takes the tests that match. It prints how often each test passed, and the
median of the seconds that it took.
"""

import argparse
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path

import pytest


class Count:
    """Counts the outcomes of tests by their name, and the time that they took."""

    def __init__(self):
        self.seconds, self.failed = defaultdict(list), defaultdict(list)

    def pytest_runtest_logreport(self, report):
        """Count an outcome; what is left behind by a test counts, too."""
        name = report.nodeid.partition("::")[2]
        if report.when == "call":
            self.seconds[name].append(report.duration)
        if report.failed:
            self.failed[name].append(f"{report.when}: {report.longreprtext.strip().splitlines()[-1]}")


def main():
    """Run the tests and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n_runs", type=int)
    parser.add_argument("-k", default="", help="which tests, as for pytest")
    args = parser.parse_args()
    count, here = Count(), Path(__file__).parent
    os.chdir(here.parents[1])
    for _ in range(args.n_runs):
        code = pytest.main(["-q", "-m", "long", "-k", args.k, str(here / "test_faults.py")], plugins=[count])
        if code == pytest.ExitCode.INTERRUPTED:
            break
    for name, seconds in count.seconds.items():
        failed = count.failed[name]
        print(f"{len(seconds) - len(failed)}/{len(seconds)}  {statistics.median(seconds):5.1f} s  {name}")
        for words in failed:
            print(f"    {words}")
    return any(count.failed.values())


if __name__ == "__main__":
    sys.exit(main())
