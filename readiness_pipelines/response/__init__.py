"""What is done about drift: a pure policy decides, each event takes effect exactly once, a retrain is carried out to its end."""

from readiness_pipelines.response.effect import Effect, take_effect
from readiness_pipelines.response.facts import told_from
from readiness_pipelines.response.policy import TOLD_FROM, Action, Comparison, Facts, Response, respond
from readiness_pipelines.response.retrain import carry_out, due, give_up, request

__all__ = [
    "TOLD_FROM",
    "Action",
    "Comparison",
    "Effect",
    "Facts",
    "Response",
    "carry_out",
    "due",
    "give_up",
    "request",
    "respond",
    "take_effect",
    "told_from",
]
