"""Who stood as champion before whom, and who was rolled back from: read from a product's promotions and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from readiness_pipelines.flow import Promotion


def earlier(history: Sequence[Promotion]) -> int:
    """Return the number of the champion that stood before the present one was promoted, 0 where there is none.

    `history` are the product's promotions, oldest first. Who has been rolled back from is none: after 1, 2, 3 and back to 2
    it is 1, so that rolling back twice never brings back what was rolled back from.
    """
    stood, _ = _line(history)
    return stood[-2] if len(stood) > 1 else 0


def rolled_back_from(history: Sequence[Promotion], number: int) -> Promotion | None:
    """Return the roll back that put the model with this number aside; None if none did, or it was the champion again since.

    Going back over several puts all of them aside: after 1, 2, 3 and back to 1 they are 2 and 3.
    """
    return _line(history)[1].get(number)


def _line(history: Sequence[Promotion]) -> tuple[list[int], dict[int, Promotion]]:
    """Return the champions on which the present one stands, itself the last, and what put the others aside."""
    stood, aside = list[int](), dict[int, Promotion]()
    for each in history:
        if each.kind == "rolled_back" and each.number in stood:
            while stood[-1] != each.number:
                aside[stood.pop()] = each
        else:
            stood.append(each.number)
        aside.pop(each.number, None)
    return stood, aside
