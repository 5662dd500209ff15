"""Corrected values: kept in the archive like a delivery, under their sha256, and never in the ledger, which forgets nothing."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.ledger.erasures import Redaction

Values = Mapping[str, Mapping[str, str | None]]  # row_id -> column -> corrected value, None for null

_FOLDER = "corrections"


def keep_values(archive: Path, found: Values) -> str:
    """Keep the values in the archive and return their sha256. They are on disk, whole, before they have their name."""
    text, sha256 = _text(found), sha256_of_values(found)
    path = path_of_values(archive, sha256)
    if not path.exists():
        _write(path, text)
    return sha256


def sha256_of_values(found: Values) -> str:
    """Return the sha256 under which values are kept."""
    return hashlib.sha256(_text(found)).hexdigest()


def unnamed_values(archive: Path, named: Collection[str], *, before: float) -> list[Path]:
    """Return kept values that no decision names (`named`: their sha256), last changed before that time in seconds: whoever kept
    them was stopped before the decision was recorded."""
    there = sorted(path for path in (archive / _FOLDER).glob("*") if path.is_file())
    return [path for path in there if path.name.partition(".")[0] not in named and path.stat().st_mtime < before]


def _text(found: Values) -> bytes:
    return json.dumps(found, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _write(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def read_values(archive: Path, sha256: str, *, kept: tuple[str, str] | None = None) -> Values:
    """Return kept values; `kept` says of redacted ones where they are below the archive, and their own sha256.

    Raises ReadinessError if they are not in the archive, or are not what was kept.
    """
    path = archive / kept[0] if kept else path_of_values(archive, sha256)
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise ReadinessError(
            f"{path}: corrected values that the ledger names are gone; put the file back from the backup"
        ) from None
    if hashlib.sha256(text).hexdigest() != (kept[1] if kept else sha256):
        raise ReadinessError(f"{path}: has other bytes than its name says; put the file back from the backup")
    found: Values = json.loads(text)
    return found


def redact_values(archive: Path, sha256: str, found: Values) -> tuple[str, str, int]:
    """Keep values that are left of those with this sha256; return where, below the archive, their own sha256, and bytes."""
    text = _text(found)
    own = hashlib.sha256(text).hexdigest()
    path = archive / _FOLDER / f"{sha256}.redacted-{own[:16]}"
    _write(path, text)
    return path.relative_to(archive).as_posix(), own, len(text)


def path_of_values(archive: Path, sha256: str) -> Path:
    """Return where values with this sha256 are kept."""
    return archive / _FOLDER / f"{sha256}.json"


def other_forms(archive: Path, redaction: Redaction) -> list[Path]:
    """Return the files of the archive, of a delivery or of values, with what was erased: as first archived, or less redacted."""
    if not redaction.is_other:
        return []
    folder = archive / redaction.sha256[:2]
    there = [folder / redaction.sha256, path_of_values(archive, redaction.sha256)]
    there += [path for place in (folder, archive / _FOLDER) for path in place.glob(f"{redaction.sha256}.redacted-*")]
    kept = archive / redaction.archived if redaction.archived else None
    return [path for path in there if path != kept and path.exists()]
