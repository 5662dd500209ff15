"""The generator of the electricity market: deterministic, complete in its defects, its answers checked by hand."""

from __future__ import annotations

import csv
import datetime
import statistics
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.samples.market import REGIONS, SLOTS
from readiness_pipelines.samples.power_price import (
    FEATURES,
    KPI,
    LABELS,
    MANIFEST,
    MARKET,
    MARKET_KINDS,
    RAW_MARKET,
    SETTLED_KINDS,
    PowerManifest,
    write,
)

FOLDER = Path(__file__).parents[2] / "readiness_pipelines" / "defs" / "power_price"


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_arguments_write_the_same_bytes_and_each_argument_matters(tmp_path: Path) -> None:
    for name, seed, days in (("a", 7, 4), ("b", 7, 4), ("c", 8, 4), ("d", 7, 6)):
        write(tmp_path / name, seed=seed, days=days)
    write(tmp_path / "e", days=4, start=datetime.date(2025, 3, 1))
    write(tmp_path / "f", days=4, changed=2)
    first = content(tmp_path / "a")
    assert content(tmp_path / "b") == first
    assert not set(content(tmp_path / "c").values()) & set(first.values())
    assert len(first) == 4 + 3 + 1  # the last day is settled the day after, which is not there any more
    assert "market/market_2025-03-01.csv" in content(tmp_path / "e")
    changed = {name for name, text in content(tmp_path / "f").items() if text != first[name]}
    assert changed == {f"market/market_2025-01-0{d}.csv" for d in (8, 9)} | {"settlements/settlements_2025-01-09.csv", MANIFEST}
    with pytest.raises(ValueError, match="found 0 days"):
        write(tmp_path / "g", days=0)


def test_a_longer_sample_begins_with_the_files_of_a_shorter_one(tmp_path: Path) -> None:
    write(tmp_path / "short", days=12)
    write(tmp_path / "long", days=20)
    longer = content(tmp_path / "long")
    assert all(longer[name] == text for name, text in content(tmp_path / "short").items() if name != MANIFEST)


def test_a_file_of_an_earlier_sample_does_not_stay_on_the_missing_day(tmp_path: Path) -> None:
    left = tmp_path / "market" / "market_2025-01-14.csv"
    left.parent.mkdir()
    left.write_text("region,half_hour,demand,price,scheduled_import\n")
    write(tmp_path, days=10)
    assert not left.exists()


def test_the_manifest_survives_its_json(tmp_path: Path) -> None:
    manifest = write(tmp_path, days=20)
    assert PowerManifest.read(tmp_path / MANIFEST) == manifest
    with pytest.raises(KeyError):
        PowerManifest.from_json("{}")


def test_every_kind_of_defect_is_met(tmp_path: Path) -> None:
    kinds = {d.kind for d in write(tmp_path).defects}
    assert kinds == {*MARKET_KINDS, *SETTLED_KINDS, "no_file", "price_in_cents"}


def test_the_days_with_a_story_are_told_apart_and_stop_the_features_of_the_day_after_too(tmp_path: Path) -> None:
    expected = write(tmp_path).expected
    assert [day for day, e in expected[RAW_MARKET].items() if e.state == "missing"] == ["2025-01-14"]
    (held,) = [(day, e.rows_in, e.quarantined, e.because) for day, e in expected[MARKET].items() if e.state == "held"]
    assert held == ("2025-01-22", 96, 96, "quarantine_fraction")
    assert {day: e.because for day, e in expected[FEATURES].items() if e.state == "blocked"} == {
        "2025-01-14": f"{RAW_MARKET}/2025-01-14",
        "2025-01-15": f"{RAW_MARKET}/2025-01-14",
        "2025-01-22": f"{MARKET}/2025-01-22",
        "2025-01-23": f"{MARKET}/2025-01-22",
    }
    assert [day for day, e in expected[KPI].items() if e.state == "blocked"] == ["2025-01-14", "2025-01-22"]
    first = expected[FEATURES]["2025-01-06"]
    assert (first.state, first.admitted, dict(first.dropped)) == ("admitted", 0, {"no_day_before": first.rows_in})
    assert list(expected[LABELS])[0] == "2025-01-07"
    assert len(expected[LABELS]) == 55


