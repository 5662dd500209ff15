"""Processes of their own that measure: at once, or killed at a named step."""

from __future__ import annotations

import os
import signal
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path

from readiness_pipelines.drift import measure
from readiness_pipelines.lakehouse import steps
from tests.drift.scene import Scene
from tests.layers.days import SPAWN


def child(scene: Scene, stop_at: str) -> int | None:
    """Measure in a process of its own, which is killed at the first time that it reaches this step; return how it ended."""
    process = SPAWN.Process(target=_measure, args=(scene.root, stop_at, None))
    process.start()
    process.join()
    return process.exitcode


def crowd(scene: Scene, many: int) -> list[int | None]:
    """Measure in so many processes that begin at the same moment; return how they ended."""
    together = SPAWN.Barrier(many)
    running: list[BaseProcess] = [SPAWN.Process(target=_measure, args=(scene.root, None, together)) for _ in range(many)]
    for process in running:
        process.start()
    for process in running:
        process.join()
    return [process.exitcode for process in running]


def _measure(root: Path, stop_at: str | None, together: Barrier | None) -> None:
    from tests.drift.test_measure import NOW

    def kill(name: str) -> None:
        if name == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = kill
    scene = Scene(root)
    product = scene.product
    if together is not None:
        together.wait(60)
    for _ in measure(product, scene.lake, now=NOW):
        pass
