"""From a prediction back to the delivered file, and from a delivered file on to everything it touched.

Nothing is worked out anew: every link is a fact of the ledger, or a column of ours in an admitted row.
"""

from readiness_pipelines.trace.backward import of_model, of_row, of_version, parsed
from readiness_pipelines.trace.chain import Chain, Fact, Kind, in_lines
from readiness_pipelines.trace.forward import FILE, deliveries_named, of_file
from readiness_pipelines.trace.picture import picture

__all__ = [
    "FILE",
    "Chain",
    "Fact",
    "Kind",
    "deliveries_named",
    "in_lines",
    "of_file",
    "of_model",
    "of_row",
    "of_version",
    "parsed",
    "picture",
]
