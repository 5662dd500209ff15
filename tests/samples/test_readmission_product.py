"""The shipped product's declarations: contract, SQL models on small hand-made tables, and honesty on the real half."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import jsonschema
import pytest
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

from readiness_pipelines.declarations import load_product
from readiness_pipelines.flow import Tier
from readiness_pipelines.samples.stays import ENCOUNTER_COLUMNS, MEDICINES, OUTCOME_COLUMNS, UCI_COLUMNS
from tests.samples.second_opinion import PRODUCT, SUITES, TYPES, columns_of, row_rules, run_model, settle

DAY = "2025-01-02"
TYPICAL = dict.fromkeys(ENCOUNTER_COLUMNS, "No") | {
    **{
        "encounter_id": "101",
        "patient_nbr": "7",
        "race": "Caucasian",
        "gender": "Female",
        "age": "[70-80)",
        "weight": "?",
    },
    **{"admission_type_id": "1", "discharge_disposition_id": "1", "admission_source_id": "7", "time_in_hospital": "4"},
    **{
        "payer_code": "MC",
        "medical_specialty": "?",
        "num_lab_procedures": "43",
        "num_procedures": "0",
        "num_medications": "15",
    },
    **{"number_outpatient": "1", "number_emergency": "0", "number_inpatient": "2", "diag_1": "428", "diag_2": "250.01"},
    **{"diag_3": "?", "number_diagnoses": "9", "max_glu_serum": "None", "A1Cresult": ">8", "insulin": "Up"},
    **{"metformin": "Steady", "change": "Ch", "diabetesMed": "Yes", "discharged_on": DAY},
}


def silver(**changes: str) -> dict[str, Any]:
    row = TYPICAL | changes
    return run_model("silver/encounters.sql", {"raw_encounters": (ENCOUNTER_COLUMNS, [[row[c] for c in ENCOUNTER_COLUMNS]])}, DAY)[
        0
    ]


def reasons(contract: Mapping[str, Any], **changes: str) -> tuple[str, ...]:
    _, _, bad = settle([silver(**changes)], columns_of(contract, "encounters"), "silver_encounters")
    return bad[0][1] if bad else ()


def gold_types(contract: Mapping[str, Any], table: str) -> list[str]:
    return [f'"{name}" {TYPES[logical]}' for name, logical in columns_of(contract, table).items()]


# The package reads its own schema with a function that Python has deprecated; nothing we can mend.
@pytest.mark.filterwarnings("ignore:open_text is deprecated:DeprecationWarning")
def test_the_contract_is_valid_against_the_schema_of_the_standard(contract: Mapping[str, Any]) -> None:
    as_json = json.loads(json.dumps(contract, default=str))
    schema = json.loads(OpenDataContractStandard.json_schema())
    assert [e.message for e in jsonschema.Draft201909Validator(schema).iter_errors(as_json)] == []


def test_every_column_has_a_class_a_type_and_a_meaning(contract: Mapping[str, Any]) -> None:
    for table in contract["schema"]:
        for column in table["properties"]:
            assert column["classification"] in {"public", "confidential", "PII", "PHI"}, (table["name"], column["name"])
            assert column["logicalType"] in TYPES
            assert len(column["description"]) > 10


def test_bronze_is_text_under_the_delivered_names_in_the_delivered_order(contract: Mapping[str, Any]) -> None:
    assert tuple(columns_of(contract, "raw_encounters")) == ENCOUNTER_COLUMNS
    assert tuple(columns_of(contract, "raw_outcomes")) == OUTCOME_COLUMNS
    assert set(columns_of(contract, "raw_encounters").values()) == {"string"}


def test_the_features_hold_no_label(contract: Mapping[str, Any]) -> None:
    assert not {c for c in columns_of(contract, "readmission_features") if "readmitted" in c or "known" in c}


def test_the_contract_names_owner_steward_frequency_and_the_facts_without_a_home(
    contract: Mapping[str, Any],
) -> None:
    assert {m["role"] for m in contract["team"]["members"]} == {"owner", "Data Steward"}
    assert {p["property"]: p["value"] for p in contract["slaProperties"]}["frequency"] == "daily"
    custom = {p["property"]: p["value"] for p in contract["customProperties"]}
    assert set(custom) == {"originSystems", "knownIssues", "downstreamConsumers", "kpiMapping"}
    scores = {"readmission_predictions", "readmission_prediction_outcomes"}  # what is thought is on no KPI's path
    assert set(custom["kpiMapping"]["path"]) == {t["name"] for t in contract["schema"]} - scores


def test_every_table_of_the_product_has_a_contract_and_a_suite_that_name_the_same_columns(
    contract: Mapping[str, Any],
) -> None:
    declared = yaml.safe_load((PRODUCT / "defs.yaml").read_text(encoding="utf-8"))["attributes"]
    tables = [(layer, t["name"]) for layer in ("bronze", "silver", "gold") for t in declared[layer]]
    assert {t["name"] for t in contract["schema"]} == {name for _, name in tables}
    assert {p.stem for p in SUITES.glob("*.yaml")} == {f"{layer}_{name}" for layer, name in tables}
    for layer, name in tables:
        suite = yaml.safe_load((SUITES / f"{layer}_{name}.yaml").read_text(encoding="utf-8"))
        names = [r["meta"]["name"] for r in suite["expectations"]]
        assert len(set(names)) == len(names)
        used = {v for r in suite["expectations"] for k, v in r["kwargs"].items() if k in ("column", "column_A", "column_B")}
        assert used <= set(columns_of(contract, name))


@pytest.mark.parametrize(
    ("sql", "table", "inputs"),
    [
        ("silver/encounters.sql", "encounters", ["raw_encounters"]),
        ("silver/outcomes.sql", "outcomes", ["raw_outcomes"]),
        ("gold/readmission_features.sql", "readmission_features", ["encounters"]),
        ("gold/readmission_outcomes.sql", "readmission_outcomes", ["outcomes"]),
        ("gold/readmission_rate_30d.sql", "readmission_rate_30d", ["readmission_outcomes", "readmission_features"]),
        ("gold/readmission_predictions.sql", "readmission_predictions", ["readmission_features"]),
        (
            "gold/readmission_prediction_outcomes.sql",
            "readmission_prediction_outcomes",
            ["readmission_outcomes", "readmission_predictions", "readmission_features"],
        ),
    ],
)
def test_each_model_gives_the_columns_of_the_contract_in_its_order(
    contract: Mapping[str, Any], sql: str, table: str, inputs: list[str]
) -> None:
    with duckdb.connect() as con:
        scores = ", score DOUBLE, prediction BOOLEAN, model_version VARCHAR, input_version VARCHAR"
        for name in inputs:
            seen = scores if table == "readmission_predictions" else ""
            con.execute(
                f"CREATE TABLE {name} (row_id VARCHAR, partition_key VARCHAR, {', '.join(gold_types(contract, name))}{seen})"
            )
        con.execute(f"SET VARIABLE partition_key = '{DAY}'")
        given = [d[0] for d in con.execute((PRODUCT / sql).read_text(encoding="utf-8")).description or []]
    assert [c for c in given if c != "source_row_id"] == list(columns_of(contract, table))


def test_a_typical_stay_becomes_typed_and_plain() -> None:
    row = silver()
    assert row["weight_band"] is None  # "?" is missing
    assert row["max_glu_serum"] == "none"  # "None" is a value: not measured
    assert (row["a1c_result"], row["insulin"], row["gender"]) == (">8", "up", "female")
    assert (row["age_band"], row["age_band_order"]) == ("[70-80)", 7)
    assert (row["medication_changed"], row["on_diabetes_medication"]) == ("true", "true")
    assert row["delivered_on"] == DAY


def test_a_gender_that_nobody_knows_is_missing_and_admitted(contract: Mapping[str, Any]) -> None:
    assert silver(gender="Unknown/Invalid")["gender"] is None
    assert reasons(contract, gender="Unknown/Invalid") == ()


@pytest.mark.parametrize(
    ("code", "chapter"),
    [
        ("8", "infectious"),
        ("139", "infectious"),
        ("140", "neoplasm"),
        ("250.83", "endocrine_metabolic"),
        ("285", "blood"),
        ("319", "mental"),
        ("365.44", "nervous_sensory"),
        ("390", "circulatory"),
        ("459", "circulatory"),
        ("460", "respiratory"),
        ("579", "digestive"),
        ("580", "genitourinary"),
        ("648", "pregnancy"),
        ("682", "skin"),
        ("715", "musculoskeletal"),
        ("745", "congenital"),
        ("779", "perinatal"),
        ("799", "symptoms"),
        ("800", "injury_poisoning"),
        ("999", "injury_poisoning"),
        ("V57", "supplementary"),
        ("E909", "external_cause"),
        ("?", None),
    ],
)
def test_icd9_codes_fall_into_their_chapter(contract: Mapping[str, Any], code: str, chapter: str | None) -> None:
    assert silver(diag_1=code)["diag_1_chapter"] == chapter
    assert reasons(contract, diag_1=code) == ()


@pytest.mark.parametrize("code", ["0", "000", "1000", "25O.13", "250.123", "V5", "E88", "428.", "v57", "XYZ"])
def test_what_is_no_icd9_code_is_refused_by_name(contract: Mapping[str, Any], code: str) -> None:
    assert reasons(contract, diag_1=code) == ("diag_1_is_icd9",)


def test_a_row_keeps_all_its_reasons(contract: Mapping[str, Any]) -> None:
    found = reasons(contract, num_lab_procedures="n/a", time_in_hospital="99", insulin="?", change="Maybe", encounter_id="")
    assert set(found) == {
        "cast:num_lab_procedures",
        "cast:medication_changed",
        "time_in_hospital_in_range",
        "insulin_known",
        "encounter_id_present",
    }


def test_an_outcome_is_a_label_only_for_the_three_known_words() -> None:
    words = ["<30", ">30", "NO", "maybe", "?"]
    rows = run_model(
        "silver/outcomes.sql", {"raw_outcomes": (OUTCOME_COLUMNS, [[str(i), w, DAY] for i, w in enumerate(words)])}, DAY
    )
    assert [(r["readmitted"], r["readmitted_within_30d"]) for r in rows] == [
        ("<30", True),
        (">30", False),
        ("NO", False),
        ("maybe", None),
        (None, None),
    ]


def test_the_features_count_visits_and_medicines(contract: Mapping[str, Any]) -> None:
    stays, _, bad = settle(
        [silver(), silver(encounter_id="102", diag_1="250.8")], columns_of(contract, "encounters"), "silver_encounters"
    )
    assert bad == []
    columns = columns_of(contract, "encounters")
    rows = run_model(
        "gold/readmission_features.sql",
        {"encounters": (gold_types(contract, "encounters"), [[s[c] for c in columns] for s in stays])},
        DAY,
    )
    first, second = rows
    assert (first["source_row_id"], first["encounter_id"]) == ("r1", "101")
    assert (first["prior_year_visits"], first["diabetes_meds_taken"], first["diabetes_meds_changed"]) == (3, 2, 1)
    assert (first["insulin_changed"], first["diabetes_is_primary"], second["diabetes_is_primary"]) == (
        True,
        False,
        True,
    )
    assert len(MEDICINES) == 23


def rate(contract: Mapping[str, Any], outcomes: list[tuple[str, bool]], discharged: list[str]) -> list[dict[str, Any]]:
    day = datetime.date.fromisoformat(DAY)
    words = {True: "<30", False: "NO"}
    known = [[encounter, words[back], back, day] for encounter, back in outcomes]
    width = len(columns_of(contract, "readmission_features"))
    features = [[encounter, *[None] * (width - 1)] for encounter in discharged]
    return run_model(
        "gold/readmission_rate_30d.sql",
        {
            "readmission_outcomes": (gold_types(contract, "readmission_outcomes"), known),
            "readmission_features": (gold_types(contract, "readmission_features"), features),
        },
        DAY,
    )


def test_the_rate_counts_each_outcome_once_and_only_matched_ones(contract: Mapping[str, Any]) -> None:
    # "1" was delivered on two days of the window, "4" is in no day, "9" has no outcome yet
    found = rate(contract, [("1", True), ("2", False), ("3", False), ("4", True)], ["1", "1", "2", "3", "9"])
    assert found == [
        {
            "known_on": datetime.date(2025, 1, 2),
            "outcomes_known": 4,
            "outcomes_matched": 3,
            "outcomes_unmatched": 1,
            "readmitted_30d": 1,
            "readmission_rate": pytest.approx(1 / 3),
        }
    ]


def test_a_day_without_matches_or_without_outcomes_has_counts_and_no_rate(contract: Mapping[str, Any]) -> None:
    unmatched, empty = rate(contract, [("1", True)], [])[0], rate(contract, [], ["1"])[0]
    assert (unmatched["outcomes_known"], unmatched["outcomes_unmatched"], unmatched["readmission_rate"]) == (1, 1, None)
    assert (empty["outcomes_known"], empty["outcomes_matched"], empty["readmission_rate"]) == (0, 0, None)


def test_of_a_stay_that_was_scored_on_two_days_the_newest_score_stands_beside_what_came(contract: Mapping[str, Any]) -> None:
    with duckdb.connect() as con:
        for name in ("readmission_outcomes", "readmission_predictions", "readmission_features"):
            con.execute(f"CREATE TABLE {name} (row_id VARCHAR, partition_key VARCHAR, {', '.join(gold_types(contract, name))})")
        for day, race, score in (("2025-01-01", "Asian", 0.2), ("2025-01-02", "Other", 0.7)):
            con.execute(
                "INSERT INTO readmission_predictions (row_id, partition_key, encounter_id, score, prediction, model_version) "
                f"VALUES ('p', '{day}', '1', {score}, {score > 0.5}, 'readmission/1@{'a' * 12}')"
            )
            con.execute(
                f"INSERT INTO readmission_features (row_id, partition_key, encounter_id, race) VALUES ('f', '{day}', '1', '{race}')"
            )
        con.execute(  # of stay 2 nothing was scored
            "INSERT INTO readmission_outcomes (encounter_id, readmitted_within_30d) VALUES ('1', true), ('2', false)"
        )
        found = con.execute((PRODUCT / "gold/readmission_prediction_outcomes.sql").read_text(encoding="utf-8")).fetchall()
    assert [row[1:7] for row in found] == [("1", "Other", None, 0.7, True, f"readmission/1@{'a' * 12}")]
    assert found[0][7] is True


def test_the_model_may_not_see_who_somebody_is_and_a_person_decides_about_it() -> None:
    model = load_product(PRODUCT).model
    assert model is not None
    assert model.tier is Tier.MEDIUM
    assert not {feature.name for feature in model.features} & {"race", "gender", "age_band_order", "payer_code", "patient_nbr"}
    assert [each.column for each in model.words.protected] == ["race", "gender"]
    assert model.words.groups == ["patient_nbr"]
    assert {f.name for f in model.features if f.kind == "category"} >= {"admission_type_id", "discharge_disposition_id"}


@pytest.mark.slow
def test_no_row_of_the_real_half_is_refused_by_silver(contract: Mapping[str, Any], real_half: Path) -> None:
    delivered = ", ".join(f'"{c}"' for c in UCI_COLUMNS[:-1])
    with duckdb.connect() as con:
        con.execute(
            f"CREATE VIEW raw_encounters AS SELECT {delivered}, '{DAY}' AS discharged_on, '{DAY}' AS partition_key "
            f"FROM '{real_half}'"
        )
        con.execute(f"CREATE TABLE mapped AS {(PRODUCT / 'silver/encounters.sql').read_text(encoding='utf-8')}")
        for name, columns, holds in row_rules("silver_encounters"):
            if len(columns) == 1:
                logical = columns_of(contract, "encounters")[columns[0]]
                for (value,) in con.execute(f'SELECT DISTINCT "{columns[0]}" FROM mapped').fetchall():
                    typed = int(value) if logical == "integer" and value is not None else value
                    assert holds(typed), (name, value)
        for name, logical in columns_of(contract, "encounters").items():
            form = {"integer": "[0-9]+", "boolean": "true|false", "date": re.escape(DAY)}.get(logical, ".*")
            text = con.execute(f'SELECT DISTINCT CAST("{name}" AS VARCHAR) FROM mapped WHERE "{name}" IS NOT NULL').fetchall()
            assert all(re.fullmatch(form, value, re.DOTALL) for (value,) in text), name
        chapters = con.execute("SELECT count(*) FROM mapped WHERE diag_1 IS NOT NULL AND diag_1_chapter IS NULL").fetchone()
        assert chapters == (0,)
