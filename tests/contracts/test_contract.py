"""A contract becomes values, or every one of its mistakes is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from readiness_pipelines.contracts import load_contract, read_contract
from readiness_pipelines.errors import DeclarationError

_HEAD = """\
apiVersion: v3.1.0
kind: DataContract
id: shop
version: 1.2.0
status: active
team:
  members:
    - {username: shop@example.com, role: Owner}
    - {username: steward@example.com, role: data steward}
slaProperties:
  - {property: frequency, value: daily}
schema:
"""
_TABLES = """\
  - name: prices
    description: One row per article.
    properties:
      - {name: article, logicalType: string, classification: public, primaryKey: true, primaryKeyPosition: 2}
      - {name: shop, logicalType: integer, classification: PII, required: true, primaryKey: true, primaryKeyPosition: 1}
      - {name: price, logicalType: number, physicalType: "decimal(8, 2)", classification: confidential}
      - {name: seen, logicalType: timestamp, classification: PHI}
  - name: ratings
    properties:
      - {name: rating, logicalType: number, physicalType: float8, classification: public}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_contract_becomes_values(tmp_path: Path) -> None:
    contract = load_contract(written(tmp_path, _HEAD + _TABLES))
    prices = contract.tables["prices"]
    assert (contract.name, contract.version) == ("shop", "1.2.0")
    assert (contract.owner, contract.steward) == ("shop@example.com", "steward@example.com")
    assert [c.type for c in prices.columns] == ["VARCHAR", "BIGINT", "DECIMAL(8,2)", "TIMESTAMPTZ"]
    assert prices.key == ("shop", "article")
    assert [c.name for c in prices.columns if c.is_sensitive] == ["shop", "seen"]
    assert contract.tables["ratings"].column("rating").type == "DOUBLE"


def test_prose_does_not_change_the_fingerprint_and_types_do(tmp_path: Path) -> None:
    def fingerprint(text: str) -> str:
        return load_contract(written(tmp_path, _HEAD + text)).tables["prices"].fingerprint

    before = fingerprint(_TABLES)
    assert fingerprint(_TABLES.replace("One row per article.", "Prices.")) == before
    assert fingerprint(_TABLES.replace("decimal(8, 2)", "decimal(9, 2)")) != before


def test_every_mistake_is_told_at_once_in_the_order_of_standard_then_ours(tmp_path: Path) -> None:
    text = (_HEAD + _TABLES).replace("status: active", "statsu: active").replace("classification: PHI", "classification: phi")
    text = text.replace("decimal(8, 2)", "decimal(80, 2)").replace("role: data steward", "role: cook")
    path = written(tmp_path, text)
    with pytest.raises(DeclarationError) as error:
        load_contract(path)
    assert error.value.problems == [
        f"{path}:5: statsu: found the unknown key 'statsu', expected 'status'?",
        f"{path}:7: team.members: found no member with role 'data steward', expected one (found 'cook')",
        f"{path}:18: schema[0].properties[2].physicalType: found 'decimal(80, 2)', expected decimal(p,s) with p up to 38 and s up to p",
        f"{path}:19: schema[0].properties[3].classification: found 'phi', expected one of public, confidential, PII, PHI",
    ]


def test_a_sound_table_is_read_although_another_is_not(tmp_path: Path) -> None:
    reading = read_contract(written(tmp_path, _HEAD + _TABLES.replace("logicalType: timestamp", "logicalType: array")))
    assert reading.contract is None
    assert list(reading.tables) == ["ratings"]
    assert list(reading.names) == ["prices", "ratings"]


@pytest.mark.parametrize(
    "text", ["", "[]", "x", "a: [1", "schema: 3\nteam: 4\nslaProperties: 5\n", "schema: [3]\nteam: {members: [3]}\n", "1: 2\n"]
)
def test_whatever_stands_there_it_is_told_and_never_a_traceback(text: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(DeclarationError) as error:
        load_contract(path)
    assert all(problem.startswith(f"{path}:") for problem in error.value.problems)
