"""What a person decides about rows and candidates: checked against what is there now, then recorded, as a row of the ledger.

Nothing is run here: whoever records a decision runs the partition after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence

from readiness_pipelines.declarations import Bronze, Gold, Silver
from readiness_pipelines.errors import ReadinessError, VersionNotFound
from readiness_pipelines.flow import NOTHING, Status, TableVersion
from readiness_pipelines.lakehouse import Lakehouse, reached
from readiness_pipelines.lakehouse.corrected import Values, keep_values, sha256_of_values
from readiness_pipelines.layers import exported
from readiness_pipelines.layers.corrections import FRACTION, Corrections
from readiness_pipelines.layers.fitting import refuse_unless_fitting
from readiness_pipelines.layers.keys import Keys
from readiness_pipelines.layers.quarantine import QuarantinedRow, Signed, corrected_values, rows_of
from readiness_pipelines.ledger import Correction
from readiness_pipelines.ledger.corrections import Kind

Table = Bronze | Silver | Gold
TO_NOTHING = "nothing"

_NAMED = 5  # rows that a message names
_LEAST = 6  # characters that name a version


def not_run(lake: Lakehouse, table: str) -> set[str]:
    """Return the partitions of the table about which somebody decided after their newest verdict, or from whose deliveries
    somebody was erased: that was not run yet."""
    judged = lake.ledger.latest_times(table)
    acted = ("release", "discard", "admit", "withdraw")
    decided = {each.partition: each.recorded_at for each in lake.ledger.corrections.of(table) if each.kind in acted}
    for partition, at in lake.ledger.erasures.redacted(table).items():
        decided[partition] = max(at, decided.get(partition, ""))
    return {partition for partition, at in decided.items() if at > judged.get(partition, "")}


def release_values(
    lake: Lakehouse, table: Table, partition: str, rows: Mapping[str, exported.Cells], *, signed: Signed
) -> tuple[Correction, bool]:
    """Record corrected values of quarantined silver rows, and return the decision and whether it was news.

    `rows` are those of an export. A row whose cells are all as they are in force (as corrected last, else as delivered) is left
    where it is. Of any other the cells that differ from the delivered ones are kept, and take the place of what was corrected
    before. Raises ReadinessError for a row that is not in quarantine, a column that was not delivered, or no change at all.
    """
    if not isinstance(table, Silver):
        what = "what arrived" if isinstance(table, Bronze) else "computed: correct the silver row that it was made from"
        raise ReadinessError(
            f"{table.full_name} is {what}; values are corrected in silver alone. Here rows are released by --waive, or discarded"
        )
    known = {row.row_id: row for row in rows_of(lake, table.full_name, partition, everything=True)[::-1]}  # newest candidate last
    in_force = corrected_values(lake, table.full_name, partition)
    other = {row: _other_than_delivered(row, cells, known) for row, cells in rows.items()}
    anew = {row: cells for row, cells in other.items() if _says_otherwise(rows[row], known[row], in_force.get(row, {}))}
    changed = anew or {row: cells for row, cells in other.items() if cells}  # all in force already: the same decision again
    if not changed:
        raise ReadinessError(f"{len(rows)} rows given, and no cell differs from what was delivered: nothing is released")
    payload = {"values": sha256_of_values(changed)}
    return _record(lake, table, partition, "release", sorted(changed), payload, signed, values=changed)


def _other_than_delivered(row: str, cells: exported.Cells, known: Mapping[str, QuarantinedRow]) -> dict[str, str | None]:
    if row not in known:
        raise ReadinessError(f"found no row {row[:80]!r} in this quarantine, expected row ids of an export of it")
    delivered = exported.cells_of(known[row].row_values)
    if unknown := sorted(set(cells) - set(delivered)):
        raise ReadinessError(
            f"found the columns {', '.join(unknown[:_NAMED])}, expected those of the export: {', '.join(delivered)}"
        )
    return {name: value for name, value in cells.items() if value != delivered[name]}


def _says_otherwise(cells: exported.Cells, row: QuarantinedRow, corrected: exported.Cells) -> bool:
    """Return whether a cell differs from what is in force: as it was corrected last, else as it was delivered."""
    now = {**exported.cells_of(row.row_values), **corrected}
    return any(value != now[name] for name, value in cells.items())


def release_waived(
    lake: Lakehouse, table: Table, partition: str, rows: Collection[str], rules: Collection[str], *, signed: Signed
) -> tuple[Correction, bool]:
    """Record that rules are waived for quarantined rows, and return the decision and whether it was news.

    A row that breaks other rules too, or could not be cast, stays in quarantine for these. Raises ReadinessError for a rule
    that none of the rows is in quarantine for, a row that is in quarantine for none of the rules, a cell that could not be
    cast, or a row that is not in quarantine.
    """
    if not rows or not rules:
        raise ReadinessError(
            f"found {len(rows)} rows and {len(rules)} rules, expected at least one of each: --waive RULE --row ROW_ID"
        )
    if no_rules := sorted(rule for rule in rules if rule.startswith(("cast:", "parse:"))):
        raise ReadinessError(f"{', '.join(no_rules)}: is no rule, and there is no value to admit; correct it, or discard the row")
    declared = {rule.name for rule in table.suite.rules if rule.is_row_rule}
    if unknown := sorted(set(rules) - declared):
        raise ReadinessError(
            f"found the rules {', '.join(unknown)}, expected row rules of {table.full_name}: {', '.join(sorted(declared))}"
        )
    return _record(lake, table, partition, "release", sorted(set(rows)), {"rules": sorted(set(rules))}, signed)


def discard(lake: Lakehouse, table: Table, partition: str, rows: Collection[str], *, signed: Signed) -> tuple[Correction, bool]:
    """Record that quarantined rows are set aside for good, and return the decision and whether it was news."""
    if not rows:
        raise ReadinessError("found no row, expected at least one: --row ROW_ID")
    return _record(lake, table, partition, "discard", sorted(set(rows)), {}, signed)


def _record(
    lake: Lakehouse,
    table: Table,
    partition: str,
    kind: Kind,
    rows: Sequence[str],
    payload: Mapping[str, object],
    signed: Signed,
    *,
    values: Values | None = None,
) -> tuple[Correction, bool]:
    """Record a decision about rows that fits what is there and in force; weigh it anew where somebody else was faster."""
    while True:
        said = lake.ledger.corrections.of(table.full_name, partition)  # before the rows: what comes after it is not `seen`
        known = {row.row_id: row for row in rows_of(lake, table.full_name, partition, everything=True)[::-1]}  # the newest counts
        if isinstance(table, Gold):
            before = {row: hashlib.sha256(known[row].row_values.encode()).hexdigest() for row in rows if row in known}
            payload = {**payload, "before": before}
        wanted = Correction(table.full_name, partition, kind, tuple(rows), payload, signed.reason, signed.by)
        newest = next((each for each in reversed(said) if each.concerns(wanted)), None)
        if newest is None or newest.content != wanted.content:
            refuse_unless_fitting(lake, wanted, known)
            if values is not None:  # not before: what is refused leaves nothing behind
                keep_values(lake.settings.archive, values)
                reached("values_kept")
        recorded, is_news = lake.ledger.corrections.record(wanted, seen=newest.id if newest is not None else 0)
        if is_news or recorded.content == wanted.content:
            reached("correction_recorded")
            return recorded, is_news


def admit(
    lake: Lakehouse, table: Table, partition: str, *, rules: Collection[str] = (), signed: Signed
) -> tuple[Correction, bool, tuple[str, ...]]:
    """Record that rules which hold the newest candidate are waived for it; by default all of them.

    Return the decision, whether it was news, and the rules that hold the candidate still. `max_quarantine_fraction` is the rule
    that so many bad rows hold a candidate. Raises ReadinessError where nothing is held, a rule does not hold it, or what holds
    it cannot be waived: a file that does not fit, a key that names two rows, a rule that could not be judged.
    """
    verdict = lake.ledger.latest_verdict(table.full_name, partition)
    place = f"{table.full_name}/{partition}"
    if verdict is None or verdict.version_key == NOTHING:
        raise ReadinessError(f"{place} has no candidate that is held; a withdrawn version is put back by `readiness withdraw --to`")
    candidate = Keys.in_verdict(verdict).plain_candidate
    failed = [r.rule for r in verdict.rules if r.status is Status.FAILED and r.on_fail in ("hold", "waived")]
    failed += [FRACTION] if FRACTION in verdict.details else []
    keys = [rule for rule in failed if rule in _NOT_WAIVED]
    undecided = [r.rule for r in verdict.rules if r.status is Status.UNDECIDED and r.on_fail != "warn"]
    failed = [rule for rule in failed if rule not in _NOT_WAIVED]
    wanted = sorted(set(rules) or set(failed))
    said = Correction(table.full_name, partition, "admit", (candidate,), {"rules": wanted}, signed.reason, signed.by)
    there = [c for c in lake.ledger.corrections.of(table.full_name, partition, kinds=("admit",)) if candidate in c.subjects]
    if verdict.outcome.is_admitted and not any(c.content == said.content for c in there):
        raise ReadinessError(f"{place} is not held; `readiness held list` names those that are")
    if unknown := sorted(set(wanted) - set(failed)):
        raise ReadinessError(
            f"found the rules {', '.join(unknown)}, expected some of those that hold {place}: {', '.join(failed) or 'none'}"
        )
    if not wanted:
        raise ReadinessError(f"{place}: nothing that holds it can be waived: {'; '.join(verdict.held_because)[:500]}")
    recorded, is_news = lake.ledger.corrections.record(said)
    reached("correction_recorded")
    waived = {rule for c in (*there, recorded) for rule in c.payload["rules"]}
    return recorded, is_news, (*(rule for rule in failed if rule not in waived), *keys, *undecided)


_NOT_WAIVED = ("key_names_one_row",)  # gold names rows by their key: two of one name cannot be told apart


def withdraw(lake: Lakehouse, table: Table, partition: str, *, to: str, signed: Signed) -> tuple[Correction, bool]:
    """Record that the version on `main` is taken back: `to` names the version put in its place (its key, or at least six
    characters of it), or is `nothing`. Return the decision and whether it was news.

    It holds until inputs, SQL, contract, suite or corrections change. A newer candidate that is held stays so. Withdrawing to
    the version that was withdrawn lifts it, and withdraws nothing; if that has expired, it is computed anew where it is proposed.
    Raises VersionNotFound for no such version, or another one that expired; ReadinessError where nothing was published.
    """
    place = f"{table.full_name}/{partition}"
    current = lake.ledger.current_version(table.full_name, partition)
    if current is None:
        raise ReadinessError(f"{place}: nothing was ever published, so there is nothing to withdraw; what is held no reader sees")
    there = Corrections.of(lake, table.full_name, partition)
    version, is_kept = (NOTHING, True) if to == TO_NOTHING else _version(lake, current, to, there)
    lost = _put_back_no_more(lake, current, there)
    if version == current.version_key and there.to_carry_out(current) is None and not lost:
        done = [each for each in there.said if each.kind == "withdraw" and each.payload["to"] == version]
        if done:
            return done[-1], False
        raise ReadinessError(f"{place}: {current} is on main already, expected another version to put in its place, or nothing")
    put_back = {version} | (_names(lake, current, version) if version != NOTHING else set())
    is_lifted = not is_kept or NOTHING != version != current.version_key == _stands_for(there, version, put_back)
    going = set() if is_lifted else _names(lake, current, current.version_key) | lost
    payload: dict[str, str | int | None] = {"to": version}
    payload |= {"of": current.version_key, "snapshot": current.snapshot_id} if is_kept else {}  # else it is computed anew
    payload |= {word: name for word, name in zip(["to_plain"], put_back - {version}, strict=False)}
    said = Correction(table.full_name, partition, "withdraw", tuple(sorted(going - put_back)), payload, signed.reason, signed.by)
    recorded = lake.ledger.corrections.record(said)
    reached("correction_recorded")
    return recorded


def _put_back_no_more(lake: Lakehouse, current: TableVersion, there: Corrections) -> set[str]:
    """Return what was withdrawn to a version that has expired since: nothing can stand in its place until it is decided anew."""
    gone = _published(lake, current)[1] - {NOTHING, current.version_key}
    subjects = {key for each in there.said if each.kind == "withdraw" for key in each.subjects}
    return {key for key in subjects if there.in_place_of(key)[0] in gone - {key}}


def _stands_for(there: Corrections, version_key: str, names: Collection[str]) -> str:
    """Return the version that stands in the place of this one, which has these names."""
    plain = next((name for name in names if name != version_key), None)
    return there.in_place_of(version_key, plain=plain)[0]


def _names(lake: Lakehouse, of: TableVersion, version_key: str) -> set[str]:
    """Return the key of a version of the same partition, and its plain one."""
    verdict = lake.ledger.verdict_of(of.table, of.partition, version_key)
    keys = Keys.in_verdict(verdict) if verdict is not None else None
    return {version_key} | ({keys.version, keys.plain_version} if keys is not None else set())


def _version(lake: Lakehouse, current: TableVersion, to: str, there: Corrections) -> tuple[str, bool]:
    """Return the key of the version that `to` names, and whether it is kept. One that has expired is named only to lift what
    withdrew it."""
    published, expired = _published(lake, current)
    named = [key for key in published if len(to) >= _LEAST and key.startswith(to)]
    kept = ", ".join(key[:12] for key in published if key not in expired or key == current.version_key)
    if len(named) != 1:
        raise VersionNotFound(
            f"found {len(named)} versions {to!r} of {current.table}/{current.partition}, expected one of: {kept}; or {TO_NOTHING}"
        )
    is_kept = named[0] not in expired or named[0] == current.version_key
    if not is_kept and _stands_for(there, named[0], _names(lake, current, named[0])) == named[0]:
        raise VersionNotFound(
            f"{named[0][:12]} has expired, its files are not kept any more; expected one of: {kept}; or {TO_NOTHING}"
        )
    return named[0], is_kept


def _published(lake: Lakehouse, current: TableVersion) -> tuple[list[str], set[str]]:
    """Return the keys of the partition's versions, oldest first, and of those whose newest publication has expired."""
    newest = {
        p.version_key: TableVersion(p.table, p.partition, p.version_key, p.snapshot_id)
        for p in lake.ledger.publications(current.table, current.partition)
        if p.snapshot_id is not None
    }
    gone = lake.ledger.upkeep.expired(current.table)
    return [key for key in newest if key != NOTHING], {key for key, version in newest.items() if version in gone}
