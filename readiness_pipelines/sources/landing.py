"""The landing folder: what has landed for a partition, and its archived copy, named by its own sha256."""

from __future__ import annotations

import datetime
import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from readiness_pipelines.flow import Delivery, Sighting
from readiness_pipelines.sources.pattern import Pattern, SourceUnreadable

_CHUNK = 1 << 20
INCOMING = ".incoming-"  # what a copy is called until it is whole
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def landed(landing: Path, pattern: str, moment: datetime.datetime) -> list[Path]:
    """Return what has landed for the partition that begins at `moment`, oldest first (by change time, then name).

    Whatever carries a matching name counts, a folder or an unreadable file too: `archive` says what is wrong with it.
    Raises SourceUnreadable for a folder of the pattern that cannot be listed.
    """
    found = []
    for path in Pattern(pattern).matches(landing, moment):
        status = _status(path, follow=False)
        if status is not None:
            found.append((status.st_mtime_ns, path))
    return [path for _, path in sorted(found)]


def look(landing: Path, pattern: str, *, table: str, key: Callable[[datetime.datetime], str]) -> Iterator[Sighting]:
    """Yield every landed file of a feed as it stands now, in no order; nothing is read but folders.

    `key` gives the partition of the moment that a file's name says. Raises SourceUnreadable as `landed` does.
    """
    for path, moment in Pattern(pattern).dated(landing):
        sighting = _sighting(path, landing, table, key(moment))
        if sighting is not None:
            yield sighting


def archive(
    path: Path,
    archive: Path,
    *,
    landing: Path,
    table: str,
    partition: str,
    is_redacted: Callable[[str], bool] = lambda _: False,
) -> tuple[Delivery | str, Sighting] | None:
    """Copy a landed file into the archive under its sha256, and return the delivery and how the file stood.

    Of bytes that are kept in a redacted form only, as `is_redacted` says of their sha256, no copy is left.

    Nothing is parsed before this, and the copy is complete and on disk before it gets its name. What can never be a
    delivery as it stands (a folder, a pipe, a link that leads out of the landing folder, no permission, a name that is no
    text) gives, in place of the delivery, one line that says so; none of it is opened. None: it is gone meanwhile.
    Raises SourceUnreadable if the file changes while it is read, or for a failure that is not the file's.
    """
    stood = _sighting(path, landing, table, partition)
    if stood is None:
        return None
    why = _refusal(path, landing)
    source = why or _open(path)
    if isinstance(source, str):
        return f"{stood.name}: {source}", stood
    with os.fdopen(source, "rb", buffering=0) as file:
        sha256, size, kept = _copy(file.fileno(), archive, stood, is_redacted)
    delivery = Delivery(
        table=table,
        partition=partition,
        name=stood.name,
        sha256=sha256,
        bytes=size,
        archived=kept.relative_to(archive).as_posix(),
        received_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds"),
    )
    return delivery, stood


def _status(path: Path, *, follow: bool) -> os.stat_result | None:
    """Return how a path stands: what a link leads to, else the link itself; None if it is gone."""
    try:
        return path.stat() if follow else path.lstat()
    except FileNotFoundError:
        return _status(path, follow=False) if follow else None
    except OSError as error:
        if follow:
            return _status(path, follow=False)
        raise SourceUnreadable(f"{_shown(path.name)}: cannot be looked at ({error.strerror}); mend it, then run again") from error


def _sighting(path: Path, landing: Path, table: str, partition: str) -> Sighting | None:
    status = _status(path, follow=True)
    if status is None:
        return None
    name = _shown(path.relative_to(landing).as_posix())
    return Sighting(table, partition, name, status.st_size, status.st_mtime_ns)


def _shown(name: str) -> str:
    """Return a file name as text on one line: bytes that are no UTF-8, and control characters, escaped."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _refusal(path: Path, landing: Path) -> str | None:
    """Return why nothing that stands here under this name is taken in, or None."""
    name = path.relative_to(landing).as_posix()
    if _shown(name) != name:
        return "its name is no plain text in UTF-8, expected one: deliver it under another name"
    try:
        real = Path(os.path.realpath(path, strict=True))
        if not real.is_relative_to(os.path.realpath(landing)):
            return "is a link that leads out of the landing folder, expected a file in it: deliver the file itself"
        kind = stat.S_IFMT(real.stat().st_mode)
    except OSError as error:
        return _why(path, error)
    return None if kind == stat.S_IFREG else f"is {_KINDS.get(kind, 'no file')}, expected a file: take it away, deliver the file"


def _why(path: Path, error: OSError) -> str:
    """Return what is wrong with the file itself. Raises SourceUnreadable where something else is."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return "cannot be read (permission denied), expected a file that this user may read: grant it, then run again"
    if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENOTDIR):
        return "is a link to nothing, expected a file: deliver the file itself"
    raise SourceUnreadable(f"{_shown(path.name)}: cannot be read ({error.strerror}); mend that, then run again") from error


def _open(path: Path) -> int | str:
    """Return the open file, or why it cannot be one. Never waits, also if a pipe took the file's place just now."""
    try:
        descriptor = os.open(os.path.realpath(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        return _why(path, error)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return "is no file, expected one: take it away, deliver the file"


def _copy(source: int, archive: Path, stood: Sighting, is_redacted: Callable[[str], bool]) -> tuple[str, int, Path]:
    """Copy an open file into the archive; return its sha256, its size and where it is kept."""
    before = os.fstat(source)
    archive.mkdir(parents=True, exist_ok=True)
    hashed, size = hashlib.sha256(), 0
    descriptor, name = tempfile.mkstemp(dir=archive, prefix=INCOMING)
    incoming = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as copy:
            while piece := _piece(source, stood):
                hashed.update(piece)
                size += len(piece)
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
        after = os.fstat(source)
        if (stood.bytes, stood.changed_ns) != (size, after.st_mtime_ns) or before.st_ctime_ns != after.st_ctime_ns:
            raise SourceUnreadable(
                f"{stood.name}: changed while it was read ({stood.bytes} bytes, then {after.st_size}), expected a file that "
                "is complete; run it again when it is"
            )
        sha256 = hashed.hexdigest()
        kept = archive / sha256[:2] / sha256
        if not kept.exists() and not is_redacted(sha256):
            kept.parent.mkdir(exist_ok=True)
            incoming.replace(kept)
    finally:
        incoming.unlink(missing_ok=True)
    return sha256, size, kept


def _piece(source: int, stood: Sighting) -> bytes:
    try:
        return os.read(source, _CHUNK)
    except OSError as error:
        raise SourceUnreadable(f"{stood.name}: cannot be read ({error.strerror}); mend that, then run again") from error
