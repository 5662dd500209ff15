"""All tests of one window taken together: their corrected p, the severity of each, and what each would have found.

A measurement known as a bracket is judged at both ends. Since a smaller p of one test never makes another's corrected p
larger, what the exact numbers would say lies between the judgement at all lower ends and that at all upper ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from readiness_pipelines.drift.rule import Rule
from readiness_pipelines.flow import Measured, Measurement, Mode, Severity, Test

# in Measurement.more: of psi's chi-squared, of performance's loss, of the nulls and the unseen rows of the reference
DEGREES, STANDARD_ERROR, SHARE = "degrees", "standard_error", "share_reference"


@dataclass(frozen=True)
class Judged:
    """One measurement at one end: its severity before persistence, and the `alpha` that its own p had to reach at worst."""

    severity: Severity
    corrected_p: float
    alpha: float
    is_significant: bool


def is_tested(measurement: Measurement, rule: Rule) -> bool:
    """Return whether it belongs to the family: it has an effect and a p, of all rows and not a slice, and enough of them."""
    known = measurement.effect is not None and measurement.p is not None and measurement.mode is Mode.DECIDED
    return known and not measurement.group and min(measurement.n_reference, measurement.n_window) >= rule.min_rows


def judged(measured: Measured, rule: Rule, *, upper: bool = False) -> dict[int, Judged]:
    """Return the judgement of each tested measurement, by its place in `measured`, at lower or at all upper ends.

    Significant: corrected p <= the false-alarm rate. A severity needs that and its effect, both inclusive.
    """
    family = [(i, m) for i, m in enumerate(measured.measurements) if is_tested(m, rule)]
    if not family:
        return {}
    from readiness_pipelines.drift.statistics.correction import benjamini_hochberg

    weights = [rule.weights.get(m.column, 1.0) for _, m in family]
    corrected = benjamini_hochberg([_p(m, upper=upper) for _, m in family], weights)
    share = rule.false_alarm_rate / sum(weights)
    return {
        i: _judge(m, rule, corrected_p=p, alpha=share * weight, upper=upper)
        for (i, m), p, weight in zip(family, corrected, weights, strict=True)
    }


def smallest_found(measurement: Measurement, alpha: float) -> float | None:
    """Return the smallest effect that would have been found at `alpha` with power .8, or None if none, or not known.

    PSI and performance must say in `more` what this depends on: the degrees of freedom, the loss's standard error. Where nulls
    and unseen do not say what share the reference lets expect, it is taken for one half: the worst case.
    """
    from readiness_pipelines.drift.statistics import power

    n, m, more = measurement.n_reference, measurement.n_window, measurement.more
    match measurement.test:
        case Test.KS:
            return power.ks(n, m, alpha)
        case Test.PSI:
            return power.psi(n, m, alpha, int(more.get(DEGREES, 0)))
        case Test.NULLS | Test.UNSEEN:
            return power.share(n, m, alpha, base=more.get(SHARE))
        case Test.PERFORMANCE:
            return power.normal(more[STANDARD_ERROR], alpha) if STANDARD_ERROR in more else None


def differing(low: dict[int, Judged], high: dict[int, Judged], of: Sequence[Measurement]) -> tuple[int, ...]:
    """Return which measurements have to be exact before all severities can be told, by place; nothing if they can.

    Brackets whose own severity differs between the ends; if there are none, but the correction of exact ones still
    depends on brackets, those brackets whose significance differs.
    """
    brackets = [i for i in low if not of[i].is_exact]
    own = tuple(i for i in brackets if low[i].severity is not high[i].severity)
    if own or all(low[i].severity is high[i].severity for i in low):
        return own
    return tuple(i for i in brackets if low[i].is_significant is not high[i].is_significant)


def _judge(measurement: Measurement, rule: Rule, *, corrected_p: float, alpha: float, upper: bool) -> Judged:
    significant = corrected_p <= rule.false_alarm_rate
    effect = measurement.effect_high if upper and measurement.effect_high is not None else measurement.effect
    thresholds = rule.thresholds_of(measurement.column, measurement.test)
    severity = thresholds.severity(effect) if significant and effect is not None else Severity.NONE
    return Judged(severity, corrected_p, alpha, significant)


def _p(measurement: Measurement, *, upper: bool) -> float:
    p = measurement.p_low if upper and measurement.p_low is not None else measurement.p
    return math.nan if p is None else p
