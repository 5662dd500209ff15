"""The values that travel along the arrows, in the order of the flow.

    Delivery -> SourceBatch -> (staged) StagedFile -> GateVerdict -> TableVersion
    TableVersion -> Measurement -> DriftReport -> ResponseDecision
    TableVersion -> TrainingSet -> ModelVersion -> ModelVerdict -> Evidence -> Review -> Promotion

Every table version is a proposal until a gate admits it, and every later fact names the version it was computed from.
So a `TableVersion` exists only after its `GateVerdict` was an admission and the commit on `main` succeeded, and each
value here carries the keys of what it rests on. All values are frozen and turn into plain JSON and back
(`to_json`, `from_json`); none of them holds a row.
"""

from readiness_pipelines.flow.drift import (
    DriftReport,
    Finding,
    Kind,
    Measured,
    Measurement,
    Mode,
    Reference,
    ResponseDecision,
    Severity,
    Test,
    Trend,
    Window,
)
from readiness_pipelines.flow.gate import (
    NOTHING,
    RESERVED,
    Counts,
    Delivery,
    GateVerdict,
    Outcome,
    RuleResult,
    Sighting,
    SourceBatch,
    StagedFile,
    Status,
    TableVersion,
    digest,
)
from readiness_pipelines.flow.model import (
    POLICY,
    SCHEDULE,
    Evidence,
    Judged,
    Metric,
    ModelVerdict,
    ModelVersion,
    Promotion,
    Retrain,
    Review,
    Tier,
    TrainingSet,
)
from readiness_pipelines.flow.worst import SAYS_MOST, worst_first, worst_of_columns

__all__ = [
    "NOTHING",
    "POLICY",
    "RESERVED",
    "SAYS_MOST",
    "SCHEDULE",
    "Counts",
    "Delivery",
    "DriftReport",
    "Evidence",
    "Finding",
    "GateVerdict",
    "Judged",
    "Kind",
    "Measured",
    "Measurement",
    "Metric",
    "Mode",
    "ModelVerdict",
    "ModelVersion",
    "Outcome",
    "Promotion",
    "Reference",
    "ResponseDecision",
    "Retrain",
    "Review",
    "RuleResult",
    "Severity",
    "Sighting",
    "SourceBatch",
    "StagedFile",
    "Status",
    "TableVersion",
    "Test",
    "Tier",
    "TrainingSet",
    "Trend",
    "Window",
    "digest",
    "worst_first",
    "worst_of_columns",
]
