"""From what landed to records: deliveries are archived first, then every byte of them is accounted for."""

from readiness_pipelines.sources.landing import SourceUnreadable, archive, landed, look
from readiness_pipelines.sources.records import CsvFormat, RecordReader

__all__ = ["CsvFormat", "RecordReader", "SourceUnreadable", "archive", "landed", "look"]
