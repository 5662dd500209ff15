"""What is kept of rows instead of the rows: counts per bin, nulls, moments, ends. Profiles of one layout add up.

A `Layout` says how each column is binned and is made from a reference; its id is a part of the identity of every profile.
A `Profile` counts a set of rows over a layout. Nothing here reads a row.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from typing import Any

from readiness_pipelines.errors import BrokenInvariant
from readiness_pipelines.flow import digest

LEAST_ROWS = 10  # of a named category, of a moment, and on average of a bin, in a column whose values may not be told


class ColumnKind(StrEnum):
    """How the values of a column are compared: numbers as float64, categories as text."""

    NUMBER = "number"
    CATEGORY = "category"


@dataclass(frozen=True)
class ColumnLayout:
    """The bins of one column.

    A number x is in bin i where edges[i-1] < x <= edges[i]: a bin has its upper end and not its lower one. The first
    begins at -inf and has it, the last ends at inf and has it; so there is one bin more than edges, and a single bin
    without any. `coarse` are the positions in `edges` of the few that PSI's bins end at. A category is in the bin of its value in
    `values`, else it is other, if it is in `known` (digests of the further values that the reference has), else unseen;
    where `known` is None the reference has too many values for that, and whatever is not in `values` is other. `singles`
    are the values that the reference has in one row only: they say how many unseen ones to expect.
    `is_told` is false for a column whose single values must not be shown: no ends are kept of it.
    Raises BrokenInvariant for edges that are not finite and strictly increasing.
    """

    column: str
    kind: ColumnKind
    edges: tuple[float, ...] = ()
    coarse: tuple[int, ...] = ()
    values: tuple[str, ...] = ()
    known: frozenset[str] | None = None
    singles: int = 0
    is_told: bool = True

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, self.edges)) or any(a >= b for a, b in pairwise(self.edges)):
            raise BrokenInvariant(f"the edges of {self.column} are not finite and strictly increasing: please report this")

    @property
    def bins(self) -> int:
        """How many counts a profile of this column has; other and unseen are counted beside them."""
        return len(self.edges) + 1 if self.kind is ColumnKind.NUMBER else len(self.values)

    @property
    def single(self) -> tuple[bool, ...]:
        """Of each bin of numbers, whether only one float64 fits into it: within it no two distributions differ."""
        inner = tuple(math.nextafter(low, math.inf) == high for low, high in pairwise(self.edges))
        return (False, *inner, False) if self.edges else (False,)

    def coarsened(self, counts: Sequence[int]) -> tuple[int, ...]:
        """Return the counts of the coarse bins that the counts of all bins add up to; categories have no coarser bins."""
        if self.kind is ColumnKind.CATEGORY:
            return tuple(counts)
        ends = [0, *(edge + 1 for edge in self.coarse), len(counts)]
        return tuple(sum(counts[begin:end]) for begin, end in pairwise(ends))


@dataclass(frozen=True)
class Layout:
    """How the columns of a table are binned, in the order in which they were asked for."""

    columns: tuple[ColumnLayout, ...]

    @cached_property
    def id(self) -> str:
        """The sha256 of all that it says: another bin, another id."""
        return digest(json.loads(self.to_json()))

    @cached_property
    def by_column(self) -> Mapping[str, ColumnLayout]:
        return {each.column: each for each in self.columns}

    def to_json(self) -> str:
        columns = [asdict(each) | {"known": None if each.known is None else sorted(each.known)} for each in self.columns]
        return json.dumps(columns, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Layout:
        return cls(tuple(_column_layout(raw) for raw in json.loads(text)))


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a set of rows.

    `n` rows have a value, `nulls` have none (NaN is none); `infinities` of the `n` are infinite: they are in the first and
    the last bin and in nothing else. `mean`, `m2` (sum of squared distances to the mean), `low` and `high` are those of the
    finite values; None where there is none, for a category, where a float64 cannot hold it, and where they may not be told:
    `low` and `high` never, `mean` and `m2` of fewer than ten rows. `counts` has one number per bin of the layout; `other` and
    `unseen` are beside them.
    n = sum(counts) + other + unseen. `unseen` is None where it cannot be told from other.
    """

    n: int
    nulls: int
    counts: tuple[int, ...]
    infinities: int = 0
    mean: float | None = None
    m2: float | None = None
    low: float | None = None
    high: float | None = None
    other: int = 0
    unseen: int | None = None

    @property
    def rows(self) -> int:
        return self.n + self.nulls

    @property
    def finite(self) -> int:
        return self.n - self.infinities

    @property
    def sd(self) -> float | None:
        """The standard deviation of the finite values, with n - 1; None under two of them, or where it is not known."""
        return math.sqrt(self.m2 / (self.finite - 1)) if self.m2 is not None and self.finite > 1 else None


