"""What a document says is what its author wrote: numbers as numbers, JSON as JSON, every mistake on its line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from readiness_pipelines import located
from readiness_pipelines.errors import DeclarationError


def read(tmp_path: Path, text: str) -> located.Document:
    path = tmp_path / "d.yaml"
    path.write_text(text, encoding="utf-8")
    return located.read(path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e6", 1e6),
        ("1e+16", 1e16),
        ("1E-07", 1e-7),
        ("-.5e3", -500.0),
        ("1.e3", 1e3),
        ("1.0e+16", 1e16),
        ("'1e6'", "1e6"),
        ("1e", "1e"),
        ("1e6x", "1e6x"),
        ("e6", "e6"),
        ("0x1e6", 0x1E6),
        ("12", 12),
    ],
)
def test_a_number_with_an_exponent_is_a_number(tmp_path: Path, text: str, value: Any) -> None:
    found = read(tmp_path, f"- {text}\n").data[0]
    assert (found, type(found)) == (value, type(value))


def test_what_is_dumped_is_read_as_the_same(tmp_path: Path) -> None:
    values = ["1e6", "-1E-7", 1e16, 1e-7, 1e22, "1", 1, math.inf]
    assert read(tmp_path, yaml.dump(values, None, located.Dumper)).data == values


@pytest.mark.parametrize("how", [{}, {"indent": 2}, {"indent": "\t"}, {"ensure_ascii": False}])
def test_json_means_what_json_means(tmp_path: Path, how: dict[str, Any]) -> None:
    data = {"a": [1e16, 1e-7, 10**20, -0.5, True, None, "1e16"], "\U0001f389": ["\U0001f389", "a\x85b", "\u2028\t", "/"], "e": {}}
    found = read(tmp_path, json.dumps(data, **how))
    assert found.data == data
    assert read(tmp_path, "\n " + json.dumps({"a": [1, {"b": 2}]}, indent="\t")).line(["a", 1, "b"]) == 6


def test_a_key_that_json_has_twice_is_told_on_its_line(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match=r"d.yaml:3: a.b: found the key 'b' twice \(first in line 2\)"):
        read(tmp_path, '{"a":\n\t{"b": 1,\n\t "b": 2}}')


@pytest.mark.parametrize("text", ['{"a": "\\ud83c"}', '{"a": 1,}', "{a: 1e3}", '{"a": 1} # a comment'])
def test_what_looks_like_json_and_is_none_is_still_yaml(tmp_path: Path, text: str) -> None:
    try:
        assert list(read(tmp_path, text).data) == ["a"]
    except DeclarationError as error:
        assert "d.yaml:1: document: YAML syntax: found" in str(error)  # half a pair of surrogates is no text
