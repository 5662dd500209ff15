"""`latency`: how long a row takes, in batches of 1,000."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from readiness_pipelines.flow import Judged, Status
from readiness_pipelines.models.judging.names import LATENCY
from readiness_pipelines.models.judging.robustness import Score

if TYPE_CHECKING:
    import pandas as pd

BATCH, TIMES = 1_000, 5


def latency(frame: pd.DataFrame, *, score: Score, limit_ms: float) -> Judged:
    """Judge the median of five batches, after one that does not count: milliseconds per row, at most `limit_ms`.

    A batch has 1,000 rows of the holdout, some of them more than once where it has fewer.
    """
    batch = frame.iloc[np.arange(BATCH) % len(frame)].reset_index(drop=True)
    score(batch)
    found = float(np.median([_seconds(batch, score) for _ in range(TIMES)])) * 1_000 / BATCH
    if found <= limit_ms:
        return Judged(LATENCY, Status.PASSED, value=round(found, 6), limit=limit_ms, n=BATCH)
    note = f"{found:.3f} ms per row in batches of {BATCH:,}, expected at most {limit_ms:g}"
    return Judged(LATENCY, Status.FAILED, value=round(found, 6), limit=limit_ms, n=BATCH, note=note)


def _seconds(batch: pd.DataFrame, score: Score) -> float:
    began = time.perf_counter()
    score(batch)
    return time.perf_counter() - began
