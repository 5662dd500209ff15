"""The profile of any number of partitions: the sum of theirs. A partition's is counted once and kept."""

from __future__ import annotations

from collections.abc import Sequence

from readiness_pipelines.declarations.monitors import Monitor
from readiness_pipelines.drift.profile import Layout, Profile, total
from readiness_pipelines.drift.rows import compared_rows
from readiness_pipelines.drift.scan import profile
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse import Lakehouse


class Sums:
    """Profiles of one monitor's table, by version and layout."""

    def __init__(self, lake: Lakehouse, monitor: Monitor) -> None:
        self._lake, self._monitor = lake, monitor
        self._wanted: dict[tuple[str, TableVersion], Layout] = {}
        self._known: dict[tuple[str, TableVersion], Profile] = {}

    def want(self, layout: Layout, versions: Sequence[TableVersion]) -> None:
        """Say what is going to be asked for."""
        self._wanted |= {(layout.id, version): layout for version in versions}

    def prepare(self) -> None:
        """Count what is wanted and was never counted; what is not wanted any more is forgotten."""
        self._known = {key: profile for key, profile in self._known.items() if key in self._wanted}
        for (id_, version), layout in self._wanted.items():
            if (id_, version) not in self._known:
                self._known[id_, version] = self._counted(layout, version)
        self._wanted = {}

    def of(self, layout: Layout, versions: Sequence[TableVersion]) -> Profile:
        """Return the profile of all rows of these versions over the layout."""
        return total(layout, (self._of_one(layout, version) for version in versions))

    def _of_one(self, layout: Layout, version: TableVersion) -> Profile:
        key = (layout.id, version)
        if key not in self._known:
            self._known[key] = self._counted(layout, version)
        return self._known[key]

    def _counted(self, layout: Layout, version: TableVersion) -> Profile:
        with self._lake.connect() as con:
            return profile(con, compared_rows(self._lake, self._monitor, [version]), layout)
