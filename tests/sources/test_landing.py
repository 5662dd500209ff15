"""What stands in the landing folder: a file is copied whole, anything else is told in one line and never opened."""

from __future__ import annotations

import datetime
import hashlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from readiness_pipelines.flow import Delivery, Sighting
from readiness_pipelines.sources import SourceUnreadable, archive, landed, look

PATTERN = "orders/orders_%Y-%m-%d*.csv"
DAY = datetime.datetime(2025, 1, 1)
NOBODY = 65534


def place(root: Path, name: str = "orders_2025-01-01.csv") -> Path:
    path = root / "landing" / "orders" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def take(root: Path, path: Path) -> tuple[Delivery | str, Sighting] | None:
    landing = root / "landing"
    assert [p for p in landed(landing, PATTERN, DAY) if p == path] == [path]
    return archive(path, root / "archive", landing=landing, table="shop.bronze.raw_orders", partition="2025-01-01")


def told(root: Path, path: Path) -> str:
    found = take(root, path)
    assert found is not None
    why, stood = found
    assert isinstance(why, str) and "\n" not in why and "expected" in why
    assert not (root / "archive").exists(), "nothing of it was copied"
    seen = list(look(root / "landing", PATTERN, table=stood.table, key=lambda _: "2025-01-01"))
    assert seen == [stood], "the sensor sees it as the step does, and asks for it once"
    return why


@contextmanager
def unprivileged(folder: Path) -> Iterator[None]:
    """Nobody's eyes: root may read everything. Where we are not root there is nothing to give up."""
    if os.geteuid() != 0:
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A folder that anybody can reach; pytest's own are for their owner alone."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_a_file_is_kept_under_the_digest_of_its_bytes(tmp_path: Path) -> None:
    path = place(tmp_path)
    path.write_bytes(b"a\n1\n")
    found = take(tmp_path, path)
    assert found is not None
    delivery, stood = found
    assert isinstance(delivery, Delivery)
    assert delivery.sha256 == hashlib.sha256(b"a\n1\n").hexdigest()
    assert (tmp_path / "archive" / delivery.archived).read_bytes() == b"a\n1\n"
    assert (delivery.name, delivery.bytes, stood.changed_ns) == ("orders/orders_2025-01-01.csv", 4, path.stat().st_mtime_ns)


def test_a_folder_named_like_a_file_is_told(tmp_path: Path) -> None:
    path = place(tmp_path)
    path.mkdir()
    assert "orders/orders_2025-01-01.csv: is a folder, expected a file" in told(tmp_path, path)


def test_a_named_pipe_is_told_and_nobody_waits_for_its_writer(tmp_path: Path) -> None:
    path = place(tmp_path)
    os.mkfifo(path)
    assert "is a named pipe" in told(tmp_path, path)


def test_a_socket_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = place(tmp_path)
    monkeypatch.chdir(path.parent)  # the name of a socket must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path.name)
        assert "is a socket" in told(tmp_path, path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
def test_a_device_is_told(tmp_path: Path) -> None:
    path = place(tmp_path)
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("not even root can make a device here")
    assert "is a device" in told(tmp_path, path)


def test_a_link_to_nothing_and_one_to_itself_are_told(tmp_path: Path) -> None:
    path = place(tmp_path)
    path.symlink_to(tmp_path / "landing" / "gone.csv")
    assert "is a link to nothing" in told(tmp_path, path)
    path.unlink()
    path.symlink_to(path)
    assert "is a link to nothing" in told(tmp_path, path)


def test_a_link_out_of_the_landing_folder_is_refused_and_one_within_it_is_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_bytes(b"a\n1\n")
    path = place(tmp_path)
    path.symlink_to(secret)
    assert "leads out of the landing folder" in told(tmp_path, path)
    path.unlink()
    inside = tmp_path / "landing" / "today.csv"
    inside.write_bytes(b"a\n2\n")
    path.symlink_to(inside)
    found = take(tmp_path, path)
    assert found is not None and isinstance(found[0], Delivery)


def test_a_folder_that_is_a_link_out_of_the_landing_folder_is_refused_too(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "orders_2025-01-01.csv").write_bytes(b"a\n1\n")
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "orders").symlink_to(tmp_path / "elsewhere")
    assert "leads out of the landing folder" in told(tmp_path, tmp_path / "landing" / "orders" / "orders_2025-01-01.csv")


def test_a_file_that_may_not_be_read_is_told(open_place: Path) -> None:
    path = place(open_place)
    path.write_bytes(b"a\n1\n")
    path.chmod(0)
    with unprivileged(open_place):
        assert "permission denied" in told(open_place, path)


def test_a_folder_that_may_not_be_listed_is_an_error_and_not_an_empty_one(open_place: Path) -> None:
    path = place(open_place)
    path.write_bytes(b"a\n1\n")
    path.parent.chmod(0)
    with unprivileged(open_place), pytest.raises(SourceUnreadable, match="orders: the folder cannot be listed"):
        landed(open_place / "landing", PATTERN, DAY)


@pytest.mark.parametrize(("name", "shown"), [(b"orders_2025-01-01_\xff.csv", "\\xff"), (b"orders_2025-01-01_\n.csv", "\\n")])
def test_a_name_that_is_no_plain_text_is_told_with_its_bytes_escaped(tmp_path: Path, name: bytes, shown: str) -> None:
    folder = place(tmp_path).parent
    (path,) = [Path(os.fsdecode(os.fsencode(folder) + b"/" + name))]
    path.write_bytes(b"a\n1\n")
    assert f"orders_2025-01-01_{shown}.csv: its name is no plain text" in told(tmp_path, path)


@pytest.mark.parametrize("change", ["longer", "as long"])
def test_a_file_that_changes_while_it_is_read_is_not_taken_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    path = place(tmp_path)
    path.write_bytes(b"a\n1\n")
    sync, stood = os.fsync, path.stat()

    def write_meanwhile(descriptor: int) -> None:
        sync(descriptor)
        path.write_bytes(b"a\n1\n2\n" if change == "longer" else b"a\n2\n")
        os.utime(path, ns=(stood.st_atime_ns, stood.st_mtime_ns))  # as rsync does

    monkeypatch.setattr(os, "fsync", write_meanwhile)
    with pytest.raises(SourceUnreadable, match="changed while it was read"):
        take(tmp_path, path)
    assert [p for p in (tmp_path / "archive").rglob("*") if p.is_file()] == []


def test_a_file_that_is_gone_since_the_folder_was_listed_is_nothing(tmp_path: Path) -> None:
    path = place(tmp_path)
    assert archive(path, tmp_path / "archive", landing=tmp_path / "landing", table="t", partition="p") is None


def test_a_disk_that_is_full_is_an_error_of_ours_and_not_the_files_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place(tmp_path)
    path.write_bytes(b"a\n1\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        take(tmp_path, path)
    assert [p for p in (tmp_path / "archive").rglob("*") if p.is_file()] == []
