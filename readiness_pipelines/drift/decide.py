"""From what was measured of a window to its report: pure, so that another rule can be tried without reading a row.

A test finds something where its p, corrected over all tests of the window, is at most the false-alarm rate, and its effect
reaches a threshold. The first keeps chance out, at any number of columns; the second what does not matter, at any
number of rows. What was not found is told as `none` only where it would have been found:

| finding | severity | mode |
|---|---|---|
| significant, and the effect reaches a threshold, for as long as the severity asks for | the highest such | decided |
| the same, but not in as many windows as the lowest severity asks for | none | decided, learning while there are fewer than its n |
| neither found nor missed: the low effect would have been found with power .8 | none | decided |
| nothing found, but the low effect could have been missed; or fewer rows than min_rows | none | insufficient_sample |
| the two ends of a bracket differ | that of the upper end | undecided |
| no effect or no p although there are rows | none | undecided |
| measured as learning or undecided | none | as measured |

What could have been missed is told with the finding (`missable`), so that a severity is ruled out where only a lower one could
hide; a column with fewer values than min_rows, in a window with enough rows, is named and keeps nothing from being ruled out.

The report has the worst severity of its findings. Its mode says what that rests on: of an alarm `decided` if a decided finding has
its severity (there may be worse where it could not be seen), else `undecided`; of no alarm `decided` only if every finding is, else
the first of undecided, insufficient_sample, learning that some finding is; without any finding it is `learning`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from readiness_pipelines.drift.family import Judged, differing, judged, smallest_found
from readiness_pipelines.drift.rule import Rule
from readiness_pipelines.flow import DriftReport, Finding, Measured, Measurement, Mode, Severity, Test, Trend, worst_of_columns

_MOST_NAMES = 5  # in a note; the findings have them all
_WEAKEST_FIRST = (Mode.UNDECIDED, Mode.INSUFFICIENT_SAMPLE, Mode.LEARNING)

Ends = tuple[Mapping[tuple[str, Test], Severity], Mapping[tuple[str, Test], Severity]]  # of one window, before persistence


def decide(
    measured: Measured,
    rule: Rule,
    *,
    trends: Sequence[Trend] = (),
    earlier: Sequence[DriftReport] = (),
    superseded: str = "",
) -> DriftReport:
    """Return the judgement of a window by a rule.

    `trends` are those that are significant: each raises the finding of its column and test from none to low, if there is one.
    `earlier` are the monitor's reports of the windows before, newest first, without superseded ones; their measurements are
    judged by this same rule, per column and test, for what has to persist. Slices (`group`) are not judged.
    """
    low, high = judged(measured, rule), judged(measured, rule, upper=True)
    past = [_ends(each.measured, rule) for each in earlier[: _most_windows(rule) - 1]]
    found = [_finding(m, rule, measured, past, low.get(i), high.get(i)) for i, m in enumerate(measured.measurements) if not m.group]
    findings = _with_trends(found, trends)
    severity = Severity.worst(each.severity for each in findings)
    return DriftReport(
        measured=measured,
        rule=rule.fingerprint,
        severity=severity,
        mode=_mode(findings, severity),
        findings=findings,
        trends=tuple(trends),
        columns=tuple(worst_of_columns(findings, severity)) if severity is not Severity.NONE else (),
        superseded=superseded,
        notes=tuple(_notes(measured, findings)),
    )


def ambiguous(measured: Measured, rule: Rule) -> tuple[str, ...]:
    """Return the columns that have to be measured exactly before every severity can be told.

    Ask again with the exact numbers until nothing is returned: a column's p may be what another's correction depends on.
    """
    low, high = judged(measured, rule), judged(measured, rule, upper=True)
    return tuple(dict.fromkeys(measured.measurements[i].column for i in differing(low, high, measured.measurements)))


def _finding(
    m: Measurement, rule: Rule, measured: Measured, past: Sequence[Ends], low: Judged | None, high: Judged | None
) -> Finding:
    thresholds = rule.thresholds_of(m.column, m.test)
    plain = Finding(m.column, m.kind, m.test, Severity.NONE, m.mode, m.effect, threshold=thresholds.lowest, note=m.note)
    if low is None or high is None:
        return _untested(plain, m, rule, measured)
    plain = replace(plain, corrected_p=low.corrected_p)
    at_low, at_high = (_lasting(m, end.severity, rule, [each[i] for each in past]) for i, end in enumerate((low, high)))
    if at_low is not at_high:
        note = f"between {at_low} and {at_high}: known as a bracket, and the rows were not read"
        return replace(plain, severity=at_high, mode=Mode.UNDECIDED, threshold=thresholds.of(at_high), note=note)
    if at_low is not Severity.NONE:
        return replace(plain, severity=at_low, threshold=thresholds.of(at_low), note=m.note or _fallen(low.severity, at_low, rule))
    if high.severity is not Severity.NONE:
        return _waiting(plain, high.severity, rule, windows=len(past) + 1)
    return _nothing(plain, m, rule, low.alpha)


def _untested(plain: Finding, m: Measurement, rule: Rule, measured: Measured) -> Finding:
    anything = Severity.CRITICAL
    if m.mode is not Mode.DECIDED:
        return replace(plain, missable=anything)
    least, is_small = rule.min_rows, min(measured.rows, measured.rows_reference) < rule.min_rows
    if not m.n_reference and not m.n_window and not is_small:
        return replace(plain, note="no value on either side")
    if min(m.n_reference, m.n_window) < least:
        note = f"{m.n_reference:,} rows of the reference and {m.n_window:,} of the window, at least {least:,} are needed"
        missable = anything if is_small else Severity.NONE  # a column of few values says nothing about the window
        return replace(plain, mode=Mode.INSUFFICIENT_SAMPLE, note=note, missable=missable)
    return replace(plain, mode=Mode.UNDECIDED, note=m.note or "could not be tested", missable=anything)


def _nothing(plain: Finding, m: Measurement, rule: Rule, alpha: float) -> Finding:
    if plain.threshold is None:
        return replace(plain, note="no effect of this test matters")
    smallest = smallest_found(m, alpha)
    if smallest is not None and smallest <= plain.threshold:
        return plain
    thresholds = rule.thresholds_of(m.column, m.test).given
    missable = Severity.worst(severity for severity, effect in thresholds if smallest is None or effect < smallest)
    found = "what it would have found is not known" if smallest is None else f"it would have found {smallest:.3g} and more"
    return replace(plain, mode=Mode.INSUFFICIENT_SAMPLE, note=f"{found}, {plain.threshold:g} matters", missable=missable)


# persistence


def _most_windows(rule: Rule) -> int:
    return max((n for _, n in rule.persistence.values()), default=1)


def _ends(measured: Measured, rule: Rule) -> Ends:
    low, high = (judged(measured, rule, upper=upper) for upper in (False, True))
    names = {i: (measured.measurements[i].column, measured.measurements[i].test) for i in low}
    return {names[i]: each.severity for i, each in low.items()}, {names[i]: each.severity for i, each in high.items()}


def _lasting(m: Measurement, severity: Severity, rule: Rule, past: Sequence[Mapping[tuple[str, Test], Severity]]) -> Severity:
    """Return the highest severity, at most this one, that was reached in as many windows as it asks for."""
    if severity is Severity.NONE:
        return severity
    before = [each.get((m.column, m.test), Severity.NONE) for each in past]
    for candidate, _ in reversed(rule.thresholds_of(m.column, m.test).given):
        windows, of = rule.persistence.get(candidate, (1, 1))
        reached = sum(each.is_at_least(candidate) for each in [severity, *before[: of - 1]])
        if severity.is_at_least(candidate) and reached >= windows:
            return candidate
    return Severity.NONE


def _waiting(plain: Finding, severity: Severity, rule: Rule, *, windows: int) -> Finding:
    """Say of a severity that is not persistent enough for any whether it may be for want of windows to look at."""
    (lowest, _), *_ = rule.thresholds_of(plain.column, plain.test).given
    k, n = rule.persistence[lowest]  # if it asked for nothing, it would have been given
    note = f"{severity} in this window; {lowest} is given from {k} of {n} windows on"
    return replace(plain, mode=Mode.LEARNING if windows < n else Mode.DECIDED, note=note)


def _fallen(reached: Severity, given: Severity, rule: Rule) -> str:
    if reached is given:
        return ""
    k, n = rule.persistence[reached]
    return f"{reached} in this window; it is given from {k} of {n} windows on"


# the whole window


def _with_trends(findings: Sequence[Finding], trends: Sequence[Trend]) -> tuple[Finding, ...]:
    by_series = {(trend.column, trend.test): trend for trend in trends}
    return tuple(_trending(each, by_series.get((each.column, each.test))) for each in findings)


def _trending(finding: Finding, trend: Trend | None) -> Finding:
    if trend is None or finding.severity is not Severity.NONE:
        return finding
    ahead = f", at the threshold by {trend.crosses_at}" if trend.crosses_at else ""
    note = f"moves by {trend.slope:+.3g} per window over {trend.windows} windows{ahead}"
    return replace(finding, severity=Severity.LOW, mode=Mode.DECIDED, note=note)


def _mode(findings: Sequence[Finding], severity: Severity) -> Mode:
    modes = {each.mode for each in findings if each.severity is severity}
    if severity is not Severity.NONE:
        return Mode.DECIDED if Mode.DECIDED in modes else Mode.UNDECIDED
    return next((mode for mode in _WEAKEST_FIRST if mode in modes), Mode.DECIDED if findings else Mode.LEARNING)


def _notes(measured: Measured, findings: Sequence[Finding]) -> Iterable[str]:
    if measured.absent:
        yield f"{len(measured.absent)} partitions of the window have no admitted version: {_names(measured.absent)}"
    drifted = {_subject(each) for each in findings if each.severity is not Severity.NONE}
    for mode, said in (
        (Mode.UNDECIDED, "could not be decided"),
        (Mode.INSUFFICIENT_SAMPLE, "the low effect could have been missed"),
        (Mode.LEARNING, "there is too little past yet"),
    ):
        columns = list(dict.fromkeys(_subject(each) for each in findings if each.mode is mode))
        if mode is Mode.INSUFFICIENT_SAMPLE:  # of what drifts nobody asks whether something small was missed
            columns = [each for each in columns if each not in drifted]
        if columns:
            yield f"{said}: {_names(columns)}"


def _subject(finding: Finding) -> str:
    """Return the column, or that it is about what the column is worth as a prediction."""
    return f"{finding.column}: performance" if finding.test is Test.PERFORMANCE else finding.column


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more
