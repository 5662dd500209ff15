"""What still has an erased subject in it: which candidates were made before, and how they are taken off `main`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from readiness_pipelines.declarations import Bronze, Gold, Product, Silver
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import NOTHING, GateVerdict
from readiness_pipelines.lakehouse import Lakehouse, reached
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.layers.erasures import ERASED
from readiness_pipelines.layers.standing import Standings
from readiness_pipelines.layers.withdrawal import put_back
from readiness_pipelines.ledger import Correction

Table = Bronze | Silver | Gold
Partitions = Mapping[str, set[str]]  # leaf name of a table -> its partitions


def end_withdrawals(lake: Lakehouse, product: Product, affected: Partitions, said: Correction) -> None:
    """Let nothing stand where a withdrawal has put a version back that held the subject: it goes, and is made by no step again."""
    for table in product.tables:
        for partition in sorted(affected.get(table.name, ())):
            current = lake.ledger.current_version(table.full_name, partition)
            there = lake.ledger.corrections.of(table.full_name, partition, kinds=("withdraw",))
            back = [each for each in there if current is not None and each.payload["to"] == current.version_key != NOTHING]
            if not back or back[-1] is not there[-1] or not back[-1].subjects:  # without any it lifted another
                continue
            subjects = {
                *back[-1].subjects,
                str(back[-1].payload["to"]),
                str(back[-1].payload.get("to_plain", back[-1].payload["to"])),
            }
            reason = f"{back[-1].reason} (what was put back held somebody who was erased: {said.reason})"
            lake.ledger.corrections.record(
                Correction(table.full_name, partition, "withdraw", tuple(sorted(subjects)), {"to": NOTHING}, reason, said.by)
            )


def take_off(lake: Lakehouse, product: Product, affected: Partitions, said: Correction) -> list[str]:
    """Let nothing stand where what was computed without the subject is held, and `main` has a version with it; name those."""
    emptied, look = list[str](), Look(lake, product, affected)
    for table in product.tables:
        standings = Standings(product, lake, now=clock())
        for partition in sorted(affected.get(table.name, ())):
            with lake.ledger.alone(table.full_name, partition):
                latest, current = verdicts(lake, table, partition)
                is_stuck = not isinstance(table, Bronze) and standings.of(table.name, partition).blocks
                if latest is not None and not look.is_clean(table, latest) and not is_stuck:
                    raise ReadinessError(
                        f"{table.full_name}/{partition} was not run without the subject; see the log, then do the same again"
                    )
                if current is not None and not look.is_clean(table, current):
                    put_back(lake, table.full_name, partition, NOTHING, said)
                    emptied.append(f"{table.full_name}/{partition}")
                    reached("taken_off_main")
                if latest is not None:
                    _settle_newest(lake, latest, is_clean=look.is_clean(table, latest))
    return emptied


def _settle_newest(lake: Lakehouse, latest: GateVerdict, *, is_clean: bool) -> None:
    """See that the newest candidate waits as it did before `main` was emptied, or without files if it has the subject in them."""
    newest = lake.ledger.latest_outcome(latest.table, latest.partition)
    if is_clean and newest != (latest.version_key, latest.outcome):
        lake.ledger.record_verdict(latest)
    elif not is_clean and latest.files and newest == (latest.version_key, latest.outcome):
        gone = "its staged rows were deleted: somebody among them was erased"
        lake.ledger.record_verdict(replace(latest, files=(), held_because=(*latest.held_because, gone)))


def verdicts(lake: Lakehouse, table: Table, partition: str) -> tuple[GateVerdict | None, GateVerdict | None]:
    """Return the newest verdict of a partition, and that of what is on `main`."""
    current = lake.ledger.current_version(table.full_name, partition)
    latest = lake.ledger.latest_verdict(table.full_name, partition)
    if current is None or current.is_nothing:
        return latest, None
    return latest, lake.ledger.verdict_of(table.full_name, partition, current.version_key)


@dataclass
class Look:
    """One look at which candidates were made without the erased records."""

    lake: Lakehouse
    product: Product
    affected: Partitions
    _known: dict[tuple[str, str, str], bool] = field(default_factory=dict)

    def has_unclean(self) -> bool:
        """Return whether any of the partitions stands, or waits, with the subject in it."""
        return any(
            verdict is not None and not self.is_clean(table, verdict)
            for table in self.product.tables
            for partition in sorted(self.affected.get(table.name, ()))
            for verdict in verdicts(self.lake, table, partition)
        )

    def is_clean(self, table: Table, verdict: GateVerdict) -> bool:
        """Return whether a candidate was made without them: bronze says so itself, the others read what is clean."""
        if verdict.version_key == NOTHING:
            return True
        key = (verdict.table, verdict.partition, verdict.version_key)
        if key not in self._known:
            is_bronze = isinstance(table, Bronze)
            self._known[key] = self._leaves_them_out(verdict) if is_bronze else all(self._reads_clean(table, verdict))
        return self._known[key]

    def _leaves_them_out(self, verdict: GateVerdict) -> bool:
        deliveries = verdict.details.get("deliveries", ())
        found = self.lake.ledger.erasures.of(d["sha256"] for d in deliveries)
        erased = {sha256: each.records for sha256, each in found.items()}
        return all(tuple(d.get(ERASED, ())) == erased.get(d["sha256"], ()) for d in deliveries)

    def _reads_clean(self, table: Table, verdict: GateVerdict) -> Iterator[bool]:
        for upstream in (self.product.by_name[name] for name in table.upstream):
            for given in verdict.inputs:
                partition = given.rpartition("@")[0].removeprefix(f"{upstream.full_name}/")
                if given.startswith(f"{upstream.full_name}/") and partition in self.affected.get(upstream.name, ()):
                    above = self.lake.ledger.current_version(upstream.full_name, partition)
                    key = above.version_key if above is not None else ""
                    said = self.lake.ledger.verdict_of(upstream.full_name, partition, key)
                    yield str(above) == given and said is not None and self.is_clean(upstream, said)
