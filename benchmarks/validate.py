"""How much CPU `readiness validate` takes on the shipped products, in a process of its own. Goal: at most 2 s.

Run: python benchmarks/validate.py
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

_TIMES = 5


def main() -> None:
    """Print the CPU seconds (user and system) of each run and their median."""
    seconds = []
    for _ in range(_TIMES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", "from readiness_pipelines.cli import main; main()", "validate"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    runs = ", ".join(f"{s:.2f}" for s in seconds)
    sys.stdout.write(f"readiness validate: {statistics.median(seconds):.2f} s CPU, median of {_TIMES} ({runs})\n")


if __name__ == "__main__":
    main()
