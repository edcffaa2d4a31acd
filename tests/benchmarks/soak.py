"""The properties of tests/test_properties.py on random frames, for some minutes.

Prints each failure with its seed, and at the end the number of frames that were tried.

    python tests/benchmarks/soak.py [MINUTES] [--seed 0] [--only WORD]
"""

import argparse
import collections
import importlib
import sys
import time
import traceback
from pathlib import Path

import hypothesis


def properties(word):
    """Return the properties whose names contain a word: functions that try some frames."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    test_properties = importlib.import_module("test_properties")
    tests = {name: test for name, test in vars(test_properties).items() if hasattr(test, "hypothesis")}
    return {name: test for name, test in tests.items() if word in name}


def count_calls(test, counts, name):
    """Count how often a property is tried."""
    inner = test.hypothesis.inner_test

    def counted(*args, **kwargs):
        counts[name] += 1
        return inner(*args, **kwargs)

    test.hypothesis.inner_test = counted


def describe(error):
    """Return an error, and the smallest frame that hypothesis found for it, in a few lines."""
    errors = error.exceptions if isinstance(error, BaseExceptionGroup) else [error]
    for single in errors:
        frames = traceback.extract_tb(single.__traceback__)
        places = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-4:]]
        yield f"{type(single).__name__} at {' '.join(places)}: {str(single)[:700]}", "\n".join(single.__notes__)


def main():
    """Try the properties in turn, each time from another seed, until time is up."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", nargs="?", type=float, default=10)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    tests, counts, seen = properties(arguments.only), collections.Counter(), collections.Counter()
    for name, test in tests.items():
        count_calls(test, counts, name)
    start, seed = time.monotonic(), arguments.seed
    while time.monotonic() - start < 60 * arguments.minutes:
        name = list(tests)[seed % len(tests)]
        try:
            hypothesis.seed(seed)(tests[name])()
        except (Exception, BaseExceptionGroup) as error:
            for words, example in describe(error):
                seen[words[:90]] += 1
                # A failure that was seen before is only counted.
                if seen[words[:90]] == 1:
                    print(f"\n{name}, seed {seed}: {words}\n{example}", flush=True)
        seed += 1
    minutes = (time.monotonic() - start) / 60
    print(f"\n{counts.total()} frames in {minutes:.1f} minutes, {len(seen)} kinds of failures, {seen.total()} failures")
    print("\n".join(f"{count:7} {name}" for name, count in counts.items()))


if __name__ == "__main__":
    main()
