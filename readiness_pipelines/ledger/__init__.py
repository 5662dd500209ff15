"""Every fact about deliveries, verdicts and publications: rows only inserted, state is the latest row."""

from readiness_pipelines.ledger.corrections import Correction
from readiness_pipelines.ledger.drift import Drift, Registered
from readiness_pipelines.ledger.events import Claim, Waiting
from readiness_pipelines.ledger.incidents import Incident
from readiness_pipelines.ledger.ledger import Ledger, Publication
from readiness_pipelines.ledger.requests import Request
from readiness_pipelines.ledger.upkeep import Listing, Superseded

__all__ = [
    "Claim",
    "Correction",
    "Drift",
    "Incident",
    "Ledger",
    "Listing",
    "Publication",
    "Registered",
    "Request",
    "Superseded",
    "Waiting",
]
