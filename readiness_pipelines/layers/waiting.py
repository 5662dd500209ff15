"""What has landed and waits to be taken in, and which runs to ask for: each landed file once, whoever looks.

The ledger decides. A file is taken in when a run has brought its partition through every table and recorded how the
file stood; until then its partition is asked for in exactly one run at a time. A run is claimed in the ledger before
anybody launches it, so looking twice, from two daemons, or after a crash, asks for nothing twice and forgets nothing.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from readiness_pipelines.declarations import Bronze, Product
from readiness_pipelines.flow import Sighting, digest
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import STEPS, first_key, key_of, last_key, start_of
from readiness_pipelines.ledger import Request
from readiness_pipelines.sources import look

RunState = Literal["unknown", "going", "over"]

SETTLING = datetime.timedelta(seconds=5)  # a file that changed this recently may still be written
GRACE = datetime.timedelta(seconds=90)  # a claimed run that nobody has seen for so long was never launched
MAX_PARTITIONS = 200  # in one run: what a run that fails has to do again stays small
MAX_OPEN = 10  # runs asked for and not over: 2,000 late files must not fill the queue for everybody else
LONGEST_PAUSE = datetime.timedelta(hours=1)  # before files that no run manages to take in are asked for again


@dataclass(frozen=True)
class WantedRun:
    """One run to launch: its key, and its partitions, which follow each other without a gap, oldest first."""

    run_key: str
    partitions: tuple[str, ...]


@dataclass(frozen=True)
class Waiting:
    """What waits, and the runs to launch for it now.

    `files` and `partitions` count all that is not taken in yet, those of runs on their way too; `oldest` is when the
    oldest of them was last changed (UTC). `settling` files changed just now; `outside` files name a partition that has
    not ended or that the calendar does not have; `failing` partitions were run twice in vain, or more often: they are asked
    for again after a pause that doubles each time, up to an hour.
    """

    runs: tuple[WantedRun, ...] = ()
    files: int = 0
    partitions: int = 0
    oldest: datetime.datetime | None = None
    settling: int = 0
    outside: int = 0
    failing: tuple[str, ...] = field(default=())

    def told(self, *, now: datetime.datetime) -> str:
        """Return one line for a log: what waits, for how long, what is asked for."""
        if not (self.files or self.settling):
            return "nothing waits: every landed file is taken in"
        lag = f", the oldest for {max(0, round((now - self.oldest).total_seconds()))} s" if self.oldest else ""
        told = f"{self.files} files wait in {self.partitions} partitions{lag}; {len(self.runs)} runs asked for"
        for n, words in ((self.settling, "changed just now"), (self.outside, "name no partition that has ended")):
            told += f"; {n} {words}" if n else ""
        return told + (f"; no run takes in {', '.join(self.failing[:5])}: tried again after a pause" if self.failing else "")


def find_waiting(product: Product, lake: Lakehouse, *, now: datetime.datetime, state_of: Callable[[str], RunState]) -> Waiting:
    """Look at the landing folder once, claim the runs it calls for, and return them with what waits.

    `state_of` says of a run key whether a run of it exists and has ended. At most `MAX_OPEN` runs are open at a time.
    """
    seen = look_for_files(product, lake, now=now)
    requests = lake.ledger.requests.newest(product.name, list(seen.waiting))
    states = {key: state_of(key) for key in {r.run_key for r in requests.values()}}
    again = _never_launched(product, lake, requests, states, now=now)
    fresh, failing = _to_ask(seen.waiting, requests, states, now=now)
    room = MAX_OPEN - sum(1 for state in states.values() if state != "over")
    runs = again + _claim(product, lake, fresh, room=room)
    changed = [file.changed_ns for files in seen.waiting.values() for file in files]
    return Waiting(
        runs=tuple(runs),
        files=len(changed),
        partitions=len(seen.waiting),
        oldest=_moment(min(changed)) if changed else None,
        settling=seen.settling,
        outside=seen.outside,
        failing=tuple(failing),
    )


@dataclass(frozen=True)
class Files:
    """The landed files that no run has taken in as they stand: by partition where all have settled, else counted."""

    waiting: Mapping[str, Sequence[Sighting]]
    settling: int
    outside: int


def look_for_files(product: Product, lake: Lakehouse, *, now: datetime.datetime) -> Files:
    """Look at the landing folder once, and return what waits there. Nothing is claimed and no file is read."""
    first, last = first_key(product), last_key(product, now=now)
    waiting: dict[str, list[Sighting]] = defaultdict(list)
    unsettled: dict[str, int] = defaultdict(int)
    outside = 0
    for table in product.tables:
        if not isinstance(table, Bronze):
            continue
        known = lake.ledger.sightings(table.full_name)
        for file in look(lake.settings.landing, table.feed.files, table=table.full_name, key=partial(key_of, product)):
            if known.get(file.name) == file:
                continue
            if not first <= file.partition <= last:
                outside += 1
                continue
            waiting[file.partition].append(file)
            if datetime.timedelta() <= now - _moment(file.changed_ns) < SETTLING:
                unsettled[file.partition] += 1
    settled = {key: waiting[key] for key in sorted(waiting) if key not in unsettled}
    return Files(settled, sum(unsettled.values()), outside)


def _never_launched(
    product: Product,
    lake: Lakehouse,
    requests: Mapping[str, Request],
    states: Mapping[str, RunState],
    *,
    now: datetime.datetime,
) -> list[WantedRun]:
    """Return the runs that were claimed and never seen: whoever claimed them died before launching."""
    claimed = {r.run_key for r in requests.values() if states[r.run_key] == "unknown" and now - r.claimed_at > GRACE}
    return [WantedRun(key, tuple(lake.ledger.requests.of_run(product.name, key))) for key in sorted(claimed)]


_Ask = tuple[str, str, int]  # partition, digest of its files, attempt


def _to_ask(
    waiting: Mapping[str, Sequence[Sighting]],
    requests: Mapping[str, Request],
    states: Mapping[str, RunState],
    *,
    now: datetime.datetime,
) -> tuple[list[_Ask], list[str]]:
    """Return what no open run is going to take in, oldest partition first, and the partitions that runs fail to take in."""
    ask: list[_Ask] = []
    failing: list[str] = []
    for partition, files in waiting.items():
        stood = digest(sorted([f.table, f.name, f.bytes, f.changed_ns] for f in files))
        request = requests.get(partition)
        if request is not None and states[request.run_key] != "over":
            continue
        attempt = request.attempt + 1 if request is not None and request.files == stood else 1
        if attempt > 2:
            failing.append(partition)
        if request is None or attempt == 1 or now - request.claimed_at >= _pause(attempt):
            ask.append((partition, stood, attempt))
    return ask, failing


def _pause(attempt: int) -> datetime.timedelta:
    """Return how long after the last request an attempt may follow: at once for the second, then 2, 4, 8 ... minutes."""
    return min(datetime.timedelta(minutes=2 ** min(attempt - 2, 10) if attempt > 2 else 0), LONGEST_PAUSE)


def _claim(product: Product, lake: Lakehouse, ask: Sequence[_Ask], *, room: int) -> list[WantedRun]:
    runs: list[WantedRun] = []
    for stretch in _stretches(product, ask):
        if len(runs) >= room:
            break
        key = f"{product.name}:landed:{digest(stretch)[:20]}"
        if lake.ledger.requests.claim(product.name, key, {p: files for p, files, _ in stretch}, attempt=stretch[0][2]):
            runs.append(WantedRun(key, tuple(p for p, _, _ in stretch)))
    return runs


def _stretches(product: Product, ask: Sequence[_Ask]) -> Iterator[list[_Ask]]:
    """Yield runs of partitions that follow each other at the same attempt, none longer than MAX_PARTITIONS."""
    step, stretch = STEPS[product.declaration.partitions.every], list[_Ask]()
    for each in ask:
        if stretch:
            follows = start_of(product, each[0]) - start_of(product, stretch[-1][0]) == step
            if not follows or each[2] != stretch[-1][2] or len(stretch) == MAX_PARTITIONS:
                yield stretch
                stretch = []
        stretch.append(each)
    if stretch:
        yield stretch


def _moment(ns: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(ns / 1e9, datetime.UTC).replace(tzinfo=None)
