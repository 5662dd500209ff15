"""Kinds of values that more than one declaration uses."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

_NAME = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=_NAME, description="lower case letters, digits and _")]


def is_name(text: str) -> bool:
    """Return whether a text can name a product, a table or a reason."""
    return re.fullmatch(_NAME, text) is not None


def _day(value: Any) -> Any:
    """A day of the calendar; pydantic alone would also take seconds since 1970 and a time at midnight."""
    if isinstance(value, str):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return value
    raise PydanticCustomError("no_day", "expected a day as in 2025-01-31")


Day = Annotated[datetime.date, BeforeValidator(_day)]


class Declared(BaseModel):
    """A mapping of a declaration: an unknown key is an error, and never a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)
