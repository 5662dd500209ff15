"""One file of a sample, as it lands, and as the manifest knows it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from readiness_pipelines.samples.defects import Record
from readiness_pipelines.samples.manifest import DeliveredFile


def deliver(
    landing: Path,
    name: str,
    records: Sequence[Record],
    *,
    header: Sequence[str],
    table: str,
    partition: str,
    is_written: bool = True,
) -> DeliveredFile:
    """Write a csv of `records` as `name` under `landing`, or only say what it would be; return its entry."""
    content = ",".join(header).encode() + b"\n" + b"".join(r.line for r in records)
    if is_written:
        (landing / name).parent.mkdir(parents=True, exist_ok=True)
        (landing / name).write_bytes(content)
    return DeliveredFile(name, table, partition, len(records), hashlib.sha256(content).hexdigest())
