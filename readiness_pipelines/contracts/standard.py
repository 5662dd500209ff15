"""A contract against the JSON Schema of the standard: one short line per mistake, at the key that is wrong.

The schema says one mistake in several ways (additional and unevaluated properties, every branch of an anyOf); what is
told here is the deepest of them, once.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from readiness_pipelines.located import Document, shown, unknown

if TYPE_CHECKING:
    from jsonschema import Draft201909Validator, ValidationError

_UNKNOWN_KEYS = ("additionalProperties", "unevaluatedProperties")
_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}

Found = tuple[tuple[str | int, ...], str]


def against_the_standard(document: Document) -> Iterator[Found]:
    """Yield (where, message) for each way in which the document is no ODCS contract."""
    yield from _problems(json.dumps(document.data, default=str))  # YAML data as JSON data: dates become ISO text


@lru_cache(maxsize=32)
def _problems(text: str) -> tuple[Found, ...]:
    """Judge a contract, as JSON text: most of what it takes to load a product, so the same text is judged once."""
    return tuple(_judged(json.loads(text)))


def _judged(contract: Any) -> Iterator[Found]:
    validator = _standard()
    told: set[tuple[str | int, ...]] = set()
    missing: list[tuple[tuple[str | int, ...], str]] = []
    extra: list[tuple[tuple[str | int, ...], str]] = []
    for error in map(_meant, validator.iter_errors(contract)):
        where = tuple(error.absolute_path)
        if error.validator == "required":
            missing += [(where, k) for k in _quoted(error.message)[:1] if (where, k) not in missing]
        elif error.validator in _UNKNOWN_KEYS:
            extra += [(where, k) for k in _quoted(error.message) if k in _instance(error) and (where, k) not in extra]
        elif where not in told:
            told.add(where)
            yield where, _message(error)
    # A mapping with a wrong value counts none of its keys as evaluated, so the good ones are called unknown beside it.
    known = set(_property_names(validator.schema)) if extra else set()
    extra = [(where, k) for where, k in extra if k not in known or not any(t[: len(where)] == where for t in told)]
    yield from _keys(extra, missing, told)


@cache
def _standard() -> Draft201909Validator:
    """Return what judges by the standard's JSON Schema: made once, and it keeps the references it has followed."""
    import jsonschema

    schema = json.loads(resources.files("open_data_contract_standard").joinpath("schema.json").read_text("utf-8"))
    return jsonschema.Draft201909Validator(schema)


def _property_names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"]
        for value in schema.values():
            yield from _property_names(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _property_names(value)


def _keys(
    extra: list[tuple[tuple[str | int, ...], str]],
    missing: list[tuple[tuple[str | int, ...], str]],
    told: set[tuple[str | int, ...]],
) -> Iterator[Found]:
    """Yield unknown and missing keys: a missing key and an unknown one beside it are one misspelt key."""
    for where, key in extra:
        if any(at[: len(where) + 1] == (*where, key) for at in told):
            continue
        wanted = [k for at, k in missing if at == where]
        near = difflib.get_close_matches(key, wanted, n=1) or (wanted if len(wanted) == 1 else [])
        if near:
            missing.remove((where, near[0]))
            yield (*where, key), f"found the unknown key {key!r}, expected {near[0]!r}?"
        else:
            yield (*where, key), unknown(key, _WORDS).replace("found", "found the unknown key", 1)
    for where, key in missing:
        if where in told:
            continue
        yield where, f"found no key {key!r}, expected it"


# Keys that contracts use and misspell; for another unknown key the standard itself is the list.
_WORDS = (
    *("apiVersion", "kind", "id", "name", "version", "status", "domain", "tenant", "tags", "description", "team", "roles"),
    *("schema", "servers", "support", "price", "slaProperties", "customProperties", "authoritativeDefinitions"),
    *("properties", "logicalType", "physicalType", "physicalName", "businessName", "classification", "required", "unique"),
    *("primaryKey", "primaryKeyPosition", "examples", "quality", "logicalTypeOptions", "dataGranularityDescription"),
    *("members", "username", "role", "property", "value", "unit", "driver", "purpose", "usage", "limitations"),
)


def _meant(error: ValidationError) -> ValidationError:
    """Return the error inside an anyOf or oneOf that was meant: of the branch that came furthest into the value."""
    while error.context:
        branches = [e for e in error.context if e.validator not in ("type", "enum", "const")] or list(error.context)
        deepest = max(branches, key=lambda e: len(e.absolute_path))
        if deepest.validator in ("type", "required") and len(deepest.absolute_path) == len(error.absolute_path):
            return error
        error = deepest
    return error


def _message(error: ValidationError) -> str:
    found = shown(error.instance)
    limit: Any = error.validator_value
    match error.validator:
        case "type":
            kinds = [limit] if isinstance(limit, str) else [str(kind) for kind in _many(limit)]
            return f"found {found}, expected {' or '.join(_KINDS.get(k, k) for k in kinds)}"
        case "enum":
            return unknown(error.instance, [str(word) for word in _many(limit)])
        case "anyOf" | "oneOf":
            kinds = list(dict.fromkeys(str(b.validator_value) for b in error.context or [] if b.validator == "type"))
            keys = [k for b in error.context or [] if b.validator == "required" for k in _quoted(b.message)[:1]]
            if keys and isinstance(error.instance, dict):
                return f"found none of its alternatives, expected one of the keys {', '.join(keys[:8])}"
            return f"found {found}, expected {' or '.join(_KINDS.get(k, k) for k in kinds) or 'another form'}"
        case "pattern" | "format":
            return f"found {found}, expected text of the form {str(limit)[:80]}"
    return f"found {found}, expected what the standard says: {error.message[:120]}"


def _instance(error: ValidationError) -> Any:
    return error.instance


def _many(limit: Any) -> list[Any]:
    return list(limit)


def _quoted(message: str) -> list[str]:
    return re.findall(r"'([^']+)'", message)
