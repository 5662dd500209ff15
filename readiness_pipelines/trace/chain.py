"""What rests on what: facts, and the links between them, as far as somebody asked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum

_LONGEST = 120  # characters of a value in a line of text; all of it is in the JSON
Told = Mapping[str, str | int | float]


class Kind(StrEnum):
    """What a fact is about."""

    DELIVERY = "delivery"
    VERSIONS = "versions"  # of one table
    ROW = "row"
    TRAINING_SET = "training set"
    MODEL = "model"
    VERDICT = "verdict"  # of the promotion gate; a table's is told with its versions
    REVIEW = "review"
    PROMOTION = "promotion"
    RETRAIN = "retrain"
    EVENT = "event"


@dataclass(frozen=True)
class Fact:
    """One thing that is on record. `id` is unique in a chain, `name` is for people, `told` for both."""

    id: str
    kind: Kind
    name: str
    told: Told = field(default_factory=dict)


@dataclass
class Chain:
    """Facts by id, in the order in which they were met, and links (from, to, how): `from` rests on `to`, and none on itself."""

    subject: str
    facts: dict[str, Fact] = field(default_factory=dict)
    links: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, fact: Fact, *, below: str | None = None, how: str = "") -> bool:
        """Add a fact that `below` rests on, and how. Return whether it is new: then somebody has to say what it rests on."""
        is_new = fact.id not in self.facts
        self.facts.setdefault(fact.id, fact)
        if below is not None and (below, fact.id, how) not in self.links:
            self.links.append((below, fact.id, how))
        return is_new

    def rests_on(self, id_: str) -> Iterator[tuple[str, Fact]]:
        """Yield (how, fact) of what a fact rests on, in the order in which it was met."""
        for above, below, how in self.links:
            if above == id_:
                yield how, self.facts[below]

    def leads_to(self, id_: str) -> Iterator[tuple[str, Fact]]:
        """Yield (how, fact) of what rests on a fact, in the order in which it was met."""
        for above, below, how in self.links:
            if below == id_:
                yield how, self.facts[above]

    def to_json(self) -> str:
        """Return `{subject, facts: [...], links: [{from, to, how}]}`."""
        links = [{"from": above, "to": below, "how": how} for above, below, how in self.links]
        facts = [asdict(fact) for fact in self.facts.values()]
        return json.dumps({"subject": self.subject, "facts": facts, "links": links}, indent=2)


def in_lines(chain: Chain, *, forward: bool = False) -> list[str]:
    """Return the chain as an indented list, each fact in full once: what it rests on, or `forward` what rests on it, below it."""
    told: set[str] = set()
    found: list[str] = []

    def tell(fact: Fact, how: str, depth: int) -> None:
        indent, lead = "   " * depth, f"{how}: " if how else ""
        if fact.id in told:
            found.append(f"{indent}{lead}{fact.kind} {fact.name} (above)")
            return
        told.add(fact.id)
        found.append(f"{indent}{lead}{fact.kind} {fact.name}")
        found.extend(f"{indent}     {key}: {_clipped(str(value))}" for key, value in fact.told.items())
        for below_how, below in (chain.leads_to if forward else chain.rests_on)(fact.id):
            tell(below, below_how, depth + 1)

    tell(chain.facts[chain.subject], "", 0)
    return found


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


def layered(chain: Chain, *, forward: bool = False) -> Sequence[Sequence[Fact]]:
    """Return the facts in columns: what is asked about first, each other one further than all that lead to it."""
    depth = {chain.subject: 0}
    links = [(b, a) if forward else (a, b) for a, b, _ in chain.links]
    for _ in range(len(chain.facts)):
        moved = {below: depth[above] + 1 for above, below in links if above in depth and depth.get(below, -1) <= depth[above]}
        if not moved:
            break
        depth |= moved
    columns: list[list[Fact]] = [[] for _ in range(max(depth.values()) + 1)]
    for fact in chain.facts.values():
        if fact.id in depth:
            columns[depth[fact.id]].append(fact)
    return columns
