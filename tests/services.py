"""Real services for tests, on loopback only: a PostgreSQL server of the machine's own programs, and moto's S3 server."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import psycopg2
import pytest

from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.ledger.server import POSTGRESQL
from readiness_pipelines.settings import Settings

PASSWORD = "hush-1234-never-shown"
KEY = "AKIAHUSHNEVERSHOWN"
_PATIENCE_S = 60
_SERVICES = [pytest.mark.services, pytest.mark.slow]

# where catalog and ledger, and where the warehouse lie
ALL_WAYS = ["local", *(pytest.param(name, marks=_SERVICES) for name in ("postgres", "s3", "postgres+s3"))]
NEAR_AND_FAR = ["local", pytest.param("postgres+s3", marks=_SERVICES)]


def postgres_programs() -> Path | None:
    """Return the folder of PostgreSQL's newest server programs on this machine, or None if there are none."""
    beside_debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True)
    on_path = shutil.which("postgres")
    folders = [*beside_debian, *([Path(on_path).parent] if on_path else [])]
    return next((f for f in folders if (f / "postgres").exists() and (f / "initdb").exists()), None)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Postgres:
    """A server with data in a folder of its own; it is started at once, and can be stopped and started again."""

    def __init__(self, programs: Path, folder: Path, *, fsync: str) -> None:
        self.programs, self.folder, self.port, self.fsync = programs, folder, free_port(), fsync
        self._user = "postgres" if _has_user("postgres") else "nobody"
        self._as: dict[str, str] = {"user": self._user} if os.getuid() == 0 else {}  # PostgreSQL refuses to run as root
        if self._as:
            shutil.chown(folder, self._user)
        self._shared: str | None = None
        (folder / "password").write_text(PASSWORD)
        given = ["-D", str(folder / "data"), "-U", "owner", "-A", "scram-sha-256", "--pwfile", str(folder / "password")]
        command = [str(programs / "initdb"), *given, "-E", "UTF8", "--no-sync"]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, **self._as)  # type: ignore[call-overload]
        self.start()

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "fsync": self.fsync,
            "max_connections": 1000,  # each test leaves some open until it is collected
        }
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port)]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, **self._as)  # type: ignore[call-overload]
        _wait(lambda: psycopg2.connect(self._dsn("postgres")).close())

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop as a host does that goes down: whoever is connected is cut off."""
        self._process.send_signal(how)
        self._process.wait(_PATIENCE_S)

    def _dsn(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=owner password={PASSWORD} dbname={database}"

    def execute(self, sql: str, database: str = "postgres") -> None:
        """Execute one statement, outside of a transaction."""
        connection = psycopg2.connect(self._dsn(database))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
        connection.close()

    def new_database(self) -> str:
        """Make an empty database and return its URL. Its order of text is a language's, as on most servers."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")
        return f"{POSTGRESQL}://owner:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def new_place(self) -> str:
        """Return the URL of an empty schema in a database that all tests share: making one takes no time."""
        if self._shared is None:
            self._shared = self.new_database()
        name = f"t{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE SCHEMA {name}", self._shared.rsplit("/", 1)[1])
        return f"{self._shared}?options=-csearch_path%3D{name}"


@contextlib.contextmanager
def running_postgres(*, fsync: str = "off") -> Iterator[Postgres]:
    """A PostgreSQL server; without fsync it is faster, and no less a server. Skips the test that asks for it where its programs are not installed."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server here: apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="readiness-postgres-"))
    server = Postgres(programs, folder, fsync=fsync)
    try:
        yield server
    finally:
        server.stop(signal.SIGQUIT)  # without a checkpoint
        shutil.rmtree(folder)


@contextlib.contextmanager
def running_s3() -> Iterator[dict[str, str]]:
    """moto's server, in a process of its own, with one bucket; the environment by which it is reached."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait(lambda: urllib.request.urlopen(f"{endpoint}/moto-api/").close())
            urllib.request.urlopen(urllib.request.Request(f"{endpoint}/warehouse", method="PUT")).close()
            yield {
                "AWS_ENDPOINT_URL": endpoint,
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": PASSWORD,
                "AWS_REGION": "us-east-1",
                "AWS_EC2_METADATA_DISABLED": "true",
            }
        finally:
            server.terminate()


def variables(root: Path, services: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of an installation under `root` that uses these services."""
    return {"READINESS_STATE": str(root / "state"), "READINESS_LANDING": str(root / "landing"), **services}


def settings_at(root: Path, services: Mapping[str, str]) -> Settings:
    """Return the settings of `variables`, with what AWS's own libraries look for put into this process's environment."""
    os.environ.update({name: value for name, value in services.items() if name.startswith("AWS_")})
    return Settings.from_environment(variables(root, services))


def lake_at(root: Path, services: Mapping[str, str]) -> Lakehouse:
    return Lakehouse.open(settings_at(root, services))


def _has_user(name: str) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


def _wait(attempt: Callable[[], object]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            attempt()
            return
        except (OSError, psycopg2.OperationalError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
