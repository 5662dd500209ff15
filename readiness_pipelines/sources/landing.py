"""The landing folder: what has landed for a partition, and its archived copy, named by its own sha256."""

from __future__ import annotations

import datetime
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Delivery, Sighting
from readiness_pipelines.sources.pattern import Pattern

_CHUNK = 1 << 20


class SourceUnreadable(ReadinessError):
    """A landed file cannot be archived: it cannot be read, or is still being written. Nothing of it was recorded."""


def landed(landing: Path, pattern: str, moment: datetime.datetime) -> list[Path]:
    """Return what has landed for the partition that begins at `moment`, oldest first (by change time, then name).

    Whatever carries a matching name counts, a folder or an unreadable file too: the step says what is wrong with it.
    Raises ReadinessError for a link that leads out of the folder.
    """
    root = landing.resolve()
    found = []
    for path in Pattern(pattern).matches(landing, moment):
        if not path.resolve().is_relative_to(root):
            raise ReadinessError(f"{path.name}: leads out of the landing folder; deliver the file itself, not a link to it")
        found.append(path)
    return sorted(found, key=lambda path: (path.lstat().st_mtime_ns, path.name))


def look(landing: Path, pattern: str, *, table: str, key: Callable[[datetime.datetime], str]) -> Iterator[Sighting]:
    """Yield every landed file of a feed as it stands now, in no order; nothing is read but folders.

    `key` gives the partition of the moment that a file's name says.
    """
    for path, moment in Pattern(pattern).dated(landing):
        try:
            status = path.stat()
        except FileNotFoundError:
            continue  # taken away since the folder was listed, or a link to nothing
        name = path.relative_to(landing).as_posix()
        yield Sighting(table, key(moment), name, status.st_size, status.st_mtime_ns)


def archive(path: Path, archive: Path, *, landing: Path, table: str, partition: str) -> tuple[Delivery, Sighting]:
    """Copy a landed file into the archive under its sha256, and return the delivery and how the file stood.

    Nothing is parsed before this.

    The copy is complete and on disk before it gets its name. Raises SourceUnreadable if it cannot be read, or
    changes meanwhile.
    """
    before = path.stat()
    archive.mkdir(parents=True, exist_ok=True)
    hashed, size = hashlib.sha256(), 0
    descriptor, name = tempfile.mkstemp(dir=archive, prefix=".incoming-")
    incoming = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as copy, path.open("rb") as file:
            while piece := file.read(_CHUNK):
                hashed.update(piece)
                size += len(piece)
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
        after = path.stat()
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or size != after.st_size:
            raise SourceUnreadable(
                f"{path.name}: changed while it was read ({before.st_size} bytes, then {after.st_size}); "
                "run it again when it is complete"
            )
        sha256 = hashed.hexdigest()
        kept = archive / sha256[:2] / sha256
        if not kept.exists():
            kept.parent.mkdir(exist_ok=True)
            incoming.replace(kept)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise SourceUnreadable(f"{path.name}: cannot be read ({reason}); expected a readable file") from error
    finally:
        incoming.unlink(missing_ok=True)
    name = path.relative_to(landing).as_posix()
    delivery = Delivery(
        table=table,
        partition=partition,
        name=name,
        sha256=sha256,
        bytes=size,
        archived=kept.relative_to(archive).as_posix(),
        received_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
    )
    return delivery, Sighting(table, partition, name, before.st_size, before.st_mtime_ns)
