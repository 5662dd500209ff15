"""A run whose process was killed is marked failed; one that works, or whose process is just gone, is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from dagster import DagsterInstance, DagsterRunStatus, job, op

from readiness_pipelines.product.vital import DEAD_SECONDS, at_work, bury, dead_for

WORKER = """
import sys, time
from pathlib import Path
from readiness_pipelines.product.vital import at_work
with at_work(Path(sys.argv[1]), sys.argv[2]):
    print("working", flush=True)
    time.sleep(60)
"""


def killed_run(state: Path, run_id: str) -> None:
    """Let a process work on a run, and kill it."""
    process = subprocess.Popen([sys.executable, "-c", WORKER, str(state), run_id], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"working\n"
    assert dead_for(state, run_id) is None  # it lives
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def started(instance: DagsterInstance) -> str:
    @op
    def nothing() -> None: ...

    @job
    def empty() -> None:
        nothing()

    return instance.create_run_for_job(empty, status=DagsterRunStatus.STARTED).run_id


def test_a_run_whose_process_was_killed_is_marked_failed_after_a_grace(tmp_path: Path) -> None:
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        run_id = started(instance)
        killed_run(tmp_path, run_id)
        assert bury(instance, tmp_path) == []  # just gone: its run may still say so itself
        long_ago = time.time() - DEAD_SECONDS - 1
        os.utime(tmp_path / "running" / f"{run_id}.dead", (long_ago, long_ago))
        assert dead_for(tmp_path, run_id) > DEAD_SECONDS  # type: ignore[operator]
        assert bury(instance, tmp_path) == [run_id]
        run = instance.get_run_by_id(run_id)
        assert run is not None and run.status is DagsterRunStatus.FAILURE
        assert list((tmp_path / "running").iterdir()) == []
        assert bury(instance, tmp_path) == []


def test_a_run_that_works_or_has_not_begun_to_is_left_alone(tmp_path: Path) -> None:
    with DagsterInstance.local_temp(str(tmp_path)) as instance:
        run_id = started(instance)
        assert bury(instance, tmp_path) == []
        with at_work(tmp_path, run_id):
            assert dead_for(tmp_path, run_id) is None
            assert bury(instance, tmp_path) == []
        assert list((tmp_path / "running").iterdir()) == []
