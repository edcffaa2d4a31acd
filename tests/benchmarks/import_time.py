"""Seconds of the processor that ``import skmulti`` takes beyond TensorFlow and SciKeras, which it cannot do without.

``python tests/benchmarks/import_time.py`` imports them in nine fresh processes and prints the medians, then the modules
outside of skmulti that only skmulti imports.
"""

import json
import statistics
import subprocess
import sys

PROBE = """
import json, sys, time
start = time.process_time()
import tensorflow, scikeras.wrappers
middle, before = time.process_time(), set(sys.modules)
import skmulti
end = time.process_time()
others = sorted(name for name in set(sys.modules) - before if name.split(".")[0] != "skmulti")
print(json.dumps([middle - start, end - middle, others]))
"""
REPEATS = 9


def main():
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True, text=True).stdout)
        for _ in range(REPEATS)
    ]
    needed, own = (statistics.median(run[i] for run in runs) for i in (0, 1))
    print(f"import tensorflow, scikeras.wrappers   {needed:6.3f} s")
    print(f"import skmulti, after them             {own:6.3f} s   {own / needed:.1%}")
    print("modules of others:", *runs[0][2])


if __name__ == "__main__":
    main()
