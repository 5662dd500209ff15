"""Where the lakehouse lives, as a Dagster resource."""

import dagster as dg

from readiness_pipelines.settings import Settings


class Readiness(dg.ConfigurableResource):  # type: ignore[type-arg]  # the resource is its own value
    """State and landing folders; what is not set comes from the environment (see `readiness_pipelines.settings`)."""

    state: str | None = None
    landing: str | None = None

    def settings(self) -> Settings:
        return Settings.from_environment().replaced(state=self.state, landing=self.landing)


READINESS = Readiness()  # one object: products of one code location share it, and Dagster merges only identical ones
