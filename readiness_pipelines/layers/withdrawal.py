"""Take a version back: an earlier one, or nothing, in its place, as a commit like any other."""

from __future__ import annotations

from dataclasses import replace

from readiness_pipelines.errors import VersionExpired
from readiness_pipelines.flow import NOTHING, GateVerdict, Outcome, TableVersion
from readiness_pipelines.lakehouse import Lakehouse, publish, reached
from readiness_pipelines.layers.corrections import in_words
from readiness_pipelines.ledger import Correction


def put_back(
    lake: Lakehouse, table: str, partition: str, version_key: str, decision: Correction
) -> tuple[GateVerdict, TableVersion, bool]:
    """Make `main` hold the version with this key, or nothing; return its verdict, what is on `main`, whether that was news.

    The verdict is the newest of the partition from now on: of nothing it is that the candidate is held, with the rows that
    were admitted. Safe to repeat and to kill. Raises VersionExpired where the files of the version are not kept any more.
    """
    current = lake.ledger.current_version(table, partition)
    latest = lake.ledger.latest_verdict(table, partition)
    if current is not None and latest is not None and current.version_key == version_key == latest.version_key:
        return latest, current, False
    if version_key == NOTHING:
        verdict = _nothing(lake, current, decision)
    else:
        kept = _kept(lake, table, partition, version_key, decision)
        verdict = replace(kept, notes=(*_without(kept.notes), f"{_NOTE}{in_words(decision)}"))
    lake.ledger.record_verdict(verdict)
    reached("verdict_recorded")
    return verdict, publish(lake, verdict, expected=current.version_key if current else None), True


_WHY = {"erase": "had a subject in it that was erased"}
_NOTE = "put back in the place of a withdrawn version "


def _without(notes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(note for note in notes if not note.startswith(_NOTE))


def _kept(lake: Lakehouse, table: str, partition: str, version_key: str, decision: Correction) -> GateVerdict:
    verdict = lake.ledger.verdict_of(table, partition, version_key)
    version = next(
        (
            s.version
            for s in lake.ledger.upkeep.superseded(table)
            if (s.version.partition, s.version.version_key) == (partition, version_key)
        ),
        lake.ledger.current_version(table, partition),
    )
    files = lake.ledger.upkeep.files_of(version) if version is not None else None
    if verdict is None or version is None or files is None or lake.ledger.upkeep.expired_at(version):
        withdrawn = ", ".join(key[:12] for key in decision.subjects) or str(decision.payload.get("to"))[:12]
        raise VersionExpired(
            f"{table}/{partition}@{version_key[:12]} is what a withdrawal puts back, and its files are not kept any more; "
            f"`readiness withdraw {table} {partition} --to` the version that was withdrawn lifts it ({withdrawn}), or withdraw to "
            "one that is kept, or to nothing"
        )
    return replace(verdict, files=files)


def _nothing(lake: Lakehouse, current: TableVersion | None, decision: Correction) -> GateVerdict:
    """Return the verdict on the version that goes: what was admitted of it is held now."""
    assert current is not None  # only what was published can be withdrawn
    verdict = lake.ledger.verdict_of(current.table, current.partition, current.version_key)
    assert verdict is not None  # and was admitted before
    counts = replace(verdict.counts, admitted=0, held=verdict.counts.held + verdict.counts.admitted)
    return replace(
        verdict,
        version_key=NOTHING,
        outcome=Outcome.HELD,
        counts=counts,
        files=(),
        held_because=(f"{current} {_WHY.get(decision.kind, 'was withdrawn')} {in_words(decision)}",),
        details={**verdict.details, "fingerprint": None},  # bronze reads its deliveries anew when it is proposed again
    )
