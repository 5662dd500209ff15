"""Who may: approvals of evidence, by risk tier. Policies of access and signed approvals find their place here."""

from readiness_pipelines.flow import POLICY
from readiness_pipelines.governance.approvals import missing_approvals, needs_person, signed
from readiness_pipelines.governance.review_mode import in_review

__all__ = ["POLICY", "in_review", "missing_approvals", "needs_person", "signed"]
