"""Controls on real data, through the public API: what drifts is named, and what does not is left alone.

Never watched: identifiers, split markers, and columns that encode the calendar.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path

import pytest

from readiness_pipelines.flow import DriftReport, Finding, Kind, Mode, Severity, Test
from tests.drift.real import CENSUS, CLAIMS, ELECTRICITY, WEATHER, Ran, key_of_day, ran, replayed

pytestmark = pytest.mark.slow


def alarms(reports: Sequence[DriftReport], least: Severity) -> list[Finding]:
    return [finding for report in reports for finding in report.findings if finding.severity.is_at_least(least)]


def test_claims_are_never_told_to_drift_at_medium_or_above(tmp_path: Path) -> None:
    reports = ran(tmp_path, CLAIMS).reports()
    assert [str(report.measured.window) for report in reports] == [
        f"{key_of_day(day)}...{key_of_day(day + 1)}" for day in (2, 4, 6, 8, 10)
    ]  # a half-year each
    assert alarms(reports, Severity.MEDIUM) == []
    assert sum(report.measured.rows for report in reports) + reports[0].measured.rows_reference == 15_420


def test_electricity_names_prices_and_demands(tmp_path: Path) -> None:
    reports = ran(tmp_path, ELECTRICITY).reports()
    assert len(reports) == 9
    for report in reports[:2]:  # Victoria's columns and the transfer are constant as in the reference
        assert set(report.columns) == {"nswprice", "nswdemand"}
    for report in reports[3:]:
        assert report.severity is Severity.CRITICAL
        named = {each.column for each in alarms([report], Severity.MEDIUM)}
        assert named >= {"nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"}
    assert [each for each in alarms(reports, Severity.MEDIUM) if each.column == "class"] == []  # up and down are as ever


@pytest.fixture(scope="module")
def weather(tmp_path_factory: pytest.TempPathFactory) -> list[DriftReport]:
    return ran(tmp_path_factory.mktemp("weather"), WEATHER).reports()


def test_weather_drifts_gradually_where_instruments_changed_and_not_in_rain(weather: list[DriftReport]) -> None:
    assert len(weather) == 39
    assert [each for each in alarms(weather, Severity.MEDIUM) if each.column == "rain"] == []
    visibility = [f for report in weather for f in report.findings if (f.column, f.test) == ("visibility", Test.KS)]
    assert visibility[-1].severity is Severity.CRITICAL
    # years of 365 rows could have hidden the low effect in what was not found, and that is said
    modes = {each.mode for report in weather for each in report.findings if each.severity is Severity.NONE}
    assert Mode.INSUFFICIENT_SAMPLE in modes


def test_what_wanders_over_the_years_is_drift_and_no_trend(weather: list[DriftReport]) -> None:
    """The effects of wind and visibility stay up for years and come down again: so much alike are years that follow each other
    that no movement of 24 of them is beyond chance."""
    assert [trend for report in weather for trend in report.trends] == []


def test_a_vendors_scores_are_stable_and_told_by_year_and_race_with_intervals(tmp_path: Path) -> None:
    reports = ran(tmp_path, CENSUS).reports()
    assert [report.severity for report in reports] == [Severity.NONE] * 3
    assert alarms(reports, Severity.MEDIUM) == []
    for report in reports:
        worth = {m.group: m.more for m in report.measured.measurements if m.test is Test.PERFORMANCE}
        assert set(worth) == {"", *(f"RAC1P={race}" for race in (1, 2, 6, 8, 9))}
        for more in worth.values():
            assert 0.85 < more["metric_window_low"] < more["metric_window"] < more["metric_window_high"] < 0.96
        whole, smallest = worth[""], worth["RAC1P=9"]
        assert whole["metric_window_high"] - whole["metric_window_low"] < 0.005
        assert 0.015 < smallest["metric_window_high"] - smallest["metric_window_low"] < 0.03


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return replayed(tmp_path_factory.mktemp("hospital"), until="2025-02-04")


def test_that_payers_came_to_be_recorded_is_named_as_missingness(hospital: Ran) -> None:
    reports = hospital.reports()
    assert [str(report.measured.window) for report in reports] == ["2025-01-29...2025-02-04"]
    for report in reports:
        assert report.severity is Severity.CRITICAL
        # each by the test that says most of it: of payers that is missing values, at 1.7 thresholds, although its PSI is at 14
        assert report.columns == ("discharge_disposition_id", "admission_source_id", "payer_code")
        (missing,) = [f for f in report.findings if f.kind is Kind.MISSINGNESS and f.column == "payer_code"]
        assert missing.severity is Severity.CRITICAL
        assert missing.effect == pytest.approx(_share_without_payer(hospital, report), abs=1e-12)


def _share_without_payer(hospital: Ran, report: DriftReport) -> float:
    """Return by how much the share of rows without a payer changed, counted by DuckDB over the admitted rows."""
    from readiness_pipelines.lakehouse import relation

    shares = []
    for versions in (report.measured.reference.versions, report.measured.versions):
        with hospital.lake.connect() as con:
            row = con.execute(
                f"SELECT avg(CAST(payer_code IS NULL AS INTEGER)) FROM {relation(hospital.lake, versions)}"
            ).fetchone()
        shares.append(float(row[0]) if row else 0.0)
    return abs(shares[1] - shares[0])


def test_what_was_measured_once_is_no_news(hospital: Ran) -> None:
    from readiness_pipelines.drift import measure

    list(measure(hospital.product, hospital.lake, now=datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)))
    again = list(measure(hospital.product, hospital.lake, now=datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)))
    assert [seen for seen in again if seen.is_news] == []
