"""What is done about drift: a pure policy decides, and each event takes effect exactly once."""

from readiness_pipelines.response.effect import Effect, take_effect
from readiness_pipelines.response.policy import TOLD_FROM, Action, Response, respond

__all__ = ["TOLD_FROM", "Action", "Effect", "Response", "respond", "take_effect"]
