"""Deliveries that stand on `main` and would be refused today, because the contract has other columns since.

Without the subject they are read anew, and by today's contract: all others in them would be gone from `main` with the subject.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from readiness_pipelines.declarations import Bronze, Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Delivery, SourceBatch
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.erasures import kept_form, linked_to, opened, searched

_NAMED = 10  # deliveries that a message names


def stop_at_older_deliveries(lake: Lakehouse, product: Product, tables: Sequence[Bronze], subject: str) -> None:
    """Raise ReadinessError where the subject is in a delivery on `main` that today's contract would hold; name those."""
    unfit = {table.name: dict(_unfit(lake, table)) for table in tables}
    if not any(unfit.values()):
        return
    shared: dict[str, set[str]] = {table.name: {subject} for table in tables}
    found = list[str]()
    for table in sorted(tables, key=lambda each: each.table.subject is not None and each.table.subject.of is not None):
        linked = [(each, column) for each, column in linked_to(product, table) if unfit[each.name]]
        for delivery in _of(lake, table) if linked else unfit[table.name]:
            source = kept_form(lake, delivery)
            if source is None or not source.is_file():
                continue
            hits = searched(table, delivery, source, shared[table.name].intersection, [column for _, column in linked])
            for each, column in linked:
                shared[each.name] |= hits.links.get(column, set())
            if hits.records and delivery in unfit[table.name]:
                found.append(f"{table.full_name}/{delivery.partition} ({delivery.name}: {unfit[table.name][delivery]})")
    if found:
        more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
        raise ReadinessError(
            f"the subject is in {len(found)} deliveries that stand on main and that today's contract would hold: "
            f"{'; '.join(found[:_NAMED])}{more}. Without the subject they are read again, and all their other records would be "
            "gone from main; nothing was changed. Have them delivered again as the contract is now and run these partitions, or "
            "put back the contract that they fit, then erase"
        )


def _unfit(lake: Lakehouse, table: Bronze) -> Iterator[tuple[Delivery, str]]:
    """Yield the deliveries that count on `main`, were taken in by another contract or suite, and do not fit today's; and why."""
    for partition, current in lake.ledger.current_versions(table.full_name).items():
        verdict = lake.ledger.verdict_of(table.full_name, partition, current.version_key)
        if verdict is None or verdict.details.get("fingerprint") == table.fingerprint:
            continue
        there = {each["sha256"] for each in verdict.details.get("deliveries", ())}
        arrivals = lake.ledger.arrivals(table.full_name, partition)
        for delivery in SourceBatch(table.full_name, partition, arrivals, table.feed.delivery).effective():
            source = kept_form(lake, delivery)
            if delivery.sha256 not in there or source is None or not source.is_file():
                continue
            reader = opened(table, delivery, source)
            for _ in reader.batches():
                pass
            if reader.problems:
                yield delivery, reader.problems[0].removeprefix(f"{delivery.name}: ").partition(";")[0]


def _of(lake: Lakehouse, table: Bronze) -> Iterator[Delivery]:
    for partition in lake.ledger.erasures.deliveries(table.full_name):
        yield from {delivery.sha256: delivery for delivery in lake.ledger.arrivals(table.full_name, partition)}.values()
