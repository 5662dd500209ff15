"""Drift: windows of admitted versions are measured against a reference, and a rule with few false alarms judges them."""

from readiness_pipelines.drift.calibration import Raised, Tried, calibrate, candidates
from readiness_pipelines.drift.measuring import Seen, measure
from readiness_pipelines.drift.overview import Watch, status
from readiness_pipelines.drift.redeciding import redecide
from readiness_pipelines.drift.reference import register, register_training_set
from readiness_pipelines.drift.rule import Rule, rule_of

__all__ = [
    "Raised",
    "Rule",
    "Seen",
    "Tried",
    "Watch",
    "calibrate",
    "candidates",
    "measure",
    "redecide",
    "register",
    "register_training_set",
    "rule_of",
    "status",
]
