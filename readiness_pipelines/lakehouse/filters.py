"""Which files of a table: row filters in Iceberg's expressions."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyiceberg.expressions import BooleanExpression


def is_in(column: str, values: Collection[str]) -> BooleanExpression:
    """Return the filter `column IN values`."""
    from pyiceberg.expressions import In

    return In(column, set(values))  # type: ignore[call-arg, arg-type]  # its typed signature hides this, its documented one


def equals(column: str, value: str) -> BooleanExpression:
    """Return the filter `column = value`."""
    from pyiceberg.expressions import EqualTo

    return EqualTo(column, value)  # type: ignore[call-arg, arg-type]  # as above
