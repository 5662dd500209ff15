"""Corrected values: kept in the archive like a delivery, under their sha256, and never in the ledger, which forgets nothing."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from readiness_pipelines.errors import ReadinessError

Values = Mapping[str, Mapping[str, str | None]]  # row_id -> column -> corrected value, None for null

_FOLDER = "corrections"


def keep_values(archive: Path, found: Values) -> str:
    """Keep the values in the archive and return their sha256. They are on disk, whole, before they have their name."""
    text = json.dumps(found, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
    sha256 = hashlib.sha256(text).hexdigest()
    path = path_of_values(archive, sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        return sha256
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)
    return sha256


def read_values(archive: Path, sha256: str) -> Values:
    """Return kept values. Raises ReadinessError if they are not in the archive, or are not what was kept."""
    path = path_of_values(archive, sha256)
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise ReadinessError(
            f"{path}: corrected values that the ledger names are gone; put the file back from the backup"
        ) from None
    if hashlib.sha256(text).hexdigest() != sha256:
        raise ReadinessError(f"{path}: has other bytes than its name says; put the file back from the backup")
    found: Values = json.loads(text)
    return found


def path_of_values(archive: Path, sha256: str) -> Path:
    """Return where values with this sha256 are kept."""
    return archive / _FOLDER / f"{sha256}.json"
