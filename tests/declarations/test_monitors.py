"""What a monitor watches where little is said, and what its measurements depend on."""

from __future__ import annotations

import json
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from readiness_pipelines.declarations import Monitor, load_product
from readiness_pipelines.declarations.drift import USUAL_THRESHOLDS
from readiness_pipelines.flow import Severity, Test
from readiness_pipelines.product.component import Attributes
from tests.declarations.mutations import build
from tests.shop import build_shop

_USUAL = {"table": "orders", "window": {"days": 7}, "reference": {"from": "2025-01-01", "to": "2025-01-07"}}


def monitors(root: Path, *said: dict[str, Any]) -> tuple[Monitor, ...]:
    """Return the monitors of a shop whose orders have a score, a decision, a truth and a region besides the usual columns."""
    shop = build_shop(root)
    contract, sql = shop.folder / "contract.yaml", shop.folder / "silver" / "orders.sql"
    amount = "      - {name: amount, logicalType: integer, classification: confidential}\n"
    more = (("risk", "number"), ("refused", "boolean"), ("returned", "boolean"), ("region", "string"), ("noted_at", "timestamp"))
    columns = "".join(f"      - {{name: {n}, logicalType: {t}, classification: public}}\n" for n, t in more)
    head, _, tail = contract.read_text().partition("  - name: paid_orders")
    contract.write_text(head.replace(amount, amount + columns) + "  - name: paid_orders" + tail)
    given = "amount AS risk, 'true' AS refused, 'true' AS returned, customer AS region, ordered_on AS noted_at"
    sql.write_text(sql.read_text().replace("amount,", f"amount, {given},"))
    defs = shop.folder / "defs.yaml"
    defs.write_text(defs.read_text() + textwrap.indent(yaml.safe_dump({"drift": list(said)}), "  "))
    return load_product(shop.folder).monitors


def watched(monitor: Monitor) -> dict[str, tuple[str, str, bool]]:
    return {column.name: (column.kind, column.role.value, column.is_public) for column in monitor.columns}


@pytest.fixture
def fresh(tmp_path: Path) -> Any:
    """Return the monitor that these words declare, in a folder of its own."""
    made: list[Path] = []

    def one(**said: Any) -> Monitor:
        made.append(tmp_path / str(len(made)))
        (monitor,) = monitors(made[-1], {**_USUAL, **said})
        return monitor

    return one


def test_by_default_every_column_but_keys_days_times_and_personal_ones_is_a_feature(fresh: Any) -> None:
    assert watched(fresh()) == {
        "amount": ("number", "data", False),
        "risk": ("number", "data", True),
        "refused": ("category", "data", True),
        "returned": ("category", "data", True),
        "region": ("category", "data", True),
    }


def test_what_has_a_role_is_no_feature_by_default(fresh: Any) -> None:
    assert watched(fresh(score="risk", prediction="refused", label="returned")) == {
        "amount": ("number", "data", False),
        "region": ("category", "data", True),
        "risk": ("number", "prediction", True),
        "refused": ("category", "prediction", True),
        "returned": ("category", "label", True),
    }


def test_a_class_written_as_a_number_is_a_category(fresh: Any) -> None:
    assert watched(fresh(features=["region"], label="amount"))["amount"] == ("category", "label", False)
    assert watched(fresh(features=["region"], prediction="amount"))["amount"] == ("category", "prediction", False)
    assert watched(fresh(features=["amount"], columns={"amount": {"as": "category"}})) == {"amount": ("category", "data", False)}


def test_a_personal_column_is_watched_where_it_is_named_and_its_values_are_never_told(fresh: Any) -> None:
    assert watched(fresh(features=["customer"])) == {"customer": ("category", "data", False)}


def test_the_key_of_a_gold_table_is_the_declared_one(tmp_path: Path) -> None:
    (monitor,) = monitors(tmp_path, {**_USUAL, "table": "daily_revenue"})
    assert [column.name for column in monitor.columns] == ["orders", "revenue"]


