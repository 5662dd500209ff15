"""Eight processes that publish fifty times each, on one table and on eight, with SQLite and with PostgreSQL.

    python benchmarks/concurrency.py [--writers 8] [--publishes 50] [--s3]

Prints per case: publishes per second, median and worst latency of one publish (intent, commit, done; without staging),
attempts that lost against another writer and were repeated, publications lost, doubled, and processes that failed (the
last three must be 0). PostgreSQL holds catalog and ledger; its server is started for this, on local files with fsync on.
`--s3` adds both with the warehouse on moto's server, which is slow.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.lakehouse.crowd import Account, crowd
from tests.lakehouse.publisher import Place
from tests.services import running_postgres, running_s3


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--writers", type=int, default=8)
    options.add_argument("--publishes", type=int, default=50)
    options.add_argument("--s3", action="store_true")
    given = options.parse_args()
    say("case", "publishes", "per s", "median ms", "worst ms", "conflicts", "lost", "doubled", "failed")
    with ExitStack() as stack:
        postgres = stack.enter_context(running_postgres(fsync="on"))
        s3 = stack.enter_context(running_s3()) if given.s3 else {}
        for number, tables in enumerate((1, given.writers)):
            for name in ("SQLite", "PostgreSQL", *(("SQLite, S3", "PostgreSQL, S3") if given.s3 else ())):
                services: dict[str, str] = {}
                if "PostgreSQL" in name:
                    url = postgres.new_place()
                    services |= {"READINESS_CATALOG": url, "READINESS_LEDGER": url}
                if "S3" in name:
                    services |= s3 | {"READINESS_WAREHOUSE": f"s3://warehouse/{name.split(',')[0].lower()}-{number}"}
                found = measure(services, writers=given.writers, publishes=given.publishes, tables=tables)
                rate = found.publishes / found.seconds
                case = f"{name}, {tables} table{'s' if tables > 1 else ''}"
                latency = (f"{found.median_ms:.0f}", f"{found.worst_ms:.0f}")
                say(case, found.publishes, f"{rate:.1f}", *latency, found.conflicts, found.lost, found.doubled, found.failed)


def measure(services: Mapping[str, str], *, writers: int, publishes: int, tables: int) -> Account:
    with tempfile.TemporaryDirectory() as folder:
        return crowd(Place(Path(folder), services), writers=writers, publishes=publishes, tables=tables)


def say(case: str, *values: object) -> None:
    sys.stdout.write(f"{case:<28}" + "".join(f"{value!s:>11}" for value in values) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
