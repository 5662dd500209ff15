from __future__ import annotations

import numpy as np
import pytest

from readiness_pipelines.models.estimators import estimator, feature_frame
from readiness_pipelines.models.scores import score
from tests.models.learned import BUILT_IN, learned, spec_of


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_score_depends_on_its_row_alone(name: str) -> None:
    spec, (frame, labels) = spec_of(estimator=name, decide_at=0.5), learned(300)
    made = estimator(spec).fit(feature_frame(spec, frame), labels)
    whole = score(made, spec, frame)
    assert whole.dtype == np.float64
    assert score(made, spec, frame, batch=7) == pytest.approx(whole, abs=1e-15)
    assert score(made, spec, frame.iloc[::-1])[::-1] == pytest.approx(whole, abs=1e-15)
    assert score(made, spec, frame.iloc[[5]]) == pytest.approx(whole[[5]], abs=1e-15)


def test_batches_bound_what_is_laid_out_at_once() -> None:
    class Watched:
        classes_ = np.array([False, True])
        seen: list[int] = []

        def predict_proba(self, rows: object) -> np.ndarray:
            self.seen.append(len(rows))  # type: ignore[arg-type]
            return np.full((len(rows), 2), 0.5)  # type: ignore[arg-type]

    score(Watched(), spec_of(), learned(100)[0], batch=40)
    assert Watched.seen == [40, 40, 20]


def test_no_rows_have_no_scores() -> None:
    spec, (frame, labels) = spec_of(decide_at=0.5, parameters={"max_iter": 1}), learned(100)
    made = estimator(spec).fit(feature_frame(spec, frame), labels)
    assert score(made, spec, frame.iloc[:0]).shape == (0,)
