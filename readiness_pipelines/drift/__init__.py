"""Drift: windows of admitted versions are measured against a reference, and a rule with few false alarms judges them."""

from readiness_pipelines.drift.measuring import Seen, measure
from readiness_pipelines.drift.rule import Rule, rule_of

__all__ = ["Rule", "Seen", "measure", "rule_of"]
