"""Fixtures that every folder of tests uses."""

from __future__ import annotations

import fcntl
import re
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from readiness_pipelines.settings import Settings
from tests.services import ALL_WAYS, NEAR_AND_FAR, Postgres, running_postgres, running_s3, settings_at
from tests.shop import Shop, build_shop

TABLES_TO_SHOW = pytest.StashKey[dict[str, list[str]]]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Show the tables that tests have put under `TABLES_TO_SHOW`: title, then lines."""
    for title, lines in config.stash.get(TABLES_TO_SHOW, {}).items():
        terminalreporter.section(title)
        terminalreporter.write_line("\n".join(lines))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that start daemons, then those with slow tests, and end with the quick ones.

    Processes that test side by side take file after file in this order, and what is long and begun last is waited for alone.
    """
    daemons = {item.path for item in items if _starts_daemons(item.path)}
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path not in daemons, item.path not in slow))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let processes that test side by side take file after file, and one of them all files that start daemons.

    Daemons that run at once wait for each other longer than their tests wait for them.
    """
    from xdist.scheduler import LoadFileScheduling

    class DaemonsTakeTurns(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "daemons" if _starts_daemons(config.rootpath / file) else file

    return DaemonsTakeTurns(config, log)


@cache
def _starts_daemons(file: Path) -> bool:
    return re.search(r"^pytestmark = .*\bpytest\.mark\.daemon\b", file.read_text(), re.MULTILINE) is not None


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by what they are for: they are no name, and compressed ones differ from process to process."""
    return argname if isinstance(val, bytes) else None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the tables over, where this is one of several processes that test side by side."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["tables"] = session.config.stash.get(TABLES_TO_SHOW, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the tables of such a process."""
    tables = node.config.stash.setdefault(TABLES_TO_SHOW, {})
    tables.update(getattr(node, "workeroutput", {}).get("tables", {}))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests; each makes databases of its own in it."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """An S3 server for all tests, as environment variables."""
    with running_s3() as environment:
        yield environment


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """An empty MLflow database, to be copied to `mlflow.db` in a state folder: all processes share one, which takes seconds to make."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "mlflow"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            from readiness_pipelines.models.registry import Registry

            Registry.open(Settings(state=folder, landing=folder)).aliases("none")
            with sqlite3.connect(folder / "mlflow.db") as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (folder / "made").touch()
    return folder / "mlflow.db"


@pytest.fixture
def mlflow(mlflow_database: Path, tmp_path: Path) -> Path:
    """Put an empty database of MLflow's where a product under `tmp_path` looks for it, and return it."""
    place = settings_at(tmp_path, {}).state / "mlflow.db"
    place.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(mlflow_database, place))


@pytest.fixture(params=ALL_WAYS)
def services(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of each way to place catalog, ledger and warehouse; it is empty where all of them are local."""
    return _environment(request)


@pytest.fixture(params=NEAR_AND_FAR)
def near_and_far(request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment of two of the ways: all local, and nothing local."""
    return _environment(request)


def _environment(request: pytest.FixtureRequest) -> dict[str, str]:
    environment = {}
    if "postgres" in request.param:
        url = request.getfixturevalue("postgres").new_place()
        environment |= {"READINESS_CATALOG": url, "READINESS_LEDGER": url}
    if "s3" in request.param:
        environment |= request.getfixturevalue("s3") | {"READINESS_WAREHOUSE": f"s3://warehouse/{uuid.uuid4().hex}"}
    return environment


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """The small test product, with nothing landed."""
    return build_shop(tmp_path)
