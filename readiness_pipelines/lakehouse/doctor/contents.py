"""Whether every file that something kept refers to is there, with the bytes it was admitted with."""

from __future__ import annotations

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from readiness_pipelines.flow import StagedFile, TableVersion
from readiness_pipelines.lakehouse.catalog import Lakehouse, path_of
from readiness_pipelines.lakehouse.corrected import other_forms, path_of_values, unnamed_values
from readiness_pipelines.lakehouse.doctor.finding import Finding, run_again
from readiness_pipelines.lakehouse.files import planned
from readiness_pipelines.lakehouse.maintenance.compaction import complete
from readiness_pipelines.lakehouse.quarantine import VERSION
from readiness_pipelines.lakehouse.snapshots import unsettled
from readiness_pipelines.ledger.erasures import Redaction

if TYPE_CHECKING:
    from pyiceberg.table import Table

_RESTORE_ARCHIVE = "put it back from the backup of the archive"
_LONG_AGO = 3600.0  # seconds: values that are kept now are named by a decision a moment later
_OTHER = "has other bytes than it was recorded with"
_RESTORE = "put it back from the backup of the warehouse"
UNREADABLE = (ValueError, EOFError, LookupError, SystemError)  # by which pyiceberg says that a file is not what it must be
_OTHER_LEDGER = "put the right ledger back: this is another or an older one, and nothing else knows why they were admitted"


def history_findings(lake: Lakehouse, table: str) -> Iterator[Finding]:
    """Yield which manifest lists and manifests are gone of the snapshots that the catalog keeps: those of `main` and of pins."""
    iceberg = lake.load(table)
    names = {ref.snapshot_id: name for name, ref in sorted(iceberg.metadata.refs.items(), reverse=True)}
    looked: set[str] = set()
    for snapshot in iceberg.metadata.snapshots:
        of = f"of {names.get(snapshot.snapshot_id, 'an older snapshot')}"
        path = path_of(snapshot.manifest_list)
        if lake.storage.size(path) is None:
            yield Finding(table, f"{path}, the manifest list {of}, is gone", _RESTORE)
            continue
        try:
            manifests = {path_of(m.manifest_path): m.manifest_length for m in snapshot.manifests(iceberg.io)}
        except UNREADABLE as error:
            yield Finding(table, f"{path}, the manifest list {of}, cannot be read ({error})", _RESTORE)
            continue
        for each in sorted(manifests.keys() - looked):
            looked.add(each)
            if wrong := _wrong_with(lake, each, manifests[each], None):
                yield Finding(table, f"{each}, a manifest {of}, {wrong}", _RESTORE)


def current_findings(lake: Lakehouse, table: str) -> Iterator[Finding]:
    """Yield what is wrong with the current versions' files: not those that were admitted, gone, or other bytes."""
    iceberg, on_main = lake.load(table), defaultdict[str, dict[str, int]](dict)
    try:
        files = planned(iceberg)
    except FileNotFoundError:
        return  # history_findings names it
    except UNREADABLE as error:
        yield Finding(table, f"main cannot be read ({error})", _RESTORE)
        return
    for file in files:
        on_main[str(file.partition[0])][path_of(file.file_path)] = file.file_size_in_bytes
    versions, described = lake.ledger.current_versions(table), _described(lake, table)
    versions.update({version.partition: version for version in unsettled(lake, iceberg, table)})  # told of by itself
    known_of = {(said.partition, said.version_key) for said in lake.ledger.upkeep.listings(table)} if is_judged(iceberg) else None
    unknown = [v for v in versions.values() if known_of is not None and (v.partition, v.version_key) not in known_of]
    if unknown:
        found = f"main holds {len(unknown)} versions that the ledger has no verdict about: {', '.join(map(str, unknown[:3]))}"
        yield Finding(table, f"{found}{' ...' if unknown[3:] else ''}", _OTHER_LEDGER)
    for partition in sorted(on_main.keys() - versions.keys()):
        found = f"{partition}: main holds rows that the ledger never saw published"
        yield Finding(table, found, "put the ledger back from its backup, or ask who has written them")
    for partition, version in sorted(versions.items()):
        there = on_main.get(partition, {})
        if known_of is not None and version not in unknown:
            yield from _other_files(lake, table, version, there, described)
        for path, size in sorted(there.items()):
            known = described.get(partition, {}).get(path)
            if wrong := _wrong_with(lake, path, size, known.sha256 if known else None):
                yield Finding(table, f"{partition}: {path}, a file of the current version, {wrong}", _RESTORE)


def older_findings(lake: Lakehouse, table: str) -> Iterator[Finding]:
    """Yield which files are gone of versions that are superseded and not expired, and of candidates that are held."""
    upkeep = lake.ledger.upkeep
    gone = upkeep.expired(table)
    for version in (s.version for s in upkeep.superseded(table) if s.version not in gone):
        for file in upkeep.files_of(version) or ():
            if wrong := _wrong_with(lake, file.path, file.bytes, None):
                yield Finding(table, f"{file.path}, a file of {version}, superseded and not expired, {wrong}", _RESTORE)
    for partition, verdict in lake.ledger.latest_verdicts(table).items():
        for file in verdict.files if not verdict.outcome.is_admitted else ():
            if wrong := _wrong_with(lake, file.path, file.bytes, None):
                found = f"{partition}: {file.path}, a file of the held candidate, {wrong}"
                yield Finding(table, found, f"{_RESTORE}, or {run_again(table, partition)}")


