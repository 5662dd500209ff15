"""The whole examination, and what can be mended."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from readiness_pipelines.errors import CatalogBehindLedger, ReadinessError
from readiness_pipelines.lakehouse.catalog import Lakehouse
from readiness_pipelines.lakehouse.doctor.contents import (
    UNREADABLE,
    archive_findings,
    current_findings,
    history_findings,
    is_judged,
    older_findings,
)
from readiness_pipelines.lakehouse.doctor.databases import catalog_findings, ledger_findings
from readiness_pipelines.lakehouse.doctor.finding import Finding
from readiness_pipelines.lakehouse.doctor.tables import catalog_tables, table_findings
from readiness_pipelines.lakehouse.maintenance.places import all_files
from readiness_pipelines.lakehouse.maintenance.references import references
from readiness_pipelines.settings import Settings

_ROUNDS = 4  # the catalog's file, then its tables, then the ledger: each repair lets the next be seen


@dataclass(frozen=True)
class Examination:
    """Every disagreement that was found, and how many files of the warehouse nothing kept refers to (no disagreement)."""

    findings: tuple[Finding, ...]
    tables: int = 0
    loose_files: int = 0
    loose_bytes: int = 0


def examine(settings: Settings, *, say: Callable[[str], None] = lambda _: None) -> Examination:
    """Compare ledger, catalog, warehouse and archive, and return every disagreement. Nothing is changed.

    Every byte of every current version and of the archive is read. Runs that publish meanwhile can look like
    disagreements: what they are doing is in one place and not yet in the other. `say` is told what is looked at.
    Raises ServiceUnreachable where ledger, catalog or warehouse cannot be looked at now, and ReadinessError where there is
    nothing to look at: no table, no delivery. It is the wrong place more often than a new one.
    """
    findings = list(ledger_findings(settings))
    if findings:
        return Examination(tuple(findings))
    if not (settings.ledger_url or settings.ledger_file.exists()):
        raise _nothing(settings)
    lake = Lakehouse.open(settings)
    names = lake.ledger.upkeep.tables()
    findings += catalog_findings(settings, is_needed=bool(names))
    if findings:
        return Examination(tuple(findings), len(names))
    loadable: list[str] = []
    for table in names:
        say(f"catalog: {table}")
        found = list(table_findings(lake, table))
        findings += found
        if _can_be_loaded(lake, table):
            loadable.append(table)
    harmed = [finding for table in loadable for finding in history_findings(lake, table)]
    findings += harmed
    for table in loadable:
        say(f"files: {table}")
        findings += [*current_findings(lake, table), *older_findings(lake, table)]
    say("archive")
    findings += archive_findings(lake)
    if harmed or len(loadable) < len(names):  # what is kept cannot be told
        return Examination(tuple(findings), len(names))
    others = set(catalog_tables(lake)) - set(names) if settings.catalog_url or settings.catalog_file.exists() else set()
    findings += [finding for table in sorted(others) for finding in _unknown(lake, table)]
    if not (findings or names or others or any(lake.ledger.upkeep.all_arrivals())):
        raise _nothing(settings)
    say("warehouse")
    try:
        loose = _loose(lake, [*names, *others])
    except (FileNotFoundError, *UNREADABLE) as error:  # gone since, or of other bytes
        unread = Finding(
            "warehouse", f"Iceberg's own files cannot be read ({error})", "put them back from the backup of the warehouse"
        )
        return Examination((*findings, *(() if findings else (unread,))), len(names))
    return Examination(tuple(findings), len(names), len(loose), sum(loose))


def mend(settings: Settings, *, say: Callable[[str], None] = lambda _: None) -> tuple[list[str], Examination]:
    """Repair what is safe to repair; return what was repaired, and the examination after it."""
    done: list[str] = []
    found = examine(settings, say=say)
    for _ in range(_ROUNDS):
        wanted = {str(finding): finding.repair for finding in found.findings if finding.repair is not None}
        if not wanted:
            break
        for what, repair in wanted.items():
            repair()
            done.append(what)
        found = examine(settings, say=say)
    return [what for what in done if what not in {str(finding) for finding in found.findings}], found


def _nothing(settings: Settings) -> ReadinessError:
    """A ledger that another command has just made in a folder of no installation holds nothing either."""
    there = "no table and no delivery" if settings.state.exists() else "no such folder"
    return ReadinessError(
        f"found nothing in {settings.state} ({there}), expected the state folder of an installation: see READINESS_STATE, "
        "and READINESS_LEDGER if it is set; in a new installation there is nothing to compare yet"
    )


def _can_be_loaded(lake: Lakehouse, table: str) -> bool:
    try:
        lake.load(table)
    except CatalogBehindLedger:
        return False
    return True


def _unknown(lake: Lakehouse, table: str) -> Iterator[Finding]:
    """A table that was made and never published to is nothing to tell; one that holds rows is.

    Where rows need no verdict, it is the first commit that was cut short before the ledger was told of it.
    """
    from readiness_pipelines.lakehouse.files import planned

    first = [] if is_judged(lake.load(table)) else list(table_findings(lake, table))
    yield from first
    if not first and (files := len(planned(lake.load(table)))):
        found = f"main holds {files} files, and the ledger knows no publication of this table"
        yield Finding(table, found, "put the ledger back from its backup, or ask who has written the table")


def _loose(lake: Lakehouse, tables: list[str]) -> list[int]:
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    there = all_files(lake)
    kept = {path for table in tables for path in references(lake, table, released_before=now).kept}
    return [found.bytes for found in there if found.path not in kept]
