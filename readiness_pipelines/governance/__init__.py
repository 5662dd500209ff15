"""Who may: approvals of evidence, by risk tier. Policies of access and signed approvals find their place here."""

from readiness_pipelines.governance.approvals import missing_approvals, needs_person

__all__ = ["missing_approvals", "needs_person"]