def archive_findings(lake: Lakehouse) -> Iterator[Finding]:
    """Yield which delivered files are not in the archive as they came, or as they were redacted, which corrected values are not
    as they were kept, and which erasures were begun and not ended."""
    archive, redacted = lake.settings.archive, {each.sha256: each for each in lake.ledger.erasures.everything() if each.is_other}
    seen: set[str] = set()
    for delivery in lake.ledger.upkeep.all_arrivals():
        if delivery.archived in seen:
            continue
        seen.add(delivery.archived)
        said = f"delivered as {delivery.name} for {delivery.partition}"
        if delivery.sha256 in redacted:
            yield from _redacted_findings(lake, redacted[delivery.sha256], said)
        elif wrong := _archived_wrong(archive / delivery.archived, delivery.bytes, delivery.sha256):
            yield Finding("archive", f"{archive / delivery.archived}, {said}, {wrong}", _RESTORE_ARCHIVE)
    for table, partition, sha256 in lake.ledger.corrections.all_values():
        path, said = path_of_values(archive, sha256), f"values that were corrected for {table}/{partition}"
        if sha256 in redacted:
            yield from _redacted_findings(lake, redacted[sha256], said)
        elif wrong := _archived_wrong(path, path.stat().st_size if path.is_file() else 0, sha256):
            yield Finding("archive", f"{path}, {said}, {wrong}", _RESTORE_ARCHIVE)
    named = {sha256 for _, _, sha256 in lake.ledger.corrections.all_values()}
    for path in unnamed_values(archive, named, before=time.time() - _LONG_AGO):
        found = f"{path}, corrected values that no decision names"
        yield Finding("archive", found, "deletes it", partial(path.unlink, missing_ok=True))
    for begun, places in lake.ledger.erasures.open():
        left = f"left the subject in {places} places" if places else "did not come to its end"
        if "through" in begun.payload and not places:
            left = f"has reached {begun.payload['column']} since, for which earlier deliveries were not looked through"
        found = f"an erasure was begun by {begun.by} on {begun.recorded_at[:16]} ({begun.reason}) and {left}"
        yield Finding(begun.table, found, f"erase the same subject again: readiness erase {begun.table.partition('.')[0]}")


def _redacted_findings(lake: Lakehouse, redaction: Redaction, said: str) -> Iterator[Finding]:
    """What was redacted is there in that form alone: anything else brings back who was erased."""
    path = lake.settings.archive / redaction.archived
    if redaction.archived and (wrong := _archived_wrong(path, redaction.bytes, redaction.kept_sha256)):
        yield Finding("archive", f"{path}, the redacted form of what was {said}, {wrong}", _RESTORE_ARCHIVE)
        return  # the other form is what it could be made of again
    for other in other_forms(lake.settings.archive, redaction):
        found = f"{other}, {said}, has rows of somebody who was erased"
        yield Finding("archive", found, "deletes it", partial(other.unlink, missing_ok=True))


def _other_files(
    lake: Lakehouse,
    table: str,
    version: TableVersion,
    there: Mapping[str, int],
    described: Mapping[str, Mapping[str, StagedFile]],
) -> Iterator[Finding]:
    """The files on main are those of a verdict or of a compaction, or of a compaction that was cut short."""
    named = [
        {file.path for file in said.files}
        for said in lake.ledger.upkeep.listings(table, version.partition)
        if said.version_key == version.version_key
    ]
    if set(there) in named:
        return
    found = f"{version.partition}: main holds {len(there)} files that no verdict about {version} names together"
    if set(there) - described.get(version.partition, {}).keys():
        todo = "records the compaction, if it is one: if the rows are equal"
        yield Finding(table, found, todo, lambda: _complete(lake, table))
    else:
        yield Finding(table, found, "ask who has committed to the table beside this package")


def is_judged(iceberg: Table) -> bool:
    """Return whether the table's versions have verdicts: refused rows and profiles have none, and main alone names their files."""
    return VERSION not in {field.name for field in iceberg.spec().fields}


def _complete(lake: Lakehouse, table: str) -> None:
    complete(lake, table)


def _described(lake: Lakehouse, table: str) -> dict[str, dict[str, StagedFile]]:
    """Return every file that the ledger describes, by partition and path."""
    found: dict[str, dict[str, StagedFile]] = defaultdict(dict)
    for said in lake.ledger.upkeep.listings(table):
        found[said.partition].update({file.path: file for file in said.files})
    return found


def _wrong_with(lake: Lakehouse, path: str, size: int, sha256: str | None) -> str | None:
    found = lake.storage.size(path)
    if found is None or found != size:
        return _size_wrong(found, size)
    return _OTHER if sha256 is not None and lake.storage.sha256(path) != sha256 else None


def _archived_wrong(path: Path, size: int, sha256: str) -> str | None:
    """The archive is a local folder, wherever the warehouse lies."""
    found = path.stat().st_size if path.is_file() else None
    if found is None or found != size:
        return _size_wrong(found, size)
    with path.open("rb") as file:
        return _OTHER if hashlib.file_digest(file, "sha256").hexdigest() != sha256 else None


def _size_wrong(found: int | None, size: int) -> str:
    return "is gone" if found is None else f"has {found} bytes, expected {size}"
