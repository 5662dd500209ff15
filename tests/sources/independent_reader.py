"""A slow reader of delivered CSV files, character by character, that shares no code with the package.

It knows the grammar only: a field is quoted if its first character is the quote; two quotes inside are one; after the
closing quote a delimiter or the record's end must come. A record that breaks this loses its first physical line only.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Found:
    """One record: its 1-based number, its fields (None for a reject), what is wrong with it, and its bytes."""

    number: int
    fields: tuple[str, ...] | None
    problem: str | None
    raw: bytes = field(default=b"", compare=False)


def physical_lines(data: bytes) -> list[bytes]:
    lines, line, i = [], bytearray(), 0
    while i < len(data):
        line.append(data[i])
        if data[i] == 13 and i + 1 < len(data) and data[i + 1] == 10:
            line.append(10)
            i += 1
        if line[-1] in (10, 13):
            lines.append(bytes(line))
            line = bytearray()
        i += 1
    return [*lines, bytes(line)] if line else lines


def read(data: bytes, *, delimiter: str = ",") -> tuple[tuple[str, ...], list[Found]]:
    """Return the header and every record after it. The header is empty if there is none, or if it cannot be read."""
    header, _, records = read_all(data, delimiter=delimiter)
    return header or (), records


def read_all(data: bytes, *, delimiter: str = ",") -> tuple[tuple[str, ...] | None, str | None, list[Found]]:
    """Return (header or None if there is no line, what is wrong with its line, every record after it)."""
    lines = physical_lines(data.removeprefix(b"\xef\xbb\xbf"))
    header: tuple[str, ...] | None = None
    wrong: str | None = None
    records: list[Found] = []
    at = 0
    while at < len(lines):
        fields, used = _record(lines, at, delimiter)
        raw = b"".join(lines[at : at + used])
        at += used
        if fields == [] and (header is None or len(header) != 1):
            continue
        if header is None:
            header, wrong = tuple(fields or ()), _problem(fields, raw, None)
            continue
        fields = [""] if fields == [] else fields
        problem = _problem(fields, raw, len(header))
        records.append(Found(len(records) + 1, None if problem or fields is None else tuple(fields), problem, raw))
    return header, wrong, records


def _problem(fields: list[str] | None, raw: bytes, width: int | None) -> str | None:
    if fields is None:
        return "malformed_quotes"
    for line in physical_lines(raw):
        if b"\0" in line:
            return "nul_byte"
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return "not_utf8"
    if width is not None and len(fields) != width:
        return "too_few_fields" if len(fields) < width else "too_many_fields"
    return None


def _record(lines: list[bytes], at: int, delimiter: str) -> tuple[list[str] | None, int]:
    """Return (fields, lines used); fields None if the record breaks the grammar, [] if the line is blank."""
    fields: list[str] = []
    field, state, used = "", "start", 0
    while True:
        if at + used >= len(lines):
            return None, 1  # the file ends inside quotes
        text = lines[at + used].decode("utf-8", "surrogateescape")
        used += 1
        for c in text:
            is_end = c in "\r\n"
            if state == "quoted":
                if c == '"':
                    state = "closed"
                else:
                    field += c
            elif state == "closed" and c == '"':
                field += '"'
                state = "quoted"
            elif is_end:
                if not fields and state == "start":
                    return [], used
                return [*fields, field], used
            elif c == delimiter:
                fields.append(field)
                field, state = "", "start"
            elif state == "closed":
                return None, 1
            elif state == "start" and c == '"':
                state = "quoted"
            else:
                field += c
                state = "plain"
        if state != "quoted":
            return [*fields, field], used  # the last line has no line end
