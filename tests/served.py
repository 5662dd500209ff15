"""Products in a real Dagster: webserver and daemon on one instance, started and stopped by process id."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from dagster import AssetKey, DagsterInstance

PROJECT = Path(__file__).parent.parent
SENSORS_OFF = "assets=d.assets, asset_checks=d.asset_checks, jobs=d.jobs, schedules=d.schedules, resources=d.resources"
ALL = SENSORS_OFF + ", sensors=d.sensors"


def location(folders: list[Path], *, sensors: bool) -> str:
    """Return a code location's Python: the products in these folders, with or without their sensors."""
    return (
        "from pathlib import Path\n"
        "import dagster as dg\n"
        "from readiness_pipelines.declarations import load_product\n"
        "from readiness_pipelines.product import definitions_of\n"
        f"products = [definitions_of(load_product(Path(folder))) for folder in {[str(f) for f in folders]!r}]\n"
        f"defs = dg.Definitions.merge(*[dg.Definitions({ALL if sensors else SENSORS_OFF}) for d in products],\n"
        "    dg.Definitions(executor=dg.in_process_executor))\n"
    )


@dataclass
class Served:
    """One `dagster dev` over `root`/location.py with its instance in `root`/home. It can be killed and started again."""

    root: Path
    environment: dict[str, str]
    port: int = 0
    arguments: list[str] = field(default_factory=lambda: ["-f", "location.py"])
    program: list[str] = field(default_factory=lambda: [sys.executable, "-m", "dagster", "dev"])
    log: str = "dagster.log"
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def over(cls, root: Path, environment: Mapping[str, str], arguments: list[str]) -> Served:
        """Return one that is not started yet, with the project's own example instance."""
        home = root / "home"
        home.mkdir(exist_ok=True)
        (home / "dagster.yaml").write_text(
            (PROJECT / "dagster.yaml")
            .read_text()
            .replace("poll_interval_seconds: 60", "poll_interval_seconds: 5")
            .replace("start_timeout_seconds: 180", "start_timeout_seconds: 30")
        )
        return cls(root, {**os.environ, **environment, "DAGSTER_HOME": str(home), "PYTHONPATH": str(PROJECT)}, arguments=arguments)

    @property
    def instance(self) -> DagsterInstance:
        return DagsterInstance.from_config(self.environment["DAGSTER_HOME"])

    def start(self) -> None:
        """Start it, and return when its code locations have loaded."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with (self.root / self.log).open("ab") as log:
            self.process = subprocess.Popen(
                self.command(), env=self.environment, stdout=log, stderr=subprocess.STDOUT, cwd=self.root
            )
        wait_for(self._is_loaded, seconds=150, what="the code location")

    def command(self) -> list[str]:
        return [*self.program, *self.arguments, "--host", "127.0.0.1", "--port", str(self.port)]

    def stop(self) -> None:
        """Stop it as a shutdown does; what has not ended after half a minute, such as a run in its midst, is killed."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(timeout=30)
                self.process = None
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """Kill it and all it started, runs too, as a power cut does."""
        assert self.process is not None
        everything = [*psutil.Process(self.process.pid).children(recursive=True), psutil.Process(self.process.pid)]
        for process in everything:
            process.kill()
        psutil.wait_procs(everything, timeout=30)
        self.process = None

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> Any:
        """Return the data of a GraphQL query or mutation."""
        body = json.dumps({"query": query, "variables": dict(variables or {})}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def materialised(self, *path: str) -> set[str]:
        """Return the partitions that Dagster has recorded as materialised."""
        with self.instance as instance:
            return set(instance.get_materialized_partitions(AssetKey(path)))

    def _is_loaded(self) -> bool:
        assert self.process is not None and self.process.poll() is None, (self.root / self.log).read_text()[-3000:]
        try:
            found = self.ask("{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }")
        except OSError:
            return False
        entries = found["workspaceOrError"]["locationEntries"]
        return bool(entries) and all((e["locationOrLoadError"] or {}).get("__typename") == "RepositoryLocation" for e in entries)


@contextmanager
def serve(root: Path, text: str, environment: Mapping[str, str]) -> Iterator[Served]:
    """Serve a code location of this text, with the project's own example instance; stopped at the end."""
    (root / "location.py").write_text(text)
    served = Served.over(root, environment, ["-f", "location.py"])
    served.start()
    try:
        yield served
    finally:
        served.stop()


def wait_for(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    """Return when `condition` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(1)
