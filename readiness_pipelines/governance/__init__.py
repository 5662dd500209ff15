"""Who may: approvals of evidence, by risk tier. Policies of access and signed approvals find their place here."""

from readiness_pipelines.governance.approvals import POLICY, missing_approvals, needs_person, signed

__all__ = ["POLICY", "missing_approvals", "needs_person", "signed"]
