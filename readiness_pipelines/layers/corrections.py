"""What people decided, as an input of the step: which rows are corrected, waived or discarded, which rules of a candidate
are waived, and which version stands in the place of another.

Decisions change nothing by themselves. The step asks for those in force, and they enter the version key, so that a re-run
or a backfill makes the same of them again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb
import pyarrow as pa

from readiness_pipelines.flow import GateVerdict, RuleResult, Status, TableVersion, digest
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.lakehouse.corrected import Values, read_values
from readiness_pipelines.layers.candidate import DELIVERED, ROWS
from readiness_pipelines.layers.decided import ABOUT_ROWS
from readiness_pipelines.layers.rows import literal, quoted
from readiness_pipelines.ledger import Correction

FRACTION = "max_quarantine_fraction"  # named like a rule, where too many bad rows are what holds a candidate
DISCARDED = "discarded"  # reason under which discarded rows are counted as dropped
AS_DELIVERED = f"sha256(CAST(to_json({DELIVERED}.row_values) AS VARCHAR))"
_ROWS = "_corrections"  # temp table: row_id, before, is_discarded, waived, row_values
_DETAIL = "decided_rows"  # in the details of a verdict
_NOTED = 5  # decisions that a verdict names


@dataclass(frozen=True)
class RowCorrection:
    """What is in force for one row. `values` is the sha256 of the archived file that has them; `before`, in gold, the digest
    of the values that the row had when it was decided on: a row with other values is another row."""

    is_discarded: bool = False
    values: str | None = None
    waived: tuple[str, ...] = ()
    before: str | None = None

    def then(self, said: Correction, row_id: str) -> RowCorrection:
        """Return what is in force after a further decision about this row."""
        before = said.payload.get("before", {}).get(row_id)
        if said.kind == "discard":
            return RowCorrection(is_discarded=True, before=before)
        if (sha256 := said.payload.get("values")) is not None:
            return RowCorrection(values=str(sha256), before=before)
        earlier = self if before == self.before and not self.is_discarded else RowCorrection()
        waived = sorted({*earlier.waived, *said.payload["rules"]})
        return RowCorrection(values=earlier.values, waived=tuple(waived), before=before)


@dataclass(frozen=True)
class Corrections:
    """The decisions in force for one partition of one table."""

    rows: Mapping[str, RowCorrection] = field(default_factory=dict)
    said: tuple[Correction, ...] = ()

    @classmethod
    def of(cls, lake: Lakehouse, table: str, partition: str) -> Corrections:
        """Return what the ledger has, oldest decision first."""
        said = lake.ledger.corrections.of(table, partition, kinds=("release", "discard", "admit", "withdraw"))
        rows: dict[str, RowCorrection] = {}
        for each in said:
            if each.kind in ("release", "discard"):
                rows |= {row: rows.get(row, RowCorrection()).then(each, row) for row in each.subjects}
        return cls(rows, said)

    # version keys. Decisions about a version name its plain key, which it would have if nobody had been erased: what somebody
    # decided is not undone by the erasure of a row.

    def candidate_key(self, base: str) -> str:
        """Return the key of the candidate that is proposed from inputs and logic with the key `base`."""
        if not self.rows:
            return base
        found = [[row, c.is_discarded, c.values, c.waived, c.before] for row, c in sorted(self.rows.items())]
        return digest(base, "rows", found)

    @property
    def as_details(self) -> Mapping[str, Any]:
        """What a verdict keeps of the decisions about rows that it was made with: nothing where nobody decided."""
        return {_DETAIL: {"state": self.candidate_key(""), "newest": self._newest}} if self.rows else {}

    def are_in(self, verdict: GateVerdict) -> bool:
        """Return whether a verdict was made with these decisions about rows, or with others that came to the same."""
        return str(verdict.details.get(_DETAIL, {}).get("state", "")) == self.candidate_key("")

    def in_verdict(self, verdict: GateVerdict) -> tuple[Correction, ...]:
        """Return the decisions that a verdict was made with, oldest first: about its rows, and about rules that it waived.

        Those of later are none of them, although they are about the same partition.
        """
        newest = int(verdict.details.get(_DETAIL, {}).get("newest", 0))
        waivers = [*verdict.notes, *(rule.note for rule in verdict.rules)]  # which say by whose decision
        about_rows = [each for each in self.said if each.kind in ABOUT_ROWS and each.id <= newest]
        admits = [each for each in self.said if each.kind == "admit" and any(in_words(each) in note for note in waivers)]
        return tuple(sorted([*about_rows, *admits], key=lambda each: each.id))

    def taken_back(self, version_key: str) -> Correction | None:
        """Return the newest withdrawal that took this version off `main`, or None."""
        named = (e for e in reversed(self.said) if e.kind == "withdraw" and version_key in (*e.subjects, e.payload.get("of")))
        return next(named, None)

    def not_judged(self, verdict: GateVerdict | None) -> tuple[Correction, ...]:
        """Return the decisions about rows that this newest verdict was made without, newest first; not those before a
        withdrawal, which has judged them."""
        if verdict is not None and self.are_in(verdict):
            return ()
        judged = max((each.id for each in self.said if each.kind == "withdraw"), default=0)
        judged = max(judged, int(verdict.details.get(_DETAIL, {}).get("newest", 0)) if verdict is not None else 0)
        return tuple(each for each in reversed(self.said) if each.kind in ABOUT_ROWS and each.id > judged)

    @property
    def _newest(self) -> int:
        return max((each.id for each in self.said if each.kind in ABOUT_ROWS), default=0)

    def waived(self, plain: str) -> dict[str, Correction]:
        """Return the rules that are waived for the candidate with this plain key, each with the decision that says so."""
        admits = [each for each in self.said if each.kind == "admit" and plain in each.subjects]
        return {rule: each for each in admits for rule in each.payload["rules"]}

    def version_key(self, candidate_key: str, *, plain: str) -> str:
        """Return the key of what comes of a candidate: its own, unless rules are waived for the plain one."""
        waived = self.waived(plain)
        return digest(candidate_key, "admitted", sorted(waived)) if waived else candidate_key

    def in_place_of(self, version_key: str, *, plain: str | None = None) -> tuple[str, Correction | None]:
        """Return the version that stands in the place of this one, itself unless it was withdrawn, and the decision."""
        withdrawals = [each for each in reversed(self.said) if each.kind == "withdraw"]
        found, names, why = version_key, {version_key, plain or version_key}, None
        while True:
            newest = next((w for w in withdrawals if not names.isdisjoint({*w.subjects, *_put_back(w)})), None)
            if newest is None or not names.isdisjoint(_put_back(newest)):
                return found, why if found != version_key else None
            found, why = str(newest.payload["to"]), newest
            names = {found}

    def to_carry_out(self, current: TableVersion | None) -> Correction | None:
        """Return the newest withdrawal if what it takes off `main` is there still."""
        newest = next((each for each in reversed(self.said) if each.kind == "withdraw"), None)
        if newest is None or current is None or newest.payload.get("snapshot") != current.snapshot_id:
            return None
        return newest if newest.payload["to"] != current.version_key else None

    # rows

    def lay_down(self, con: duckdb.DuckDBPyConnection, lake: Lakehouse) -> None:
        """Lay what is in force for rows down in `con`, for the SQL below; nothing where nothing is.

        Raises ReadinessError where a file of corrected values is gone.
        """
        if not self.rows:
            return
        files = {c.values for c in self.rows.values() if c.values is not None}
        known = {sha256: values_of(lake, sha256) for sha256 in sorted(files)}
        given = [known[c.values].get(row) if c.values is not None else None for row, c in self.rows.items()]  # none: erased
        found = pa.table(
            {
                "row_id": pa.array(list(self.rows), pa.string()),
                "before": pa.array([c.before for c in self.rows.values()], pa.string()),
                "is_discarded": pa.array([c.is_discarded for c in self.rows.values()], pa.bool_()),
                "waived": pa.array([list(c.waived) for c in self.rows.values()], pa.list_(pa.string())),
                "row_values": pa.array([_pairs(g) for g in given], pa.map_(pa.string(), pa.string())),
            }
        )
        con.register("_given", found)
        con.execute(f"CREATE OR REPLACE TEMP TABLE {_ROWS} AS FROM _given")
        con.unregister("_given")

    def applied(self, relation: str, columns: Sequence[str], *, arrived: str) -> str:
        """Return the rows of `relation` that are not discarded, with their corrected values, and with `arrived`, SQL over
        the relation `s` for one more column: the row as it came."""
        cell = "CASE WHEN map_contains(c.row_values, {0}) THEN c.row_values[{0}] ELSE s.{1} END AS {1}"
        named = ", ".join(cell.format(literal(name), quoted(name)) for name in columns)
        return (
            f"(SELECT s.* REPLACE ({named}), {arrived} FROM {relation} AS s LEFT JOIN {_ROWS} AS c USING (row_id) "
            "WHERE c.is_discarded IS NOT TRUE)"
        )

    def kept(self, relation: str) -> str:
        """Return the rows of `relation`, which has DELIVERED, without the discarded ones."""
        going = f"SELECT row_id FROM {relation} JOIN {_ROWS} AS c USING (row_id) WHERE c.is_discarded AND {_SAME_ROW}"
        return f"(FROM {relation} ANTI JOIN ({going}) USING (row_id))" if self.discards else relation

    @property
    def discards(self) -> bool:
        return any(c.is_discarded for c in self.rows.values())

    @property
    def is_waiving(self) -> bool:
        """Whether a rule is waived for any row."""
        return any(c.waived for c in self.rows.values())

    def discarded_rows(self, row_id: str) -> str:
        """Return a condition: the row that SQL `row_id` names is discarded. For rows that cannot be read, which have no values."""
        return f"{row_id} IN (SELECT row_id FROM {_ROWS} WHERE is_discarded)"

    def waivers(self) -> str:
        """Return SQL for row_id and the rules waived for it, of the rows of the candidate that has been laid out."""
        return f"SELECT row_id, waived FROM {ROWS} JOIN {_ROWS} AS c USING (row_id) WHERE len(c.waived) > 0 AND {_SAME_ROW}"

    # for verdicts

    def notes(self) -> tuple[str, ...]:
        """Return who decided about rows of this partition, and why: the newest few decisions."""
        about = [each for each in self.said if each.kind in ("release", "discard")]
        told = [f"{_verb(each)} {len(each.subjects)} rows: {each.reason}" for each in about[-_NOTED:]]
        return (*told, f"and {len(about) - _NOTED} earlier decisions about rows") if len(about) > _NOTED else tuple(told)


def _put_back(withdrawal: Correction) -> set[str]:
    """Return the names of the version that a withdrawal puts in the place of another."""
    return {str(withdrawal.payload[name]) for name in ("to", "to_plain") if name in withdrawal.payload}


_SAME_ROW = f"(c.before IS NULL OR c.before = {AS_DELIVERED})"


def values_of(lake: Lakehouse, sha256: str) -> Values:
    """Return kept values, without those of rows that were erased. Raises ReadinessError as `read_values` does."""
    redaction = lake.ledger.erasures.of([sha256]).get(sha256)
    return read_values(lake.settings.archive, sha256, kept=(redaction.archived, redaction.kept_sha256) if redaction else None)


def waive(rules: Sequence[RuleResult], waived: Mapping[str, Correction]) -> tuple[RuleResult, ...]:
    """Return the results with the waived failures marked: they failed, and hold nothing. What is undecided cannot be waived."""
    return tuple(
        replace(r, on_fail="waived", note=f"{r.note}; waived {in_words(waived[r.rule])}".removeprefix("; "))
        if r.rule in waived and r.status is Status.FAILED and r.on_fail == "hold"
        else r
        for r in rules
    )


def in_words(said: Correction) -> str:
    """Return who decided, when, and why."""
    return f"by {said.by} on {said.recorded_at[:16].replace('T', ' ')}: {said.reason}"


def add_discarded(dropped: Mapping[str, int], discarded: int) -> dict[str, int]:
    """Return rows per reason for which they were dropped, the discarded ones too."""
    return dict(Counter(dropped) + Counter({DISCARDED: discarded})) if discarded else dict(dropped)


def _verb(said: Correction) -> str:
    return f"{said.by} {'discarded' if said.kind == 'discard' else 'released'}"


def _pairs(given: Mapping[str, Any] | None) -> list[tuple[str, Any]] | None:
    return None if given is None else list(given.items())