def test_every_candidate_in_the_manifest_adds_up_and_every_file_holds_its_records(tmp_path: Path) -> None:
    manifest = write(tmp_path)
    for partitions in manifest.expected.values():
        for e in partitions.values():
            assert e.rows_in == e.admitted + e.quarantined + e.duplicates + e.held + sum(e.dropped.values())
    for file in manifest.files:
        assert (tmp_path / file.file).read_bytes().count(b"\n") - 1 == file.records
    assert sum(f.records for f in manifest.files if f.table == RAW_MARKET) > 55 * len(REGIONS) * SLOTS


def test_a_half_hour_was_settled_as_up_where_its_price_was_above_its_regions_mean_of_the_day_before(tmp_path: Path) -> None:
    write(tmp_path, days=3)
    prices = {day: prices_of(tmp_path / f"market/market_{day}.csv") for day in ("2025-01-06", "2025-01-07")}
    mean = {
        region: statistics.mean(price for (where, _), price in prices["2025-01-06"].items() if where == region)
        for region in ("north", "south")
    }
    with (tmp_path / "settlements/settlements_2025-01-08.csv").open() as file:
        told = {(r["region"], r["half_hour"]): r["against_day_before"] for r in csv.DictReader(file)}
    assert len(told) == 96
    by_hand = {where: "UP" if prices["2025-01-07"][where] > mean[where[0]] else "DOWN" for where in told}
    spoiled = {where for where, word in told.items() if word == ""}
    assert len(spoiled) == 1
    assert {where: word for where, word in by_hand.items() if where not in spoiled} == {
        where: word for where, word in told.items() if where not in spoiled
    }


def prices_of(file: Path) -> dict[tuple[str, str], float]:
    """Return what each half hour was first said to cost: on these days nothing but a repeated record is wrong."""
    prices: dict[tuple[str, str], float] = {}
    with file.open() as lines:
        for row in csv.DictReader(lines):
            prices.setdefault((row["region"], row["half_hour"]), float(row["price"]))
    return prices


def test_what_makes_the_price_is_demand_before_the_change_and_imports_from_then_on(tmp_path: Path) -> None:
    write(tmp_path, changed=28)
    by_demand, by_import = {}, {}
    for day in ("2025-02-02", "2025-02-03"):  # the 28th and the 29th day
        rows = sound_rows(tmp_path / f"market/market_{day}.csv")
        price = [float(row["price"]) for row in rows]
        by_demand[day] = statistics.correlation([float(row["demand"]) for row in rows], price)
        by_import[day] = statistics.correlation([float(row["scheduled_import"]) for row in rows], price)
    assert by_demand["2025-02-02"] > 0.6 > by_demand["2025-02-03"]
    assert abs(by_import["2025-02-02"]) < 0.3 and by_import["2025-02-03"] > 0.7