def test_monitors_are_known_by_name_and_by_default_by_their_table(tmp_path: Path) -> None:
    found = monitors(tmp_path, _USUAL, {**_USUAL, "name": "by_the_week"}, {**_USUAL, "table": "paid_orders"})
    assert [monitor.name for monitor in found] == ["orders", "by_the_week", "paid_orders"]


@pytest.mark.parametrize(
    "changed",
    [
        {"window": {"days": 5}},
        {"window": {"days": 7, "step": 7}},
        {"reference": {"from": "2025-01-02", "to": "2025-01-08"}},
        {"reference": "previous_window"},
        {"features": ["amount"]},
        {"columns": {"amount": {"as": "category"}}},
        {"label": "returned"},
        {"score": "risk"},
        {"score": "risk", "label": "returned", "positive": False},
        {"score": "risk", "label": "returned", "groups": ["region"]},
        {"name": "another"},
    ],
    ids=str,
)
def test_what_the_numbers_depend_on_changes_what_is_measured(changed: dict[str, Any], fresh: Any) -> None:
    with_roles = {"score": "risk", "label": "returned"} if {"positive", "groups"} & set(changed) else {}
    assert fresh(**changed).measuring != fresh(**with_roles).measuring


@pytest.mark.parametrize(
    "changed",
    [
        {"thresholds": {"ks": {"low": 0.01}}},
        {"thresholds": {"psi": {"critical": 1.5}}},  # the one effect that is no share
        {"columns": {"amount": {"weight": 3, "thresholds": {"psi": {"low": 0.01}}}}},
        {"persistence": {"high": {"windows": 2, "of": 3}}},
        {"false_alarm_rate": 0.01},
        {"min_rows": 500},
    ],
    ids=str,
)
def test_what_only_the_judgement_depends_on_does_not(changed: dict[str, Any], fresh: Any) -> None:
    assert fresh(**changed).measuring == fresh().measuring


def test_one_is_true_for_a_label_of_true_and_false(fresh: Any) -> None:
    assert fresh(score="risk", label="returned").words.positive == 1
    assert fresh(score="risk", label="returned", positive=True).words.positive is True


def test_usual_thresholds_rise_and_every_test_has_them() -> None:
    assert set(USUAL_THRESHOLDS) == set(Test)
    for thresholds in USUAL_THRESHOLDS.values():
        said = [v for s in Severity.alarms() if (v := getattr(thresholds, s.value)) is not None]
        assert said == sorted(set(said))


def test_the_schema_for_editors_takes_every_word_and_no_other(tmp_path: Path) -> None:
    folder, _ = build(tmp_path, "shop")
    schema = Attributes.model_json_schema()
    said = {
        **_USUAL,
        "name": "money",
        "window": {"days": 7, "step": 1},
        "features": ["amount"],
        "score": "amount",
        "prediction": "amount",
        "label": "customer",
        "positive": "a",
        "groups": ["customer"],
        "min_rows": 100,
        "false_alarm_rate": 0.01,
        "thresholds": {"ks": {"low": 0.01}},
        "columns": {"amount": {"as": "number", "weight": 2, "thresholds": {"psi": {"critical": 0.5}}}},
        "persistence": {"high": {"windows": 2, "of": 3}},
    }
    attributes = yaml.safe_load((folder / "defs.yaml").read_text())["attributes"] | {"drift": [said]}
    plain = json.loads(json.dumps(attributes, default=str))  # a day is text to an editor
    validator = jsonschema.Draft202012Validator(schema)
    assert [e.message for e in validator.iter_errors(plain)] == []
    for wrong in ({"window": {"dys": 7}}, {"reference": "previous"}, {"thresholds": {"kss": {}}}, {"persistence": {"high": {}}}):
        plain["drift"] = [{**said, **wrong}]
        assert list(validator.iter_errors(plain)), wrong


def test_what_may_be_told_of_a_column_changes_what_is_measured(fresh: Any) -> None:
    monitor = fresh()
    hidden = tuple(replace(column, is_public=not column.is_public) for column in monitor.columns)
    assert replace(monitor, columns=hidden).measuring != monitor.measuring
