"""Whoever is alone with a step keeps everybody else out of it, and loses the right to write with the lock."""

from __future__ import annotations

import multiprocessing
import threading
import time
from pathlib import Path

import pytest

from readiness_pipelines.errors import ServiceUnreachable
from readiness_pipelines.ledger import Ledger
from tests.ledger.test_ledger import DAY, T, verdict
from tests.services import Postgres

SPAWN = multiprocessing.get_context("spawn")


def _hold(place: Path | str, has_it: object, seconds: float) -> None:
    with Ledger(place).alone(T, DAY):
        has_it.set()  # type: ignore[attr-defined]
        time.sleep(seconds)


def test_another_process_waits_until_the_first_has_ended_its_step(place: Path | str) -> None:
    has_it = SPAWN.Event()
    first = SPAWN.Process(target=_hold, args=(place, has_it, 1.0))
    mine = Ledger(place)
    first.start()
    assert has_it.wait(60)
    with mine.alone(T, "2025-01-02"):
        pass  # another partition is free
    began = time.monotonic()
    with mine.alone(T, DAY):
        assert time.monotonic() - began > 0.5
    first.join(60)


def test_a_process_that_is_killed_frees_its_step(place: Path | str) -> None:
    has_it = SPAWN.Event()
    first = SPAWN.Process(target=_hold, args=(place, has_it, 600.0))
    first.start()
    assert has_it.wait(60)
    first.kill()
    first.join(60)
    with Ledger(place).alone(T, DAY):
        pass


def test_another_thread_waits_too(ledger: Ledger) -> None:
    seen = []

    def other() -> None:
        with ledger.alone(T, DAY):
            seen.append("other")

    with ledger.alone(T, DAY):
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.4)
        seen.append("mine")
        ledger.record_verdict(verdict("k1"))
    thread.join(30)
    assert seen == ["mine", "other"]


@pytest.mark.services
@pytest.mark.slow
def test_who_lost_the_lock_with_its_connection_can_write_no_more(postgres: Postgres) -> None:
    url = postgres.new_place()
    mine = Ledger(url)
    with mine.alone(T, DAY):
        mine.record_verdict(verdict("k1"))
        postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
        with Ledger(url).alone(T, DAY):
            for _ in range(2):
                with pytest.raises(ServiceUnreachable):
                    mine.record_verdict(verdict("k2"))
        assert [v.version_key for _, v in mine.verdicts(T, DAY)] == ["k1"]
    mine.record_verdict(verdict("k3"))
    assert [v.version_key for _, v in mine.verdicts(T, DAY)] == ["k1", "k3"]