def sound_rows(file: Path) -> list[dict[str, str]]:
    with file.open() as lines:
        rows = [row for row in csv.DictReader(lines) if None not in row.values()]
    numbers = [row for row in rows if all(is_number(row[name]) for name in ("price", "demand", "scheduled_import"))]
    return [row for row in numbers if -100 <= float(row["price"]) <= 1000 and float(row["demand"]) > 0]


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def features_and_labels(landing: Path, manifest: PowerManifest) -> pd.DataFrame:
    """Return what the product's own SQL makes of each day's sound records, with the day and its label."""
    frames = []
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        read = "read_csv(?, header = true, all_varchar = true, null_padding = true, ignore_errors = true)"
        con.execute(
            f"""CREATE TABLE half_hours AS
            SELECT sha256(concat(region, half_hour)) AS row_id, region, CAST(half_hour AS TIMESTAMPTZ) AS half_hour,
                   CAST(demand AS DOUBLE) AS demand, CAST(price AS DOUBLE) AS price,
                   CAST(scheduled_import AS DOUBLE) AS scheduled_import, CAST(left(half_hour, 10) AS DATE) AS traded_on,
                   left(half_hour, 10) AS partition_key
            FROM {read}
            WHERE TRY_CAST(demand AS DOUBLE) > 1000 AND TRY_CAST(price AS DOUBLE) BETWEEN -100 AND 1000
              AND region IN ('north', 'south') AND TRY_CAST(scheduled_import AS DOUBLE) IS NOT NULL
              AND TRY_CAST(half_hour AS TIMESTAMPTZ) >= TIMESTAMPTZ '2025-01-06'
            QUALIFY row_number() OVER (PARTITION BY region, half_hour) = 1""",
            [str(landing / "market" / "*.csv")],
        )
        con.execute(
            f"""CREATE TABLE labels AS
            SELECT region, CAST(half_hour AS TIMESTAMPTZ) AS half_hour, any_value(against_day_before = 'UP') AS label
            FROM {read} WHERE against_day_before IN ('UP', 'DOWN') AND region <> '' GROUP BY ALL""",
            [str(landing / "settlements" / "*.csv")],
        )
        sql = (FOLDER / "gold" / "price_features.sql").read_text(encoding="utf-8")
        start = datetime.date.fromisoformat(manifest.start)
        for n in range(1, manifest.days):
            day, before = ((start + datetime.timedelta(days=n - back)).isoformat() for back in (0, 1))
            con.execute(f"SET VARIABLE partition_key = '{day}'")
            con.execute(
                f"CREATE OR REPLACE TEMP VIEW market AS SELECT * FROM half_hours WHERE partition_key IN ('{day}', '{before}')"
            )
            found = con.sql(f"SELECT f.*, labels.label FROM ({sql}) AS f JOIN labels USING (region, half_hour)").to_arrow_table()
            frames.append(found.to_pandas().assign(day=n + 1))
    whole = pd.concat(frames)
    known: pd.DataFrame = whole[whole["mean_price_day_before"].notna()]
    return known


@pytest.mark.slow
def test_a_model_of_the_old_market_is_worth_less_in_the_new_one_and_one_that_has_seen_it_regains_what_was_lost(
    tmp_path: Path,
) -> None:
    from sklearn.metrics import roc_auc_score

    from readiness_pipelines.models.estimators import estimator, feature_frame

    spec = load_product(FOLDER).model
    assert spec is not None
    rows = features_and_labels(tmp_path, write(tmp_path))

    def days(first: int, last: int) -> pd.DataFrame:
        return rows[rows["day"].between(first, last)]

    def fitted(first: int, last: int) -> Any:
        seen = days(first, last)
        return estimator(spec).fit(feature_frame(spec, seen), seen["label"])

    def worth(model: Any, first: int, last: int) -> float:
        tried = days(first, last)
        return float(roc_auc_score(tried["label"], model.predict_proba(feature_frame(spec, tried))[:, 1]))

    def guessed(first: int, last: int) -> float:
        tried = days(first, last)
        return float(roc_auc_score(tried["label"], tried["price_above"].fillna(0)))

    old, early, new = fitted(2, 20), fitted(8, 27), fitted(14, 34)
    before, after = worth(old, 21, 27), worth(old, 35, 41)
    assert before > guessed(21, 27) + 0.04  # better than what needs no model
    assert abs(worth(old, 22, 28) - before) < 0.03
    assert after < before - 0.1
    assert abs(worth(early, 28, 34) - worth(old, 28, 34)) < 0.05  # it has seen nothing of the new market either
    assert worth(new, 35, 41) > after + 0.1
    assert worth(fitted(21, 41), 42, 48) > before
