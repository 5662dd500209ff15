"""The policy is a table: every severity has one action, and a reason that says whether somebody is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from readiness_pipelines.flow import Mode, Severity
from readiness_pipelines.response import TOLD_FROM, Action, respond
from tests.drifted import judged, measured


@pytest.mark.parametrize(
    ("severity", "said"),
    [
        (Severity.NONE, "no drift any more"),
        (Severity.LOW, "nobody is told"),
        (Severity.MEDIUM, "the owner is told"),
        (Severity.HIGH, "the owner is told"),
        (Severity.CRITICAL, "the owner is told"),
    ],
)
def test_every_severity_is_observed_and_says_whether_somebody_is_told(severity: Severity, said: str) -> None:
    response = respond(judged(measured(), severity))
    assert response.action is Action.OBSERVE
    assert said in response.why
    assert ("the owner is told" in response.why) == severity.is_at_least(TOLD_FROM)


def test_the_response_depends_on_nothing_but_the_severity() -> None:
    report = judged(measured(), Severity.HIGH)
    others = [replace(report, mode=Mode.UNDECIDED), replace(report, columns=()), judged(measured("2025-02-01"), Severity.HIGH)]
    assert {respond(each) for each in [report, *others]} == {respond(report)}
