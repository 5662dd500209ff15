"""Windows with and without drift for `false_alarms.py`: references and windows drawn from one population, or from two.

A latent normal number stands behind each column: it is the normal column itself, by a strictly rising map a heavy-tailed one
(Student's t with 2 degrees of freedom, rounded to .1, so with many ties), and by cuts a categorical one. Correlated columns share
a factor that is half of their variance. Up to 5,000 rows are drawn and sorted; 100,000 are drawn and counted in 8,192 fine cells,
which are then the values that the column has; of 1,000,000 the counts in 500 cells are drawn, which is the same in distribution.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from readiness_pipelines.drift.statistics import ks

COLUMNS = 50
SORTED, COUNTED = 5_000, 100_000  # the most rows of a side that are sorted, and that are drawn one by one
CORRELATION = 0.5
Counts = np.ndarray


def zipf(categories: int) -> np.ndarray:
    weights = 1 / np.arange(1, categories + 1)
    return weights / weights.sum()


# of ten columns that follow each other; those of many categories are where rules go wrong
SHARES = (
    np.array([0.5, 0.5]),
    np.array([0.7, 0.2, 0.1]),
    zipf(5),
    np.full(10, 0.1),
    zipf(20),
    np.array([0.096] * 10 + [0.001] * 40),
    np.full(50, 0.02),
    zipf(200),
    np.full(100, 0.01),
    zipf(1000),
)


def cuts(shares: np.ndarray) -> np.ndarray:
    """Where the latent number is cut into categories. Have the rarest first: the cells are finest where the numbers are lowest."""
    return ndtri(np.cumsum(shares)[:-1])


def heavy(latent: np.ndarray) -> np.ndarray:
    u = ndtr(latent)
    return np.round((2 * u - 1) / np.sqrt(2 * u * (1 - u)), 1)


@dataclass(frozen=True)
class Sorted:
    """The values of a column of one side, ascending."""

    values: np.ndarray

    def heavy(self) -> Sorted:
        return Sorted(heavy(self.values))

    def bracket(self, window: Sorted) -> tuple[float, float]:
        d = self.exact(window)
        return d, d

    def exact(self, window: Sorted) -> float:
        d = ks.of_sorted(self.values, window.values)
        assert d is not None
        return d

    def deciles(self) -> np.ndarray:
        n = len(self.values)
        return np.unique(self.values[np.arange(1, 10) * n // 10 - 1])

    def counts(self, edges: np.ndarray) -> Counts:
        """Bins have their upper end, as in a layout."""
        return np.diff(self.values.searchsorted(edges, side="right"), prepend=0, append=len(self.values))


@dataclass(frozen=True)
class Cells:
    """How many values of one side lie in each cell. `is_exact`: a cell is one value, else a range that has it as its end."""

    points: np.ndarray
    held: Counts
    is_exact: bool

    def heavy(self) -> Cells:
        points, starts = _TIES[len(self.points)]
        return Cells(points, np.add.reduceat(self.held, starts), True)

    def bracket(self, window: Cells) -> tuple[float, float]:
        if self.is_exact:
            return (d := self.exact(window)), d
        percentiles = self._quantiles(100)
        found = ks.bracket(self.counts(percentiles), window.counts(percentiles))
        assert found is not None
        return found

    def exact(self, window: Cells) -> float:
        found = ks.bracket(self.held, window.held, single=[True] * len(self.held))
        assert found is not None
        return found[0]

    def deciles(self) -> np.ndarray:
        return self._quantiles(10)

    def counts(self, edges: np.ndarray) -> Counts:
        total = np.append(0, np.cumsum(self.held))
        return np.diff(total[self.points.searchsorted(edges, side="right")], prepend=0, append=total[-1])

    def _quantiles(self, parts: int) -> np.ndarray:
        total = np.cumsum(self.held)
        at = total.searchsorted(np.arange(1, parts) * total[-1] / parts)
        return np.unique(self.points[at])


Side = Sorted | Cells
Move = Callable[[np.ndarray], np.ndarray]  # what drift does to the latent numbers of a column


def side(draw: np.random.Generator, rows: Sequence[int], *, correlated: bool, move: Move | None = None) -> list[Side]:
    """Draw one side: a column with as many rows as each of `rows` says (the others have no value there)."""
    if max(rows) > COUNTED:
        return _drawn_counts(draw, rows, correlated=correlated, move=move)
    factor = draw.standard_normal(max(rows), dtype=np.float32) * np.float32(np.sqrt(CORRELATION)) if correlated else None
    return [_column(draw, n, None if factor is None else factor[-n:], move) for n in rows]


_FINE = np.linspace(-9, 9, 8192)  # the cells of 100,000 rows; what is drawn lies within
_LEVELS = ndtri((np.arange(20) + 0.5) / 20)  # of the shared factor where counts are drawn
_ENDS = ndtri(np.arange(1, 500) / 500)  # of the cells where counts are drawn
_POINTS = np.append(_ENDS, 7.0)
_TIES = {len(points): np.unique(heavy(np.clip(points, -7, 7)), return_index=True) for points in (_FINE, _POINTS)}


def _column(draw: np.random.Generator, n: int, factor: np.ndarray | None, move: Move | None) -> Side:
    latent = draw.standard_normal(n, dtype=np.float32)
    if factor is not None:
        latent *= np.float32(np.sqrt(1 - CORRELATION))
        latent += factor
    if move is not None:
        latent = move(latent)
    if n <= SORTED:
        return Sorted(np.sort(latent.astype(np.float64)))
    latent -= np.float32(_FINE[0])
    latent *= np.float32(1 / (_FINE[1] - _FINE[0]))
    return Cells(_FINE, np.bincount(np.rint(latent, out=latent).astype(np.intp), minlength=len(_FINE)), True)


def _drawn_counts(draw: np.random.Generator, rows: Sequence[int], *, correlated: bool, move: Move | None) -> list[Side]:
    """Draw counts per cell; of correlated columns per level of the factor, whose rows all columns share."""
    own = np.sqrt(1 - CORRELATION) if correlated else 1.0
    levels = np.sqrt(CORRELATION) * _LEVELS if correlated else np.zeros(1)
    ends = _ENDS[None, :].repeat(len(levels), axis=0)
    if move is not None:  # the share of a moved number below an end is that of the number below the end moved back
        grid = np.linspace(-12, 12, 200_001)
        ends = np.interp(ends, move(grid), grid)
    below = np.pad(ndtr((ends - levels[:, None]) / own), ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))
    shares = np.diff(below, axis=1)
    shared = draw.multinomial(max(rows), np.full(len(levels), 1 / len(levels)))
    out: list[Side] = []
    for n in rows:
        # rows without a value are taken from all levels alike
        at = shared if n == max(rows) else draw.multivariate_hypergeometric(shared, n)
        out.append(Cells(_POINTS, draw.multinomial(at, shares).sum(axis=0), False))
    return out
