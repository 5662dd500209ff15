"""The profile of any number of partitions: the sum of theirs. A partition's is counted once and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.drift.profile import Layout, Profile, total
from readiness_pipelines.drift.rows import compared_rows
from readiness_pipelines.drift.scan import profile
from readiness_pipelines.drift.store import store, stored
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.lakehouse.profiles import Key


class Sums:
    """Profiles of one monitor's table, by version and layout: remembered, else kept in the lakehouse, else counted."""

    def __init__(self, lake: Lakehouse, monitor: Monitor) -> None:
        self._lake, self._monitor = lake, monitor
        self._wanted: dict[str, tuple[Layout, dict[Key, TableVersion]]] = {}
        self._known: dict[str, dict[Key, Profile]] = {}

    def want(self, layout: Layout, versions: Sequence[TableVersion]) -> None:
        """Say what is going to be asked for."""
        self._wanted.setdefault(layout.id, (layout, {}))[1].update({_key(version): version for version in versions})

    def prepare(self) -> None:
        """See that what is wanted is there; what was counted is kept, in one commit for each layout. The rest is forgotten."""
        self._known = {id_: self._all(layout, versions) for id_, (layout, versions) in self._wanted.items()}
        self._wanted = {}

    def of(self, layout: Layout, versions: Sequence[TableVersion]) -> Profile:
        """Return the profile of all rows of these versions over the layout."""
        there = self._known.get(layout.id, {})
        if not all(_key(version) in there for version in versions):
            there = self._known[layout.id] = there | self._all(layout, {_key(version): version for version in versions})
        return total(layout, (there[_key(version)] for version in versions))

    def _all(self, layout: Layout, versions: Mapping[Key, TableVersion]) -> dict[Key, Profile]:
        known = {key: profile for key, profile in self._known.get(layout.id, {}).items() if key in versions}
        product, table = self._monitor.product, self._monitor.table.full_name
        if others := versions.keys() - known.keys():
            known |= stored(self._lake, product, table, others, layout)
        counted = {key: self._counted(layout, version) for key, version in versions.items() if key not in known}
        if counted:
            store(self._lake, product, table, counted, layout)
        return known | counted

    def _counted(self, layout: Layout, version: TableVersion) -> Profile:
        with self._lake.connect() as con:
            return profile(con, compared_rows(self._lake, self._monitor, [version]), layout)


def _key(version: TableVersion) -> Key:
    return version.partition, version.version_key
