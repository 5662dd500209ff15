"""For which of the things that wait a sensor asks a run: for one that nobody is at, again when its run broke, later each time.

What waits is named by a tag of its runs, so that one that was launched by hand counts too. The ledger decides what waits, and
lets one run take each: asking twice does no harm.
"""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import dagster as dg

from readiness_pipelines.product.vital import is_at_work

_RESTS = [datetime.timedelta(minutes=n) for n in (1, 10, 60)]  # after each run that broke: an outage must not use up all of them
ATTEMPTS = len(_RESTS) + 1  # runs for one thing; after that, the failed run's own incident is what somebody looks at
_SECOND = datetime.timedelta(seconds=1)  # Dagster's times of creation are cut to it, on SQLite
_AT_ONCE = 10  # runs of a job that are open at a time
_PATIENCE = datetime.timedelta(minutes=10)  # a run that has not begun to work by then never will
_NOT_ENDED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_BROKEN = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def to_ask(
    instance: dg.DagsterInstance,
    state: Path,
    *,
    job: str,
    tag: str,
    waiting: Sequence[str],
    decided: Mapping[str, datetime.datetime] | None = None,
) -> Iterator[tuple[str, int]]:
    """Yield what waits and no run of `job` is at, with the number of the attempt: at most so many as may be open.

    Where runs of it broke, 1, 10 and 60 minutes after the newest, and then no more. `waiting` are values of the runs' `tag`,
    what is to be asked for first in front. `decided` tells when each was decided (UTC), where somebody has: that is asked for
    every 60 minutes as long as it waits, and only runs since then count.
    """
    open_ = _open_runs(instance, state, job)
    busy, room = {run.tags.get(tag) for run in open_}, _AT_ONCE - len(open_)
    for name in waiting:
        if room <= 0:
            return
        if name in busy or not _may_be_tried(instance, tag, name, decided.get(name) if decided else None):
            continue
        room -= 1
        yield name, instance.get_runs_count(dg.RunsFilter(tags={tag: name})) + 1


def broken(instance: dg.DagsterInstance, tag: str, name: str) -> int:
    """Return how many runs with this tag ended without having done what they were for."""
    return instance.get_runs_count(_broken(tag, name))


def _broken(tag: str, name: str, since: datetime.datetime | None = None) -> dg.RunsFilter:
    after = since - _SECOND if since is not None else None
    return dg.RunsFilter(tags={tag: name}, statuses=_BROKEN, created_after=after)


def _may_be_tried(instance: dg.DagsterInstance, tag: str, name: str, decided: datetime.datetime | None) -> bool:
    of_it = _broken(tag, name, decided)
    times = instance.get_runs_count(of_it)
    if not times or (times >= ATTEMPTS and decided is None):
        return not times
    newest = instance.get_run_records(of_it, limit=1, order_by="update_timestamp", ascending=False)[0]
    return datetime.datetime.now(datetime.UTC) - newest.update_timestamp >= _RESTS[min(times, len(_RESTS)) - 1]


def is_busy(instance: dg.DagsterInstance, state: Path, *, job: str, tag: str, name: str) -> bool:
    """Return whether a run of `job` with this tag may still do something."""
    return any(run.tags.get(tag) == name for run in _open_runs(instance, state, job))


def _open_runs(instance: dg.DagsterInstance, state: Path, job: str) -> list[dg.DagsterRun]:
    records = instance.get_run_records(dg.RunsFilter(job_name=job, statuses=_NOT_ENDED))
    return [record.dagster_run for record in records if _is_open(record, state)]


def _is_open(record: dg.RunRecord, state: Path) -> bool:
    """Return whether a run that has not ended may still do something: one killed before it took its lock never ends."""
    if record.dagster_run.status is dg.DagsterRunStatus.QUEUED:
        return True
    age = datetime.datetime.now(datetime.UTC) - record.create_timestamp
    return age < _PATIENCE or is_at_work(state, record.dagster_run.run_id)
