"""The doctor: compares ledger, catalog, warehouse and archive, names each disagreement, and mends what is safe to mend.

databases (can they be read?) -> tables (does the catalog hold what the ledger knows?) -> contents (is every file there?)
"""

from readiness_pipelines.lakehouse.doctor.examination import Examination, examine, mend
from readiness_pipelines.lakehouse.doctor.finding import Finding

__all__ = ["Examination", "Finding", "examine", "mend"]
