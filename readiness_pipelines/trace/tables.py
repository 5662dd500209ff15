"""Versions of tables, and single rows, back to the delivered file. Aggregates go back to partitions, other rows to records."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from readiness_pipelines.declarations import Bronze, Gold, Product, Silver
from readiness_pipelines.errors import ReadinessError, VersionNotFound
from readiness_pipelines.flow import Delivery, GateVerdict, TableVersion, digest
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers.corrections import Corrections, in_words
from readiness_pipelines.layers.decided import in_short
from readiness_pipelines.layers.downstream import withdrawn_versions
from readiness_pipelines.trace.chain import Chain, Fact, Kind

_VERSION = re.compile(r"(?P<table>[^/@]+)/(?P<partition>[^/@]+)@(?P<key>[0-9a-f]{4,64})")
_RECORD = re.compile(r"(?P<sha>[0-9a-f]{32}):(?P<record>\d+)")
_NAMED = 3


class Tables:
    """The tables of one product, looked into for one chain."""

    def __init__(self, product: Product, lake: Lakehouse, chain: Chain) -> None:
        self.product, self.lake, self.chain = product, lake, chain
        self._by_full_name = {table.full_name: table for table in product.tables}

    def version(self, table: str, partition: str, key: str = "") -> TableVersion:
        """Return the version whose key begins with `key`, by default the current one. Raises VersionNotFound."""
        current = self.lake.ledger.current_version(table, partition)
        if current is not None and current.version_key.startswith(key):
            return current
        for each in self.lake.ledger.publications(table, partition) if key else ():
            if each.version_key.startswith(key) and each.snapshot_id is not None:
                return TableVersion(table, partition, each.version_key, each.snapshot_id)
        wanted = f"{table}/{partition}" + (f"@{key}" if key else "")
        raise VersionNotFound(f"found no version {wanted} that was ever published; `readiness status` names those there are")

    def add(self, versions: Sequence[TableVersion], *, below: str | None, how: str) -> None:
        """Add versions of one table as one fact, and all that they rest on."""
        versions = sorted(versions, key=lambda v: v.partition)
        fact = self._fact(versions)
        if not self.chain.add(fact, below=below, how=how):
            return
        table = self._by_full_name[versions[0].table]
        verdicts = [verdict for version in versions if (verdict := self._verdict(version)) is not None]
        if isinstance(table, Bronze):
            self._add_deliveries(fact.id, table, verdicts)
        else:
            for name, inputs in self._inputs(verdicts).items():
                self.add(inputs, below=fact.id, how=f"made from {name}")

    def add_row(
        self, table: Silver | Gold | Bronze, version: TableVersion, row_id: str, *, below: str | None, how: str
    ) -> dict[str, Any]:
        """Add a row, the version it is in, and the row or record that it was made from. Return its columns of ours."""
        told = self._row(version, "row_id", row_id)
        name = f"{row_id} of {table.full_name}/{version.partition}"
        fact = Fact(f"row:{version}:{row_id}", Kind.ROW, name, {"version": str(version)})
        if not self.chain.add(fact, below=below, how=how):
            return told
        verdict = self._verdict(version)
        above = self._versions(verdict.inputs) if verdict is not None else []
        if isinstance(table, Bronze):
            self._add_record(fact.id, table, version, str(told["delivery_sha256"]), int(told["record_number"]))
        elif isinstance(table, Silver):
            self._add_source(fact.id, [v for v in above if v.table.endswith(f".{table.source}")], row_id)
        elif told.get("source_row_id") and self._add_source(fact.id, above, str(told["source_row_id"])):
            pass  # made from one row
        else:
            for name, inputs in self._grouped(above).items():
                self.add(inputs, below=fact.id, how=f"made from rows of {name}")
        self.add([version], below=fact.id, how="in")
        return told

    def row_named(self, table: Silver | Gold | Bronze, version: TableVersion, named: str) -> str:
        """Return the id of the row that is named by its id, or by its key: values in the key's order, with commas between them.

        Raises ReadinessError if no row, or more than one, is so named. No value of a row is told.
        """
        key = table.key if isinstance(table, Gold) else table.table.key
        wanted = "CAST(row_id AS VARCHAR) = ?"
        given: list[str] = [named]
        parts = [part.strip() for part in named.split(",")]
        if key and len(parts) == len(key):
            parts = [part.removeprefix(f"{column}=") for column, part in zip(key, parts, strict=True)]
            wanted += " OR (" + " AND ".join(f'CAST("{column}" AS VARCHAR) = ?' for column in key) + ")"
            given += parts
        with self.lake.connect() as con:
            found = con.execute(f"SELECT row_id FROM {relation(self.lake, [version])} WHERE {wanted} LIMIT 2", given).fetchall()
        if len(found) != 1:
            written = f"a time as 2025-03-01 10:00:00+00{', values with commas between' if len(key) > 1 else ''}"
            names = f"row_id or key ({', '.join(key)}), {written}" if key else "row_id"
            many = "more than one row" if found else "no row"
            raise ReadinessError(f"found {many} of {version} under the name given, expected one: its {names}")
        return str(found[0][0])

    def _add_source(self, below: str, versions: Sequence[TableVersion], row_id: str) -> bool:
        """Add the row with this id of whichever of the versions has it. Return whether one has, or may have had."""
        for version in versions:
            try:
                found = self._row(version, "row_id", row_id)
            except VersionNotFound:  # the ledger still knows what it was made from
                self.add([version], below=below, how="made from a row of what is not kept any more,")
                return True
            if found:
                self.add_row(self._by_full_name[version.table], version, row_id, below=below, how="made from")
                return True
        return False

    def _add_record(self, below: str, table: Bronze, version: TableVersion, sha256: str, record: int) -> None:
        for delivery in self.lake.ledger.arrivals(table.full_name, version.partition):
            if delivery.sha256 == sha256:
                self.chain.add(_file(delivery), below=below, how=f"record {record} of")
                return

    def _add_deliveries(self, below: str, table: Bronze, verdicts: Iterable[GateVerdict]) -> None:
        counted = [(verdict.partition, set(verdict.details.get("effective", ()))) for verdict in verdicts]
        arrived = [(shas, each) for partition, shas in counted for each in self.lake.ledger.arrivals(table.full_name, partition)]
        found = [each for shas, each in arrived if each.sha256 in shas]
        facts = [_file(each) for each in found] if len(found) <= _NAMED else [_files(found)]
        for fact in facts:
            self.chain.add(fact, below=below, how="read from")

    def _fact(self, versions: Sequence[TableVersion]) -> Fact:
        table, first, last = versions[0].table, versions[0].partition, versions[-1].partition
        if len(versions) == 1:
            return Fact(f"version:{versions[0]}", Kind.VERSIONS, str(versions[0]), self._told(versions[0]))
        name = f"{len(versions)} of {table}/{first}...{last}"
        listed = ", ".join(str(v).rpartition("/")[2] for v in versions)
        return Fact(f"versions:{digest([str(v) for v in versions])}", Kind.VERSIONS, name, {"versions": listed})

    def _told(self, version: TableVersion) -> dict[str, str | int | float]:
        verdict = self._verdict(version)
        if verdict is None:
            return {}
        counts = verdict.counts
        told: dict[str, str | int | float] = {
            "gate": f"{verdict.outcome} by {len(verdict.rules)} rules, {counts.admitted} rows",
            "quarantined": counts.quarantined,
        }
        corrections = Corrections.of(self.lake, version.table, version.partition)
        decided = [f"{in_short(each)} {in_words(each)}" for each in corrections.in_verdict(verdict)]
        if decided:
            more = [f"and {len(decided) - _NAMED} earlier ones"] if len(decided) > _NAMED else []
            told["decided by people"] = "; ".join([*decided[-_NAMED:], *more])
        if str(version) in self._withdrawn:
            why = corrections.taken_back(version.version_key)
            told["withdrawn"] = in_words(why) if why is not None else "another version stands in its place"
        return told

    @cached_property
    def _withdrawn(self) -> Mapping[str, str]:
        return withdrawn_versions(self.product, self.lake)

    def _verdict(self, version: TableVersion) -> GateVerdict | None:
        return self.lake.ledger.verdict_of(version.table, version.partition, version.version_key)

    def _inputs(self, verdicts: Iterable[GateVerdict]) -> dict[str, list[TableVersion]]:
        return self._grouped(self._versions(dict.fromkeys(name for verdict in verdicts for name in verdict.inputs)))

    def _versions(self, names: Iterable[str]) -> list[TableVersion]:
        found = [match for name in names if (match := _VERSION.fullmatch(name)) is not None]
        return [self.version(m["table"], m["partition"], m["key"]) for m in found]

    def _grouped(self, versions: Iterable[TableVersion]) -> dict[str, list[TableVersion]]:
        found: dict[str, list[TableVersion]] = {}
        for version in versions:
            found.setdefault(self._by_full_name[version.table].name, []).append(version)
        return found

    def _row(self, version: TableVersion, column: str, value: str) -> dict[str, Any]:
        with self.lake.connect() as con:
            rows = con.execute(f"SELECT * FROM {relation(self.lake, [version])} WHERE {column} = ? LIMIT 1", [value])
            names, found = [each[0] for each in rows.description or ()], rows.fetchone()
        return dict(zip(names, found, strict=True)) if found else {}


def _file(delivery: Delivery) -> Fact:
    told = {"sha256": delivery.sha256, "received": delivery.received_at, "archived": delivery.archived}
    return Fact(f"file:{delivery.sha256}", Kind.DELIVERY, delivery.name, told)


def _files(deliveries: Sequence[Delivery]) -> Fact:
    listed = ", ".join(f"{each.name}@{each.sha256}" for each in deliveries)
    name = f"{len(deliveries)} files, {deliveries[0].name} ... {deliveries[-1].name}"
    return Fact(f"files:{digest([each.sha256 for each in deliveries])}", Kind.DELIVERY, name, {"files": listed})
