"""How a table rule is judged: SQL to read, and what its values come to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

WHOLE = "_judged_whole"  # temp view: what a table rule judges


@dataclass(frozen=True)
class Finding:
    """What a table rule found: passed or not, and Great Expectations' result. `note` says in words what broke."""

    passed: bool
    result: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Observed:
    """One number or time of a table, None where nothing was there, and how far it may lie from itself added up otherwise."""

    value: Any
    rounding: float = 0.0


@dataclass(frozen=True)
class TablePlan:
    """SQL to read (`aggregates` share one scan; `queries` read WHOLE and give one row each), and how to judge it.

    `then` gives queries that are known only when the aggregates were read. `observe` is there where one value, made of the
    aggregates alone, is compared with bounds.
    """

    judge: Callable[[Sequence[Any]], Finding]
    aggregates: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    then: Callable[[Sequence[Any]], tuple[str, ...]] | None = None
    observe: Callable[[Sequence[Any]], Observed] | None = None
