"""Release, discard, admit, withdraw and erase by commands on the readmission sample, then a backfill of the whole range.

Prints the facts that were decided, as they stand before and after the backfill, which must be the same: nothing is undone.
Every command is run as a person runs it, in a process of its own. Usage: python benchmarks/commands.py [--days 90]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import readiness_pipelines
from readiness_pipelines.declarations import load_product
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.layers import run_step
from readiness_pipelines.layers.calendar import keys_between
from readiness_pipelines.layers.erasures import ERASED
from readiness_pipelines.layers.quarantine import rows_of
from readiness_pipelines.samples import readmission
from readiness_pipelines.settings import Settings

PROJECT = Path(readiness_pipelines.__file__).parent.parent
PRODUCT = load_product(PROJECT / "readiness_pipelines" / "defs" / "readmission")
ENCOUNTERS, RAW = "readmission.silver.encounters", "readmission.bronze.raw_encounters"
RELEASED, WITHDRAWN, HELD = "2025-01-03", "2025-01-05", "2025-02-11"
SIGNED = ("--by", "ann@example.com", "--reason", "to see whether it stays")


class Operator:
    """Somebody at a shell, with the sample landed and every day run once."""

    def __init__(self, root: Path, days: int) -> None:
        self.settings = Settings(state=root / "state", landing=root / "landing")
        readmission.write(self.settings.landing)
        self.days = keys_between(PRODUCT, "2025-01-01", "2025-03-31")[:days]
        self.environment = os.environ | {
            "PYTHONPATH": str(PROJECT),
            "READINESS_STATE": str(self.settings.state),
            "READINESS_LANDING": str(self.settings.landing),
        }
        self.lake = Lakehouse.open(self.settings)
        for table in PRODUCT.tables:
            for day in self.days:
                run_step(self.lake, self.settings, PRODUCT, table.name, day)

    def readiness(self, *arguments: str, given: str = "") -> str:
        """Run a command, print it with its time and what it says, and return what it says."""
        begun = time.monotonic()
        command = [sys.executable, "-c", "from readiness_pipelines.cli import main; main()", *arguments]
        done = subprocess.run(command, cwd=PROJECT, env=self.environment, input=given, text=True, capture_output=True)
        said = done.stdout + done.stderr
        sys.stdout.write(f"$ readiness {' '.join(arguments)}\n{said}  [{done.returncode}, {time.monotonic() - begun:.0f} s]\n\n")
        sys.stdout.flush()
        return said

    def sql(self, select: str, table: str, days: list[str]) -> list[tuple[object, ...]]:
        versions = [v for day, v in self.lake.ledger.current_versions(table).items() if day in days]
        with self.lake.connect() as con:
            return con.execute(select.format(f"{relation(self.lake, versions)}")).fetchall()

    def facts(self, released: str, discarded: str) -> dict[str, str]:
        """Return all that was decided as it stands now, and every version that is current."""
        states = {row.row_id: row.state for row in rows_of(self.lake, ENCOUNTERS, RELEASED, everything=True)}
        here = self.sql(f"SELECT count(*) FROM {{}} WHERE row_id = '{released}'", ENCOUNTERS, [RELEASED])
        admitted = self.lake.ledger.latest_verdict(ENCOUNTERS, HELD)
        withdrawn = self.lake.ledger.current_version(ENCOUNTERS, WITHDRAWN)
        verdicts = [v for t in PRODUCT.tables for v in self.lake.ledger.latest_verdicts(t.full_name).values()]
        by_table = {t.full_name: sorted(self.lake.ledger.current_versions(t.full_name).items()) for t in PRODUCT.tables}
        return {
            "released row in silver": str(here[0][0]),
            "discarded row": states.get(discarded, "gone with its candidate"),
            "dropped as discarded": str(sum(v.counts.dropped.get("discarded", 0) for v in verdicts)),
            "held day that was admitted": str(admitted.outcome) if admitted else "none",
            "withdrawn day holds nothing": str(withdrawn is not None and withdrawn.is_nothing),
            "dropped as erased": str(sum(v.counts.dropped.get(ERASED, 0) for v in verdicts)),
            "rows conserved": f"{sum(v.counts.conserved for v in verdicts)} of {len(verdicts)}",
            "redacted files": str(len(list(self.settings.archive.rglob("*.redacted-*")))),
            "versions": str(sum(map(len, by_table.values()))),
            "their keys": str(hash(repr(by_table)))[-12:],
        }


def patient_of(operator: Operator) -> str:
    """Return a patient with a stay on the admitted day, and with as many other days as anybody who has."""
    select = (
        f"SELECT patient_nbr FROM {{}} WHERE patient_nbr <> '?' GROUP BY ALL HAVING bool_or(partition_key = '{HELD}') "
        "ORDER BY count(DISTINCT partition_key) DESC, 1 LIMIT 1"
    )
    return str(operator.sql(select, RAW, operator.days)[0][0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=90, help="how many days of the sample, from the first on; 45 or more")
    with tempfile.TemporaryDirectory() as folder:
        operator = Operator(Path(folder), parser.parse_args().days)
        waiting = {r.row_id: r.reasons for r in rows_of(operator.lake, ENCOUNTERS, RELEASED)}
        ranged = next(row for row, reasons in waiting.items() if not any(r.startswith("cast:") for r in reasons))
        other = next(row for row in waiting if row != ranged)
        who = patient_of(operator)
        waived = [argument for reason in waiting[ranged] for argument in ("--waive", reason)]
        operator.readiness("quarantine", "release", "encounters", RELEASED, *waived, "--row", ranged, *SIGNED)
        operator.readiness("quarantine", "discard", "encounters", RELEASED, "--row", other, *SIGNED)
        operator.readiness("admit", "encounters", HELD, *SIGNED)
        operator.readiness("withdraw", "encounters", WITHDRAWN, "--to", "nothing", *SIGNED)
        operator.readiness("erase", "readmission", *SIGNED, given=f"{who}\n")
        before = operator.facts(ranged, other)
        operator.readiness("backfill", "readmission", "--from", operator.days[0], "--to", operator.days[-1], "--again")
        after = operator.facts(ranged, other)
        again = operator.readiness("erase", "readmission", *SIGNED, given=f"{who}\n")
        operator.readiness("doctor")
    sys.stdout.write(f"{'fact':<30}{'before the backfill':>26}{'after it':>26}\n")
    for fact, told in before.items():
        sys.stdout.write(f"{fact:<30}{told:>26}{after[fact]:>26}\n")
    is_same = before == after and "still there" not in again
    sys.stdout.write("nothing was undone\n" if is_same else "SOMETHING WAS UNDONE\n")
    sys.exit(0 if is_same else 1)


if __name__ == "__main__":
    main()
