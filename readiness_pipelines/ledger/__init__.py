"""Every fact about deliveries, verdicts and publications: rows only inserted, state is the latest row."""

from readiness_pipelines.ledger.ledger import Ledger, Publication

__all__ = ["Ledger", "Publication"]
