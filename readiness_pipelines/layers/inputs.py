"""Which versions a silver or gold partition reads, or why it must not run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from readiness_pipelines.declarations import Gold, Silver
from readiness_pipelines.errors import NotAdmitted
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.layers.calendar import partitions_read
from readiness_pipelines.layers.standing import Standing, StandingKind, Standings


@dataclass(frozen=True)
class Inputs:
    """The admitted versions to read, by leaf name, and the partitions left out by `unavailable: ignore`."""

    versions: Mapping[str, tuple[TableVersion, ...]]
    ignored: tuple[str, ...] = ()
    blocked: Standing | None = None
    not_due: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def all(self) -> list[TableVersion]:
        return [version for versions in self.versions.values() for version in versions]

    @property
    def identity(self) -> Any:
        """What of the inputs a version key depends on. Snapshot ids are left out: they are table-wide."""
        return self.identity_by({})

    def identity_by(self, keys: Mapping[TableVersion, str]) -> Any:
        """Return the identity with other version keys in the place of those of some versions."""
        return [[[v.table, v.partition, keys.get(v, v.version_key)] for v in self.all], list(self.ignored)]


def resolve(standings: Standings, table: Silver | Gold, partition: str) -> Inputs:
    """Return the inputs of `partition`. `blocked` names the held or missing partition that forbids it, if one does.

    Raises NotAdmitted where an input's partition is due and has simply not been run yet. What is made from scores is left out
    then, where it may be: with the first champion all that is older becomes due at once, and today must not wait for it.
    """
    scores = standings.product.made_from_scores
    versions: dict[str, tuple[TableVersion, ...]] = {}
    ignored: list[str] = []
    for name, given in table.upstream.items():
        read: list[TableVersion] = []
        keys = partitions_read(standings.product, given, partition)
        if standings.waits_for_scores(name, keys):
            return Inputs({}, not_due=True)
        for key in keys:
            above = standings.of(name, key)
            if above.kind is StandingKind.NOT_DUE:
                if given.read == "same":
                    return Inputs({}, not_due=True)
            elif above.kind is StandingKind.ABSENT and not (name in scores and given.unavailable == "ignore"):
                raise NotAdmitted(_not_run(table, partition, above))
            elif above.blocks and given.unavailable == "hold":
                return Inputs({}, blocked=above)
            elif above.version is None:
                ignored.append(f"{name}/{key} {above.kind}")
            else:
                read.append(above.version)
        versions[name] = tuple(read)
    notes = (f"left out, as declared: {', '.join(ignored)}",) if ignored else ()
    return Inputs(versions, tuple(ignored), notes=notes)


def _not_run(table: Silver | Gold, partition: str, above: Standing) -> str:
    return (
        f"{partition} {table.layer} {table.name}: reads {above.table}/{above.partition}, which has no admitted version; "
        f"run that partition first, or select it together with this table"
    )
