"""What a reader of any format promises: every record of a delivered file is given, or counted and named."""

from __future__ import annotations

import codecs
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa

from readiness_pipelines.flow import RESERVED

RECORD_NUMBER, PARSE_PROBLEM, RAW = f"{RESERVED}record_number", f"{RESERVED}parse_problem", f"{RESERVED}raw"
MAX_RECORD = 16 * 1024 * 1024  # characters; what goes on for longer was never meant to be one record
BATCH_ROWS, BATCH_CHARACTERS = 20_000, 32 * 1024 * 1024  # of one batch: what is in memory at once
ExtraColumns = Literal["hold", "ignore"]

_SIGNATURES = {
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"\x1f\x8b": "gzip data (whose name must end in .gz)",
    b"\x28\xb5\x2f\xfd": "zstd data (whose name must end in .zst)",
    b"PAR1": "a Parquet file",
    b"SQLite format 3": "a SQLite database",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
_CARRIED = re.compile("[\ud800-\udfff]")


class FileProblem(Exception):
    """Reading cannot go on. The message says what was found and what was expected; the file's name comes before it."""


class RecordReader(ABC):
    """The records of one delivered file, in order, as Arrow batches; the totals are right once they are exhausted.

    A batch has the record's number (`RECORD_NUMBER`, 1-based, unreadable ones counted), what is wrong with it (`PARSE_PROBLEM`,
    null for a good record), its text where it is unreadable (`RAW`, what is no text escaped) and the declared columns by
    name, as text: an empty text is '', and null is what the format itself calls null.

    `problems` lists what is wrong with the file as a whole, one line each; then no record of it can be trusted, whether
    it was given or not. `notes` lists what a reader of the verdict should know and need not act on.
    """

    _nothing = "has no record"

    def __init__(self, path: Path, *, name: str, columns: Sequence[str], extra_columns: ExtraColumns = "hold") -> None:
        self.path, self.name, self.columns, self._extra_columns = path, name, list(columns), extra_columns
        self.problems: tuple[str, ...] = ()
        self.notes: tuple[str, ...] = ()
        self.records = 0
        self.rejects: Counter[str] = Counter()
        own = [(RECORD_NUMBER, pa.int64()), (PARSE_PROBLEM, pa.string()), (RAW, pa.string())]
        self.schema = pa.schema([*own, *((column, pa.string()) for column in columns)])

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield all records. What stops a file half-way (a truncated archive) becomes a problem, not an exception."""
        try:
            yield from self._read()
        except FileProblem as problem:
            self._wrong(str(problem))
        if self.records == 0 and not self.problems:
            self._wrong(f"{self._nothing}, expected at least one: deliver it again")

    @abstractmethod
    def _read(self) -> Iterator[pa.RecordBatch]:
        """Yield all records; raise FileProblem where that cannot go on."""

    def _wrong(self, what: str) -> None:
        self.problems += (f"{self.name}: {what}",)

    def _judge_columns(self, found: Sequence[str]) -> None:
        """Compare the columns of the file with the declared ones: their order does not matter, their case does."""
        folded = Counter(name.lower() for name in found)
        twice = [name for name in found if folded[name.lower()] > 1]
        missing = [name for name in self.columns if name not in found]
        unknown = [name for name in found if name not in self.columns]
        if twice:
            self._wrong(f"columns named twice (case apart): {few(twice)}; expected each once: deliver it again")
        if missing:
            self._wrong(f"columns missing: {few(missing)}; expected every column of the contract: deliver it again with them")
        if unknown:
            self._judge_unknown(few(unknown))

    def _judge_unknown(self, named: str) -> None:
        if self._extra_columns == "ignore":
            self.notes += (f"{self.name}: warning: left out columns that the contract does not know: {named}",)
            return
        self._wrong(
            f"columns the contract does not know: {named}; expected none: deliver it again without them, add them to the "
            "contract, or say `extra_columns: ignore` in the feed"
        )

    def _what_it_is(self) -> str | None:
        """Return what the first bytes say that the file is, where that is something else than text."""
        with self.path.open("rb") as file:
            head = file.read(16)
        return next((what for signature, what in _SIGNATURES.items() if head.startswith(signature)), None)


def few(names: Sequence[str]) -> str:
    """Return the first of `names` for a message: quoted, cut, nothing in them that could end the line."""
    shown = ", ".join(repr(name[:60]) for name in names[:8])
    return shown if len(names) <= 8 else f"{shown} and {len(names) - 8} more"


def is_text(value: str) -> bool:
    """Return whether `value` is text through and through: no byte that could not be decoded, no half of a character."""
    if value.isascii():
        return True
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def shown(raw: str) -> str:
    """Return raw text with its undecodable bytes and NULs escaped, so that a table can hold it."""
    text = raw if is_text(raw) else _CARRIED.sub(lambda found: _escaped(ord(found[0])), raw)
    return text.rstrip("\r\n").replace("\0", "\\x00")


def _escaped(code: int) -> str:
    return f"\\x{code - 0xDC00:02x}" if 0xDC00 <= code <= 0xDCFF else f"\\u{code:04x}"


def _carry(error: UnicodeError) -> tuple[str | bytes, int]:
    """Carry each byte that cannot be decoded as one lone surrogate, which no text has, and encode it as that byte again.

    Python's own surrogateescape does so for bytes from 0x80 on, and stops at the others: half of a UTF-16 character would
    end the file.
    """
    if isinstance(error, UnicodeDecodeError):
        return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : error.end]), error.end
    if isinstance(error, UnicodeEncodeError):
        carried = [ord(character) - 0xDC00 for character in error.object[error.start : error.end]]
        if all(0 <= byte <= 0xFF for byte in carried):
            return bytes(carried), error.end
    raise error


CARRY = "readiness_carry"  # the name of the error handler, for `errors=`
codecs.register_error(CARRY, _carry)
