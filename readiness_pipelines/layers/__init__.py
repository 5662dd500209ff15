"""The step of each layer: read the admitted inputs, stage a candidate, examine it, quarantine, publish or hold."""

from readiness_pipelines.layers.standing import Standing, StandingKind, standing_of
from readiness_pipelines.layers.step import StepResult, run_step

__all__ = ["Standing", "StandingKind", "StepResult", "run_step", "standing_of"]
