"""Landing data to try the readmission product on: a seeded generator that knows the right answer, and a replay of the
genuine UCI file. Neither reads anything of the product's own code, so that what they say can test it."""

from readiness_pipelines.samples.manifest import Manifest
from readiness_pipelines.samples.readmission import corrected, write
from readiness_pipelines.samples.uci import ReplaySummary, replay

__all__ = ["Manifest", "ReplaySummary", "corrected", "replay", "write"]
