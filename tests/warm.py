"""Dagster's commands from a Python that has imported Dagster already, which takes longer than most of them take to answer.

Each command is its own script, run in a fork of that Python: a process of its own, in a folder and environment of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent

_WARM = """\
import json, os, runpy, sys
import dagster._cli, dagster.components.list, dagster_dg_cli.cli.check, dagster_dg_cli.cli.labs, dagster_dg_cli.cli.scaffold
import readiness_pipelines.product

for line in sys.stdin:
    asked = json.loads(line)
    child = os.fork()
    if child == 0:
        break
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
else:
    sys.exit()

os.chdir(asked["cwd"])
os.environ.clear()
os.environ.update(asked["environment"])
sys.path[:0] = [place for place in os.environ["PYTHONPATH"].split(os.pathsep) if place not in sys.path]
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
for number, name in ((1, "out"), (2, "err")):
    os.dup2(os.open(asked[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
sys.argv = asked["command"]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class Warm:
    """A Python that waits for commands."""

    process: subprocess.Popen[str]
    said: Path

    def run(self, *command: str, environment: Mapping[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run one of the environment's programs (`dg`, `dagster`) to its end; return its exit code and what it said."""
        assert self.process.stdin is not None and self.process.stdout is not None
        written = {name: self.said / name for name in ("out", "err")}
        asked = {"command": [str(BIN / command[0]), *command[1:]], "cwd": str(cwd), "environment": dict(environment)}
        self.process.stdin.write(json.dumps(asked | {name: str(path) for name, path in written.items()}) + "\n")
        self.process.stdin.flush()
        code = int(self.process.stdout.readline())
        return subprocess.CompletedProcess(command, code, *(written[name].read_text() for name in ("out", "err")))


@contextmanager
def warmed(environment: Mapping[str, str], said: Path) -> Iterator[Warm]:
    """Start a Python that takes the package from this environment's PYTHONPATH; what commands say is kept in `said`."""
    command = [sys.executable, "-P", "-c", _WARM]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=said)
    with process:  # its standard input is closed at the end, and so it ends
        yield Warm(process, said)
