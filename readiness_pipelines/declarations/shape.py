"""Is a `defs.yaml` shaped as declared? Pydantic finds what is wrong; here it becomes one line per mistake.

What is shaped well is kept even where its neighbour is not, so that the rest of the product is still checked.
"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pydantic
from pydantic_core import ErrorDetails

from readiness_pipelines import located
from readiness_pipelines.declarations import words
from readiness_pipelines.declarations.drift import REFERENCE_RANGE, REFERENCE_WORD
from readiness_pipelines.located import Document, Where, shown, unknown

Layer = Literal["bronze", "silver", "gold"]
LAYERS: Mapping[Layer, type[words.BronzeTable] | type[words.SilverTable] | type[words.GoldTable]] = {
    "bronze": words.BronzeTable,
    "silver": words.SilverTable,
    "gold": words.GoldTable,
}
TableWords = words.BronzeTable | words.SilverTable | words.GoldTable
_EXPECTED = {
    "string_type": "text",
    "string_pattern_mismatch": "a name of lower case letters, digits and _, letter first",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "no_class": "text, a whole number, or true or false",
    "no_day": "a day as in 2025-01-31",
    "string_too_long": "one character",
    "string_too_short": "one character",
    "too_short": "at least one",
    "invalid_key": "a key that is text",
}
_LIMITS = {
    "greater_than_equal": ("ge", "{} or more"),
    "greater_than": ("gt", "more than {}"),
    "less_than_equal": ("le", "{} or less"),
    "less_than": ("lt", "less than {}"),
}


@dataclass(frozen=True)
class Entry:
    """One item of bronze, silver or gold: `words` is None where it is not shaped as a table."""

    layer: Layer
    where: tuple[str | int, ...]
    name: str | None
    words: TableWords | None


@dataclass(frozen=True)
class Shape:
    """What could be understood of a defs.yaml. `declaration` is None where anything in it is not as declared."""

    document: Document
    declaration: words.ProductDeclaration | None
    entries: tuple[Entry, ...]
    problems: tuple[str, ...]

    @property
    def names_every_table(self) -> bool:
        """Whether each layer is a list of named tables, so that a table that is not among them is nowhere."""
        attributes = self.document.data.get("attributes") if isinstance(self.document.data, dict) else None
        if not isinstance(attributes, dict) or "bronze" not in attributes:
            return False
        lists = all(isinstance(attributes.get(layer, []), list) for layer in LAYERS)
        return lists and all(entry.name is not None for entry in self.entries)

    def attribute(self, name: str) -> Any:
        """Return an attribute as written, or None."""
        data = self.document.data
        attributes = data.get("attributes") if isinstance(data, dict) else None
        return attributes.get(name) if isinstance(attributes, dict) else None

    def shaped(self, name: str, model: type[pydantic.BaseModel]) -> Any:
        """Return an attribute as its model, or None where it is not shaped as one."""
        try:
            return model.model_validate(self.attribute(name))
        except pydantic.ValidationError:
            return None


def read_shape(path: Path, *, any_type: bool = False) -> Shape:
    """Return what `path` declares. `any_type`: somebody else (Dagster) has made sense of `type` already.

    Raises DeclarationError only where there is no YAML to look at; everything else is among the problems.
    """
    document = located.read(path)
    data = document.data
    if not isinstance(data, dict):
        message = f"found {'an empty file' if data is None else shown(data)}, expected a mapping with type and attributes"
        return Shape(document, None, (), (document.problem([], message),))
    if any_type and isinstance(data.get("type"), str):
        data = {**data, "type": words.TYPE}
    try:
        declaration, problems = words.ComponentFile.model_validate(data).attributes, []
    except pydantic.ValidationError as error:
        declaration, problems = None, list(_problems(document, data, error.errors()))
    return Shape(document, declaration, tuple(_entries(document.data)), tuple(problems))


def _entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    attributes = data.get("attributes")
    for layer, model in LAYERS.items():
        items = _items(attributes, layer) if isinstance(attributes, dict) else None
        for i, raw in enumerate(items if isinstance(items, list) else []):
            try:
                entry: TableWords | None = model.model_validate(raw)
            except pydantic.ValidationError:
                entry = None
            name = raw.get("name") if isinstance(raw, dict) else None
            yield Entry(layer, ("attributes", layer, i), name if isinstance(name, str) else None, entry)


def _items(attributes: Mapping[str, Any], layer: Layer) -> Any:
    """Return the layer's items, also where its key is misspelt: that is told once, and is no reason to miss its tables."""
    near = difflib.get_close_matches(layer, [str(k) for k in attributes if k not in LAYERS], n=1)
    return attributes.get(layer, attributes.get(near[0]) if near else None)


