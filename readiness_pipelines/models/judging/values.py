"""The values of a column as rules judge them: those with rows enough by themselves, the others together, as `other`.

Where even these are too few, nobody has looked at them. That is told; from MOST_UNJUDGED of the rows, or of a class, on it is too
much for anybody to say passed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from readiness_pipelines.drift.profile import LEAST_ROWS

OTHER, RARER = "other", "rarer"
MOST_UNJUDGED = 0.05  # of the rows, or of a class

Value = tuple[str, np.ndarray]  # its name (`column=value`), and its rows, as booleans


@dataclass(frozen=True)
class Parts:
    """What of a column can be judged: values by themselves, the most frequent first, and others together; `left` are no part."""

    alone: tuple[Value, ...]
    together: tuple[Value, ...]
    left: np.ndarray

    @property
    def judged(self) -> tuple[Value, ...]:
        return (*self.alone, *self.together)


@dataclass(frozen=True)
class Unjudged:
    """What nobody has looked at: in words, empty for nothing; `is_too_much` to pass over."""

    note: str
    is_too_much: bool


def named(column: str, values: np.ndarray, *, is_public: bool) -> Iterator[Value]:
    """Yield each value's name (`column=value`, or `column=#1` where it is not public) and its rows, the most frequent first."""
    there, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    for rank, each in enumerate(sorted(range(len(there)), key=lambda n: (-counts[n], there[n])), start=1):
        yield f"{column}={there[each] if is_public else f'#{rank}'}", place == each


def parted(column: str, values: np.ndarray, can_be_judged: Callable[[np.ndarray], bool], *, is_public: bool) -> Parts:
    """Return the values by whether their rows, taken as booleans, can be judged: by themselves, together, or not at all."""
    alone, left = list[Value](), np.zeros(len(values), dtype=bool)
    for name, rows in named(column, values, is_public=is_public):
        if can_be_judged(rows):
            alone.append((name, rows))
        else:
            left = left | rows
    if can_be_judged(left):
        return Parts(tuple(alone), ((f"{column}={OTHER}", left),), np.zeros_like(left))
    return Parts(tuple(alone), (), left)


def unjudged(values: np.ndarray, left: np.ndarray, of: Mapping[str, np.ndarray], *, is_public: bool) -> Unjudged:
    """Return what is said of the rows that are no part of what was judged. `of` names all that count: rows, or those of a class.

    The largest of their shares is told. Of values that are not public fewer than LEAST_ROWS rows are not counted to anybody.
    """
    shares = {what: float((left & rows).sum()) / max(1, int(rows.sum())) for what, rows in of.items()}
    what, share = max(shares.items(), key=lambda each: each[1])
    if not share:
        return Unjudged("", False)
    rows = int(left.sum())
    many = f"{share:.1%} of the {what}: {rows:,} rows of {len(np.unique(values[left])):,} values"
    few = many if is_public or rows >= LEAST_ROWS else f"fewer than {LEAST_ROWS} rows"
    note = f"not looked at: {few} are too few to judge, also together"
    is_too_much = share >= MOST_UNJUDGED
    return Unjudged(f"{note}; expected less than {MOST_UNJUDGED:.0%} of the {what}" if is_too_much else note, is_too_much)


def tellable(column: str, values: Iterable[Value]) -> list[Value]:
    """Return values that are not public, the most frequent first, as they may be told: by LEAST_ROWS rows or more.

    Rarer ones are told together. Where they have fewer rows also together, they are told with the rarest of the others, so that
    they are not what totals lack.
    """
    values = list(values)
    common = [each for each in values if each[1].sum() >= LEAST_ROWS]
    if len(common) == len(values):
        return common
    rare: np.ndarray = np.any([rows for _, rows in values[len(common) :]], axis=0)
    if rare.sum() >= LEAST_ROWS:
        return [*common, (f"{column}={RARER}", rare)]
    return [*common[:-1], *((f"{name} and {RARER}", rows | rare) for name, rows in common[-1:])]
