"""The step of each layer: read the admitted inputs, stage a candidate, examine it, quarantine, publish or hold."""

from readiness_pipelines.layers.standing import Standing, StandingKind, Standings
from readiness_pipelines.layers.step import StepResult, run_step

__all__ = ["Standing", "StandingKind", "Standings", "StepResult", "run_step"]