def _problems(document: Document, data: Any, errors: Sequence[ErrorDetails]) -> Iterator[str]:
    """Yield one problem per mistake: a missing key and an unknown one beside it are one misspelt key."""
    missing: dict[tuple[str | int, ...], list[str]] = defaultdict(list)
    extra: dict[tuple[str | int, ...], list[str]] = defaultdict(list)
    rest: list[tuple[tuple[str | int, ...], ErrorDetails]] = []
    for error in errors:
        where = tuple(s for s in error["loc"] if s not in (words.WORD, words.LAST, REFERENCE_WORD, REFERENCE_RANGE, "[key]"))
        if error["type"] == "missing":
            missing[where[:-1]].append(str(where[-1]))
        elif error["type"] == "extra_forbidden":
            extra[where[:-1]].append(str(where[-1]))
        else:
            rest.append((where, error))
    for parent in dict.fromkeys([*extra, *missing]):
        yield from _key_problems(document, data, parent, extra[parent], missing[parent])
    for where, error in rest:
        yield document.problem(where, _message(error))


def _key_problems(
    document: Document, data: Any, parent: tuple[str | int, ...], extra: Sequence[str], missing: Sequence[str]
) -> Iterator[str]:
    wanted = list(missing)
    for key in extra:
        near = difflib.get_close_matches(key, wanted, n=1) or (wanted[:1] if len(extra) == 1 else [])
        if near:
            wanted.remove(near[0])
            yield document.problem([*parent, key], f"found the unknown key {key!r}, expected {near[0]!r}?")
        else:
            free = [k for k in _keys_at(parent) if k not in _at(data, parent)]
            yield document.problem([*parent, key], unknown(key, free).replace("found", "found the unknown key", 1))
    for key in wanted:
        yield document.problem(parent, f"found no key {key!r}, expected it")


def _message(error: ErrorDetails) -> str:
    found, kind, context = error["input"], error["type"], error.get("ctx") or {}
    if kind in ("literal_error", "enum"):
        return unknown(found, str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", "))
    if kind in _LIMITS:
        word, form = _LIMITS[kind]
        return f"found {shown(found)}, expected {form.format(f'{context[word]:g}')}"
    if kind == "too_short":
        return "found none, expected at least one"
    return f"found {shown(found)}, expected {_EXPECTED.get(kind, error['msg'])}"


def _at(data: Any, where: Where) -> Any:
    for step in where:
        data = data[step]
    return data


def _keys_at(where: Where) -> list[str]:
    """Return the keys that may stand in the mapping at `where`."""
    kind: Any = words.ComponentFile
    for step in where:
        if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel):
            named = {f.alias or n: f for n, f in kind.model_fields.items()}
            kind = _plain(named[str(step)].annotation) if str(step) in named else None
        else:
            kind = _plain(get_args(kind)[-1])
    fields = kind.model_fields.items() if isinstance(kind, type) and issubclass(kind, pydantic.BaseModel) else ()
    return [field.alias or name for name, field in fields]


def _plain(kind: Any) -> Any:
    """Return the one model or container behind Annotated, Optional and the two forms of `read`."""
    while get_origin(kind) is not None and get_origin(kind) not in (list, dict):
        members = [m for m in get_args(kind) if m is not NoneType and get_origin(m) is not Literal]
        is_union = get_origin(kind) in (Union, UnionType)
        models = [m for m in members if isinstance(_inner(m), type) and issubclass(_inner(m), pydantic.BaseModel)]
        kind = _inner(models[0]) if is_union and models else members[0]
    return kind


def _inner(kind: Any) -> Any:
    return get_args(kind)[0] if hasattr(kind, "__metadata__") else kind
