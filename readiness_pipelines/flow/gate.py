"""From a delivery to a published version: what arrived, what the gate said of it, what is on `main`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

RESERVED = "_readiness_"  # columns of ours beside delivered ones begin so; in a contract such a name is refused

NOTHING = "0" * 64  # version key of a partition that was withdrawn to nothing: a version without rows


def digest(*parts: object) -> str:
    """Return the sha256 (64 hex digits) of `parts` as canonical JSON: equal parts, equal digest, on every machine."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class Delivery:
    """One arrival of a file: these bytes, under this name, for this partition of this bronze table.

    `archived` is the path of the archived copy relative to the archive folder. `received_at` is UTC, ISO 8601.
    """

    table: str
    partition: str
    name: str
    sha256: str
    bytes: int
    archived: str
    received_at: str


@dataclass(frozen=True)
class Sighting:
    """A landed file as it stood: its name under the landing folder, size and time of last change (ns since 1970, UTC).

    A file whose newest sighting says the same has been taken in already, and nobody needs to read it to know.
    """

    table: str
    partition: str
    name: str
    bytes: int
    changed_ns: int


@dataclass(frozen=True)
class SourceBatch:
    """All arrivals of one partition, oldest first, and how a later one counts against an earlier one.

    A later arrival under the same name always supersedes the earlier one. Between different names `delivery` decides:
    `replace` (only the newest name counts) or `append` (all names count). `refused` says, one line each, of what stands
    in the landing folder and would count, why it is no file that can be taken in.
    """

    table: str
    partition: str
    arrivals: tuple[Delivery, ...]
    delivery: str = "replace"
    refused: tuple[str, ...] = ()

    def effective(self) -> tuple[Delivery, ...]:
        """Return the arrivals that count, oldest first, no two with the same bytes."""
        newest = {arrival.name: place for place, arrival in enumerate(self.arrivals)}
        ordered = [self.arrivals[place] for place in sorted(newest.values())]
        if self.delivery == "replace":
            ordered = ordered[-1:]
        return tuple({arrival.sha256: arrival for arrival in reversed(ordered)}.values())[::-1]


@dataclass(frozen=True)
class TableVersion:
    """One admitted version of one partition of one table, on `main`.

    `table` is `<product>.<layer>.<name>`; `version_key` is a digest of everything the rows were computed from;
    `snapshot_id` is the Iceberg snapshot that published it (table-wide, so it names other partitions' files too).
    """

    table: str
    partition: str
    version_key: str
    snapshot_id: int

    @property
    def is_nothing(self) -> bool:
        """Whether this stands where a version was withdrawn and none was put in its place."""
        return self.version_key == NOTHING

    def __str__(self) -> str:
        return f"{self.table}/{self.partition}@{self.version_key[:12]}"


@dataclass(frozen=True)
class StagedFile:
    """A Parquet file that a verdict speaks of. `path` is absolute or a URI; `sha256` is of its bytes."""

    path: str
    rows: int
    bytes: int
    sha256: str


class Status(StrEnum):
    """What a rule said. Only `passed` is a pass."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"  # the check could not be made: never a pass, holds the candidate
    LEARNING = "learning"  # needs more history: recorded, never a pass, never holds


class Outcome(StrEnum):
    """What became of a candidate."""

    ADMITTED = "admitted"
    ADMITTED_WITH_QUARANTINE = "admitted_with_quarantine"
    HELD = "held"
    UNDECIDED = "undecided"

    @property
    def is_admitted(self) -> bool:
        return self in (Outcome.ADMITTED, Outcome.ADMITTED_WITH_QUARANTINE)


@dataclass(frozen=True)
class RuleResult:
    """What one rule of a suite said about one candidate, in Great Expectations' numbers.

    `element_count` counts the rows looked at, `missing_count` the nulls left out of the judgement,
    `unexpected_count` the rows that break the rule; a rule over the table as a whole has an `observed_value` instead and
    None in the counts. `failing_keys` holds at most five keys of failing rows, never their values. `rests_on` names the
    versions, of other tables or of this one's past, that its bounds or its set were taken from.
    """

    rule: str
    expectation: str
    kwargs: Mapping[str, Any]
    severity: str
    on_fail: str
    status: Status
    element_count: int | None = None
    missing_count: int | None = None
    unexpected_count: int | None = None
    unexpected_percent: float | None = None
    observed_value: Any = None
    failing_keys: tuple[str, ...] = ()
    note: str = ""
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Counts:
    """Where the candidate's rows went. `rows_in` is counted before anything is decided.

    Conservation: rows_in = admitted + quarantined + duplicates + sum(dropped) + held.
    A held candidate has admitted = 0 and `held` = the rows that would have been admitted.
    """

    rows_in: int
    admitted: int = 0
    quarantined: int = 0
    duplicates: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    held: int = 0

    @property
    def accounted(self) -> int:
        return self.admitted + self.quarantined + self.duplicates + sum(self.dropped.values()) + self.held

    @property
    def conserved(self) -> bool:
        return self.rows_in == self.accounted


@dataclass(frozen=True)
class GateVerdict:
    """What the gate decided about one candidate, and on what grounds.

    `inputs` names the versions (or deliveries) the candidate was computed from; `files` the staged files it speaks of
    (an admission publishes exactly these); `held_because` is empty exactly when the outcome is an admission;
    `quarantine_reasons` counts rows per reason (a row with two reasons counts under both).
    `notes` carries facts about the candidate that a reader wants beside the counts (ignored partitions, warnings).
    """

    table: str
    partition: str
    version_key: str
    outcome: Outcome
    counts: Counts
    inputs: tuple[str, ...] = ()
    files: tuple[StagedFile, ...] = ()
    rules: tuple[RuleResult, ...] = ()
    held_because: tuple[str, ...] = ()
    quarantine_reasons: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True, default=str)

    @classmethod
    def from_json(cls, text: str) -> GateVerdict:
        raw = json.loads(text)
        raw["outcome"] = Outcome(raw["outcome"])
        raw["counts"] = Counts(**raw["counts"])
        raw["files"] = tuple(StagedFile(**f) for f in raw["files"])
        raw["rules"] = tuple(
            RuleResult(
                **{
                    **r,
                    "status": Status(r["status"]),
                    "failing_keys": tuple(r["failing_keys"]),
                    "rests_on": tuple(r.get("rests_on", ())),
                }
            )
            for r in raw["rules"]
        )
        for key in ("inputs", "held_because", "notes"):
            raw[key] = tuple(raw[key])
        return cls(**raw)
