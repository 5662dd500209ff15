"""YAML whose every value knows its line, so that a mistake can be told as `path:line: where: found, expected`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from readiness_pipelines import located_json
from readiness_pipelines.errors import DeclarationError

Where = Sequence[str | int]

_SHOWN = 60  # characters of a found value: enough to recognise it
_LISTED = 8  # expected words: more are no help
_MAX_VALUES = 1_000_000  # aliases can make a few lines stand for billions of values


FastestLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml, where PyYAML was built with it


class _Loader(FastestLoader):  # type: ignore[misc]
    """An impossible date stays text: it is told where a date is expected, not by a traceback of the parser.

    A number with an exponent is a number, as in YAML 1.2 and in JSON: PyYAML's 1.1 takes `1e6` for text.
    """


class Dumper(yaml.SafeDumper):
    """Writes what this module reads as the same value: a text that looks like a number is quoted."""


def _date_or_text(loader: Any, node: Any) -> Any:
    try:
        return loader.construct_yaml_timestamp(node)
    except ValueError:
        return node.value


_Loader.add_constructor("tag:yaml.org,2002:timestamp", _date_or_text)
_WITH_EXPONENT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$")
for _words in (_Loader, Dumper):
    _words.add_implicit_resolver("tag:yaml.org,2002:float", _WITH_EXPONENT, list("-+.0123456789"))


@dataclass(frozen=True)
class Document:
    """A parsed YAML file: its plain `data`, and the line of every key and item."""

    path: Path
    data: Any
    root: yaml.Node | None

    def line(self, where: Where) -> int:
        """Return the 1-based line of the value at `where` (keys and indexes), or of its nearest ancestor that exists."""
        node, line = self.root, 1
        for step in where:
            found = _child(node, step)
            if found is None:
                break
            line, node = found
        return line

    def problem(self, where: Where, message: str) -> str:
        """Return one `path:line: where: message` line."""
        return f"{self.path}:{self.line(where)}: {dotted(where)}: {one_line(message)}"


def dotted(where: Where) -> str:
    """Return `gold[1].inputs.encounters` for ("gold", 1, "inputs", "encounters")."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in where)
    return one_line(text.lstrip(".")) or "document"


def one_line(message: str) -> str:
    """Return the message without line breaks: whoever reads problems line by line must be able to."""
    return " ".join(message.split())


def shown(value: Any) -> str:
    """Return a found value as a reader of the file knows it: bounded, and never the inside of a mapping or list."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(str(value)) if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."


def unknown(found: Any, known: Iterable[str]) -> str:
    """Return `found 'x', expected 'y'?` where one of `known` is near, else the first few that would do."""
    names = list(known)
    near = difflib.get_close_matches(str(found), names, n=1)
    if near:
        return f"found {shown(found)}, expected {near[0]!r}?"
    if not names:
        return f"found {shown(found)}, expected nothing here"
    some = ", ".join(names[:_LISTED]) + (" ..." if len(names) > _LISTED else "")
    return f"found {shown(found)}, expected {'one of ' if len(names) > 1 else ''}{some}"


def _child(node: yaml.Node | None, step: str | int) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in reversed(node.value):  # a key written here stands after those merged in with <<
            if key.value == str(step):
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item.start_mark.line + 1, item
    return None


def read(path: Path) -> Document:
    """Read one YAML (or JSON) document. Raises DeclarationError naming file and line when it is missing, no YAML, or
    writes a key twice in one mapping (YAML would silently take the last one)."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DeclarationError([f"{path}:1: document: found no such file, expected a readable YAML file"]) from None
    except UnicodeDecodeError as error:
        raise DeclarationError(
            [f"{path}:{_line_of_byte(path, error.start)}: document: found no UTF-8 text, expected it"]
        ) from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise DeclarationError([f"{path}:1: document: found a file that cannot be read ({reason}), expected YAML"]) from error
    try:
        return _parse(path, text)
    except RecursionError as error:
        raise DeclarationError([f"{path}:1: document: found values nested too deep, expected a declaration"]) from error
    except yaml.YAMLError as error:
        raise DeclarationError([_syntax_problem(path, text, error)]) from error


def _parse(path: Path, text: str) -> Document:
    found = located_json.loaded(text)
    if found is not None:
        data, root = found
        _check_structure(path, root)
        return Document(path, data, root)
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        _check_structure(path, root)
        data = loader.construct_document(root) if root is not None else None
    finally:
        loader.dispose()
    return Document(path, data, root)


def _check_structure(path: Path, root: yaml.Node | None) -> None:
    problems = [f"{path}:{line}: {message}" for line, message in _structure_problems(root)]
    if problems:
        raise DeclarationError(problems)


def _structure_problems(root: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Yield keys that are written twice, and aliases that make the document endless or huge."""
    sizes: dict[int, int] = {}
    repeated: list[tuple[int, str]] = []

    def size(node: yaml.Node, where: tuple[str | int, ...]) -> int:
        if id(node) in sizes:
            return sizes[id(node)]
        sizes[id(node)] = _MAX_VALUES  # met again before it is finished: it contains itself
        total = 1
        if isinstance(node, yaml.MappingNode):
            first: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                    if key.value in first:
                        there = dotted([*where, key.value])
                        repeated.append(
                            (
                                line,
                                f"{there}: found the key {key.value!r} twice (first in line {first[key.value]}), expected it once",
                            )
                        )
                    first.setdefault(key.value, line)
                total += size(value, (*where, str(key.value)))
        elif isinstance(node, yaml.SequenceNode):
            total += sum(size(item, (*where, i)) for i, item in enumerate(node.value))
        sizes[id(node)] = total
        return total

    if root is not None and size(root, ()) >= _MAX_VALUES:
        yield root.start_mark.line + 1, "document: found aliases that repeat themselves without end, expected plain values"
    yield from repeated


def _syntax_problem(path: Path, text: str, error: yaml.YAMLError) -> str:
    """Say it in the words of the parser that is written in Python, which names what it met."""
    try:
        yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as plain:
        error = plain
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, int(error.position)) + 1
        return f"{path}:{line}: document: YAML syntax: found a character that no text holds, expected printable text"
    mark, context = getattr(error, "problem_mark", None), getattr(error, "context", None) or ""
    # What was opened and not closed is wrong where it was opened; the parser notices it lines later.
    if "flow" in context or "quoted scalar" in context:
        mark = getattr(error, "context_mark", None) or mark
    problem = getattr(error, "problem", None) or "no YAML"
    if "another document" in problem:
        line = mark.line + 1 if mark else 1
        return f"{path}:{line}: document: found a second document, expected one per file: give each product a file of its own"
    found = problem if problem.startswith(("found", "could not")) or ", but" in problem else f"found {problem}"
    return f"{path}:{mark.line + 1 if mark else 1}: document: YAML syntax: {one_line(f'{found} {context}')}{_EXPECTED}"


_EXPECTED = "; expected one well-formed YAML document"


def _line_of_byte(path: Path, start: int) -> int:
    return path.read_bytes()[:start].count(b"\n") + 1
