"""Measurements that a benchmark makes in processes of their own, since the peak of a process never falls."""

import json
import subprocess
import sys
from pathlib import Path


def memory(field):
    """Return this process's resident memory in MiB: "VmRSS" for what it has, "VmHWM" for the largest that it had.

    The system's own count: ru_maxrss would be the parent's, if that had more.
    """
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def run(script, *arguments):
    """Run ``script --fit *arguments`` in a process of its own, and give what its last line of JSON holds."""
    done = subprocess.run([sys.executable, script, "--fit", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])
