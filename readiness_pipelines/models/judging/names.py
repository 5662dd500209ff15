"""The rules of the promotion gate, by name, in the order in which they are read."""

from __future__ import annotations

from readiness_pipelines.declarations.model_spec import ModelSpec

SCORES, BETTER, CALIBRATION, SLICE, FAIRNESS, ROBUSTNESS = "scores", "better", "calibration", "slice", "fairness", "robustness"
LATENCY, LEAKAGE, VERSIONS, UNTOUCHED = "latency", "leakage", "versions", "untouched"
NOISE, MISSING, OUT_OF_RANGE = "noise", "missing", "out_of_range"  # the ways inputs are perturbed


def rules_of(spec: ModelSpec) -> tuple[str, ...]:
    """Return every rule that a challenger of this model must pass: the words of `Judged.rule`, each once."""
    said = spec.words
    slices = [f"{SLICE}:{each.column}" for each in said.slices]
    fairness = [f"{FAIRNESS}:{each.column}" for each in said.protected]
    ways = [f"{ROBUSTNESS}:{how}" for how in (NOISE, MISSING, OUT_OF_RANGE)]
    names = [SCORES, BETTER, CALIBRATION, *slices, *fairness, *ways, LATENCY, LEAKAGE, VERSIONS, UNTOUCHED]
    return tuple(dict.fromkeys(names))
