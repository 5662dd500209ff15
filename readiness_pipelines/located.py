"""YAML whose every value knows its line, so that a mistake can be told as `path:line: where: found, expected`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from readiness_pipelines.errors import DeclarationError


@dataclass(frozen=True)
class Document:
    """A parsed YAML file: its plain `data`, and the line of every key and item."""

    path: Path
    data: Any
    root: yaml.Node | None

    def line(self, where: Sequence[str | int]) -> int:
        """Return the 1-based line of the value at `where` (keys and indexes), or of its nearest ancestor that exists."""
        node, line = self.root, 1
        for step in where:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line

    def problem(self, where: Sequence[str | int], message: str) -> str:
        """Return one `path:line: where: message` line."""
        return f"{self.path}:{self.line(where)}: {dotted(where)}: {message}"


def dotted(where: Sequence[str | int]) -> str:
    """Return `gold[1].inputs.encounters` for ("gold", 1, "inputs", "encounters")."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where)
    return text.lstrip(".") or "document"


def _child(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line + 1, item
    return None


def read(path: Path) -> Document:
    """Read one YAML (or JSON) document. Raises DeclarationError naming file and line when it is missing or no YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DeclarationError([f"{path}:1: document: found no such file, expected a readable YAML file"]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError([f"{path}:1: document: cannot be read as UTF-8 text ({type(error).__name__})"]) from error
    try:
        return Document(path, yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise DeclarationError([f"{path}:{line}: document: YAML syntax: {problem}"]) from error
