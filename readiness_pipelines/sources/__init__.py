"""From what landed to records: deliveries are archived first, then every byte of them is accounted for."""

from readiness_pipelines.sources.formats import Format, format_of, open_records
from readiness_pipelines.sources.landing import archive, landed, look
from readiness_pipelines.sources.pattern import SourceUnreadable
from readiness_pipelines.sources.reader import RecordReader
from readiness_pipelines.sources.records import CsvFormat, CsvReader

__all__ = [
    "CsvFormat",
    "CsvReader",
    "Format",
    "RecordReader",
    "SourceUnreadable",
    "archive",
    "format_of",
    "landed",
    "look",
    "open_records",
]
