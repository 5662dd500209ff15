"""Erase somebody: out of the archive, out of every version that anybody could still read, and out of what is to come.

    recorded -> deliveries redacted -> corrected values redacted -> partitions run -> what holds the rows still taken off main
    -> versions expired, pins, quarantine and files removed -> looked for everywhere -> recorded that it is done

Each step is safe to repeat and finds what an earlier attempt has done, so that the same call ends what was cut short. The
erasure itself is an input of bronze (`erasures`): runs, backfills and later deliveries go by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from readiness_pipelines.declarations import Bronze, Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse, reached
from readiness_pipelines.lakehouse.maintenance import Removed, refuse_foreign, remove
from readiness_pipelines.layers.corrected import brought_in, redact_corrected
from readiness_pipelines.layers.downstream import readers_of
from readiness_pipelines.layers.erasures import Brought, Wanted, key_in_use, look_through
from readiness_pipelines.layers.quarantine import Signed
from readiness_pipelines.layers.remains import Look, Partitions, end_withdrawals, take_off, verdicts
from readiness_pipelines.layers.traces import Trace, left_outside, traces
from readiness_pipelines.layers.unfit import stop_at_older_deliveries
from readiness_pipelines.ledger.corrections import EVERY, Correction
from readiness_pipelines.ledger.erasures import Redaction
from readiness_pipelines.sources.subject import names_somebody


@dataclass(frozen=True)
class Account:
    """What came of an erasure.

    `records` of `deliveries` were redacted; `partitions` run again, of which `emptied` could not be published without the
    subject and hold nothing now. `traces` are places where the subject still is, though nothing is to be left there: there must
    be none. `outside` are places that are not ours to change.
    """

    said: Correction
    is_news: bool
    deliveries: int
    records: int
    partitions: Mapping[str, Sequence[str]]
    emptied: tuple[str, ...]
    removed: Removed
    traces: tuple[Trace, ...]
    outside: tuple[Trace, ...]


def erase(
    lake: Lakehouse,
    product: Product,
    subject: str,
    *,
    signed: Signed,
    run: Callable[[Sequence[str]], None],
    say: Callable[[str], None] = lambda _: None,
) -> Account:
    """Erase the subject, given as it is delivered, from the product; return what came of it.

    `run` brings partitions through all tables. `say` is told which step is next. Raises ReadinessError where the product
    names no subject, a branch of somebody else's holds versions, what others delivered with the subject does not fit today's
    contract (nothing is changed then), the key is not the one that was used before, or a partition could not be run: then the
    same call takes it up again.
    """
    tables = [table for table in product.tables if isinstance(table, Bronze) and table.table.subject is not None]
    _refuse(lake, product, tables, subject)
    _refuse_named(subject, signed)
    stop_at_older_deliveries(lake, product, tables, subject)
    own = [table for table in tables if table.table.subject is not None and table.table.subject.of is None]
    recorded = [_record(lake, product, table, subject, signed) for table in own]
    reached("erasure_recorded")
    say("looking through the archive")
    brought = brought_in(lake, product, subject, recorded[0][0])
    swept = [_sweep(lake, product, table, brought) for table in (*own, *(table for table in tables if table not in own))]
    ids = _ids(lake, tables, [said for said, _ in recorded])
    found = [each for each in lake.ledger.erasures.everything() if not ids.isdisjoint(each.erasures)]
    affected = readers_of(product, lake, _delivered(lake, tables, found))
    redact_corrected(lake, product, subject, found, ids)
    said = recorded[0][0]
    keys = sorted({key for keys in affected.values() for key in keys})
    if Look(lake, product, affected).has_unclean():
        end_withdrawals(lake, product, affected, said)
        say(f"running {len(keys)} partitions")
        run(keys)
        reached("partitions_run")
    emptied = take_off(lake, product, affected, said)
    say("removing what was superseded")
    removed = _remove(lake, product, affected)
    say("looking for what is left")
    left, outside = traces(lake, product, subject, found), left_outside(lake, product, subject, found)
    account = Account(
        said=said,
        is_news=recorded[0][1],
        deliveries=sum(bool(each.records) for each in found),
        records=sum(len(each.records) for each in found),
        partitions={name: sorted(keys) for name, keys in affected.items() if keys},
        emptied=tuple(emptied),
        removed=removed,
        traces=tuple(left),
        outside=tuple(outside),
    )
    _record_end(lake, tables, ids, swept, account, signed)
    reached("erasure_ended")
    return account


def _refuse(lake: Lakehouse, product: Product, tables: Sequence[Bronze], subject: str) -> None:
    if not tables:
        raise ReadinessError(
            f"{product.name} names no subject, expected the custom property `subject` of a bronze table in "
            f"{product.contract.path.name}: the column that says of whom a record is"
        )
    if not names_somebody(subject):
        raise ReadinessError("found a subject without a letter or digit, expected one as it is delivered: it names nobody")
    for table in product.tables:
        refuse_foreign(lake, table.full_name)


def _refuse_named(subject: str, signed: Signed) -> None:
    """Raise ReadinessError where the reason, or who decides, has the subject in it: both are kept for ever, and shown."""
    named = re.compile(rf"(?<![0-9a-z]){re.escape(subject.strip().casefold())}(?![0-9a-z])")
    for word, text in (("reason", signed.reason), ("by", signed.by)):
        if named.search(text.casefold()):
            raise ReadinessError(
                f"found the subject in --{word}, expected words that do not name it: they are kept in the ledger, which forgets "
                "nothing; name the letter or its file"
            )


def _record(lake: Lakehouse, product: Product, table: Bronze, subject: str, signed: Signed) -> tuple[Correction, bool]:
    key, column = key_in_use(lake, product), table.table.subject.column if table.table.subject else ""
    payload = {"column": column, "key": key.fingerprint}
    wanted = Correction(table.full_name, EVERY, "erase", (key.hash(subject),), payload, signed.reason, signed.by)
    return lake.ledger.corrections.record(wanted)


def _sweep(lake: Lakehouse, product: Product, table: Bronze, brought: Mapping[str, Brought]) -> tuple[int, int]:
    """Look through every delivery of the table; return the newest erasure, and the newest arrival that was there."""
    newest, arrivals = Wanted.of(lake, table).looked_for, lake.ledger.erasures.arrivals_so_far()
    for partition in lake.ledger.erasures.deliveries(table.full_name):
        with lake.ledger.alone(table.full_name, partition):
            there = lake.ledger.arrivals(table.full_name, partition)
            look_through(lake, product, table, there, is_noted=False, brought=brought)
    return newest, arrivals


def _ids(lake: Lakehouse, tables: Sequence[Bronze], own: Sequence[Correction]) -> set[int]:
    """Return the numbers of the erasures of this subject: its own, and of what stood for it in other tables."""
    ids = {said.id for said in own}
    linked = [said for table in tables for said in lake.ledger.corrections.of(table.full_name, EVERY, kinds=("erase",))]
    return ids | {said.id for said in linked if not ids.isdisjoint(said.payload.get("through", ()))}


def _delivered(lake: Lakehouse, tables: Sequence[Bronze], found: Sequence[Redaction]) -> dict[str, set[str]]:
    """Return the partitions that any of these files was delivered for."""
    files = {each.sha256 for each in found}
    there = {table.name: lake.ledger.erasures.deliveries(table.full_name) for table in tables}
    return {name: {p for p, shas in by.items() if not files.isdisjoint(shas)} for name, by in there.items()}


def _remove(lake: Lakehouse, product: Product, affected: Partitions) -> Removed:
    """Remove all but the newest of the affected partitions, and add up what went."""
    done, look = list[Removed](), Look(lake, product, affected)
    for table in product.tables:
        kept: dict[str, set[str]] = {}
        for partition in affected.get(table.name, ()):
            clean = [v for v in verdicts(lake, table, partition) if v is not None and look.is_clean(table, v)]
            kept[partition] = {verdict.version_key for verdict in clean}
        if kept:
            done.append(remove(lake, table.full_name, kept, kept=kept))
    return Removed(
        sum(each.versions for each in done),
        tuple(pin for each in done for pin in each.pins),
        sum(each.quarantined for each in done),
        sum(each.files for each in done),
    )


def _record_end(
    lake: Lakehouse, tables: Sequence[Bronze], ids: set[int], swept: Sequence[tuple[int, int]], account: Account, signed: Signed
) -> None:
    counts = {
        "deliveries": account.deliveries,
        "records": account.records,
        "partitions": sum(map(len, account.partitions.values())),
        "emptied": len(account.emptied),
        "versions_expired": account.removed.versions,
        "pins_released": list(account.removed.pins),
        "quarantined_rows": account.removed.quarantined,
        "files_deleted": account.removed.files,
        "traces": len(account.traces),
    }
    looked = dict(zip([t.full_name for t in (*_own(tables), *(t for t in tables if t not in _own(tables)))], swept, strict=True))
    for table in tables:
        newest, arrivals = looked[table.full_name]
        here = lake.ledger.corrections.of(table.full_name, EVERY, kinds=("erase",))
        subjects = tuple(sorted(subject for each in here if each.id in ids for subject in each.subjects))
        payload = {"looked_for": newest, "arrivals": arrivals, **counts}
        if subjects:
            lake.ledger.corrections.record(
                Correction(table.full_name, EVERY, "erased", subjects, payload, signed.reason, signed.by)
            )


def _own(tables: Sequence[Bronze]) -> list[Bronze]:
    return [table for table in tables if table.table.subject is not None and table.table.subject.of is None]
