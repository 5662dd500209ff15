"""What a right pipeline makes of known records, computed from what was injected and never from the file or the SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from readiness_pipelines.samples.defects import Record
from readiness_pipelines.samples.manifest import Defect, Expected, Kpi
from readiness_pipelines.samples.stays import CANNOT_RETURN, PLACE

MAX_QUARANTINE_FRACTION = 0.05  # as the suites of readmission declare it


def bronze(records: Sequence[Record]) -> Expected:
    """Return bronze's counts: a record that is no row of the table is quarantined, everything else is admitted."""
    bad = Counter(r.parse for r in records if r.parse)
    n = sum(bad.values())
    return Expected("admitted", len(records), admitted=len(records) - n, quarantined=n, reasons=dict(sorted(bad.items())))


def silver(
    records: Sequence[Record], *, max_quarantine_fraction: float = MAX_QUARANTINE_FRACTION
) -> tuple[Expected, list[Record], list[tuple[int, str]]]:
    """Return silver's counts, the admitted records, and (record number, outcome) of every other record.

    The order is the engine's: casts first; among the records that could be cast the last one of an id stands; then the
    rules. A rule over a column that could not be cast is not judged, and the others are.
    """
    readable = [(n, r) for n, r in enumerate(records, start=1) if not r.parse]
    stands = {r.key: n for n, r in readable if r.key is not None and not r.casts}
    fates: list[tuple[int, str]] = []
    admitted: list[Record] = []
    reasons: Counter[str] = Counter()
    for n, r in readable:
        if r.key is not None and not r.casts and stands[r.key] != n:
            fates.append((n, "duplicate"))
        elif r.reasons:
            fates.append((n, "quarantined"))
            reasons.update(r.reasons)
        else:
            admitted.append(r)
    quarantined = sum(fate == "quarantined" for _, fate in fates)
    is_held = quarantined > max_quarantine_fraction * len(readable)
    expected = Expected(
        "held" if is_held else "admitted",
        len(readable),
        admitted=0 if is_held else len(admitted),
        quarantined=quarantined,
        reasons=dict(sorted(reasons.items())),
        duplicates=len(fates) - quarantined,
        held=len(admitted) if is_held else 0,
        because="quarantine_fraction" if is_held else "",
    )
    return expected, [] if is_held else admitted, fates


def held(admitted: Expected, *, because: str) -> Expected:
    """Return what becomes of a candidate whose rows were good, and which a rule over the table holds."""
    return replace(admitted, state="held", admitted=0, held=admitted.admitted, because=because)


def features(admitted: Sequence[Record]) -> tuple[Expected, frozenset[str]]:
    """Return the counts of readmission_features and the encounters in it."""
    kept = frozenset(r.fields[0] for r in admitted if r.fields[PLACE["discharge_disposition_id"]] not in CANNOT_RETURN)
    n = len(admitted) - len(kept)
    dropped = {"cannot_be_readmitted": n} if n else {}
    return Expected("admitted", len(admitted), admitted=len(kept), dropped=dropped), kept


def kpi(outcomes: Sequence[Record], discharges: Collection[str]) -> Kpi:
    """Return the KPI row over the admitted `outcomes`, given the encounters in the features of the last 31 days."""
    matched = [r for r in outcomes if r.fields[0] in discharges]
    back = sum(r.fields[1] == "<30" for r in matched)
    rate = back / len(matched) if matched else None
    return Kpi(len(outcomes), len(matched), len(outcomes) - len(matched), back, rate)


def defects(file: str, records: Sequence[Record], fates: Sequence[tuple[int, str]], *, raw: str, typed: str) -> list[Defect]:
    """Return one defect per record that bronze (`raw`) or silver (`typed`) does not admit, in file order."""
    found = [
        (n, Defect(file, n, r.kind, r.column, raw, "quarantined", r.reasons)) for n, r in enumerate(records, start=1) if r.parse
    ]
    kinds = {r.key: r.kind for r in records if r.kind and r.key is not None}
    for n, fate in fates:
        r = records[n - 1]
        kind = r.kind or kinds.get(r.key or "", "")  # the earlier, sound record of a pair is named by what replaced it
        reasons = r.reasons if fate == "quarantined" else ()
        found.append((n, Defect(file, n, kind, r.column, typed, fate, reasons)))
    return [defect for _, defect in sorted(found, key=lambda f: f[0])]
