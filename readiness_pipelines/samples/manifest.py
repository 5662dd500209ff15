"""What a sample holds and what a right pipeline makes of it, to the row: the answer sheet of the generator."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

State = Literal["admitted", "held", "missing", "blocked"]


@dataclass(frozen=True)
class DeliveredFile:
    """A file as written. `file` is relative to the landing folder; `records` leaves the header out."""

    file: str
    table: str
    partition: str
    records: int
    sha256: str


@dataclass(frozen=True)
class Defect:
    """One record that does not reach gold as it came, or one partition that does not.

    `record` is its 1-based number in the file, header excluded, and None where the defect is the partition's.
    `outcome`: quarantined (with exactly these `reasons`, in `table`) | duplicate (a later record of the same id stands)
    | unmatched (admitted, but its encounter was never delivered) | held | missing.
    """

    file: str
    record: int | None
    kind: str
    column: str
    table: str
    outcome: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Expected:
    """What becomes of one partition of one table. rows_in = admitted + quarantined + duplicates + dropped + held.

    `because` says why it is held (`columns`: the header lacks a column of the contract; `quarantine_fraction`; else the
    table rule that failed) or which `table/partition` above blocks it. A missing or blocked partition has no candidate,
    so all its counts are zero.
    """

    state: State
    rows_in: int = 0
    admitted: int = 0
    quarantined: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    held: int = 0
    because: str = ""


@dataclass(frozen=True)
class Kpi:
    """The KPI row of one day. `readmission_rate` is None where nothing matched."""

    outcomes_known: int
    outcomes_matched: int
    outcomes_unmatched: int
    readmitted_30d: int
    readmission_rate: float | None


@dataclass(frozen=True, kw_only=True)
class AnswerSheet:
    """What the samples of all products say alike. `expected` is table -> partition -> Expected.

    A row can have several reasons, so the counts in `reasons` add up to `quarantined` or more.
    """

    seed: int
    start: str
    files: tuple[DeliveredFile, ...]
    defects: tuple[Defect, ...]
    expected: Mapping[str, Mapping[str, Expected]]

    def to_json(self) -> str:
        """Return the answer sheet as JSON text: equal sheets, equal text."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the answer sheet in `text`. Raises KeyError or TypeError when it is none."""
        raw = json.loads(text)
        shared = {
            "files": tuple(DeliveredFile(**f) for f in raw["files"]),
            "defects": tuple(Defect(**{**d, "reasons": tuple(d["reasons"])}) for d in raw["defects"]),
            "expected": {t: {p: Expected(**e) for p, e in partitions.items()} for t, partitions in raw["expected"].items()},
        }
        return cls(**{**raw, **shared, **cls._own(raw)})

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the answer sheet in the file at `path`."""
        return cls.from_json(path.read_text(encoding="utf-8"))

    @classmethod
    def _own(cls, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the product's own fields, in their types, out of the JSON object `raw`."""
        raise NotImplementedError(f"{cls.__name__} does not say how its own fields are read")


@dataclass(frozen=True, kw_only=True)
class Manifest(AnswerSheet):
    """The whole answer sheet of readmission. `kpi` is day -> Kpi (absent: no row)."""

    encounters_per_day: int
    days: int
    corrected: tuple[str, ...]
    kpi: Mapping[str, Kpi]

    @classmethod
    def _own(cls, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"corrected": tuple(raw["corrected"]), "kpi": {day: Kpi(**k) for day, k in raw["kpi"].items()}}