@dataclass(frozen=True)
class Profile:
    """A set of rows over the layout with the id `layout`: how many they are, and each column of the layout."""

    layout: str
    rows: int
    columns: Mapping[str, ColumnProfile] = field(default_factory=dict)


def empty(layout: Layout) -> Profile:
    """Return the profile of no rows."""
    return Profile(layout.id, 0, {each.column: _of_no_rows(each) for each in layout.columns})


def merged(a: Profile, b: Profile) -> Profile:
    """Return the profile of the rows of both. Counts and ends are exact, whatever is merged with what in which order.

    Moments are those of all rows up to rounding: Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance".
    Raises BrokenInvariant for profiles of different layouts, which cannot be added.
    """
    if a.layout != b.layout or a.columns.keys() != b.columns.keys():
        raise BrokenInvariant(f"profiles of the layouts {a.layout[:12]} and {b.layout[:12]} cannot be added: please report this")
    return Profile(a.layout, a.rows + b.rows, {name: _merged(a.columns[name], b.columns[name]) for name in a.columns})


def total(layout: Layout, profiles: Iterable[Profile]) -> Profile:
    """Return the profile of the rows of all; of no rows if there is none."""
    whole = empty(layout)
    for each in profiles:
        whole = merged(whole, each)
    return whole


def digest_of(value: str) -> str:
    """Return what is kept of a value that is only to be recognised: 64 bits of its BLAKE2b as hex digits.

    That a value which the reference has not is taken for one of its 10,000 has a chance of 10,000 / 2^64.
    """
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _merged(a: ColumnProfile, b: ColumnProfile) -> ColumnProfile:
    mean, m2 = _moments(a, b)
    return ColumnProfile(
        n=a.n + b.n,
        nulls=a.nulls + b.nulls,
        counts=tuple(x + y for x, y in zip(a.counts, b.counts, strict=True)),
        infinities=a.infinities + b.infinities,
        mean=mean,
        m2=m2,
        low=min((x for x in (a.low, b.low) if x is not None), default=None),
        high=max((x for x in (a.high, b.high) if x is not None), default=None),
        other=a.other + b.other,
        unseen=None if a.unseen is None or b.unseen is None else a.unseen + b.unseen,
    )


def _moments(a: ColumnProfile, b: ColumnProfile) -> tuple[float | None, float | None]:
    if not a.finite or not b.finite:
        known = a if a.finite else b
        return known.mean, known.m2
    if a.mean is None or b.mean is None:
        return None, None
    share, apart = b.finite / (a.finite + b.finite), b.mean - a.mean
    m2 = None if a.m2 is None or b.m2 is None else a.m2 + b.m2 + apart * apart * a.finite * share
    return held(a.mean + apart * share), held(m2)


def held(number: float | None) -> float | None:
    """Return the number if a float64 holds it, None if it is beyond."""
    return number if number is not None and math.isfinite(number) else None


def _of_no_rows(layout: ColumnLayout) -> ColumnProfile:
    return ColumnProfile(0, 0, (0,) * layout.bins, unseen=None if layout.known is None else 0)


def _column_layout(raw: dict[str, Any]) -> ColumnLayout:
    known = raw["known"]
    lists = {name: tuple(raw[name]) for name in ("edges", "coarse", "values")}
    return ColumnLayout(**{**raw, **lists, "kind": ColumnKind(raw["kind"]), "known": None if known is None else frozenset(known)})
