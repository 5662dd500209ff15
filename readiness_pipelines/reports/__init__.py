"""What the gates said of a product, as a page for people: facts from the ledger first, HTML from the facts."""

from readiness_pipelines.reports.facts import GateReport
from readiness_pipelines.reports.gather import gate_report
from readiness_pipelines.reports.page import page

__all__ = ["GateReport", "gate_report", "page"]
