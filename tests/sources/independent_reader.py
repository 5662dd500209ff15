"""A slow reader of delivered CSV files, character by character, that shares no code with the package.

It knows the grammar only: a field is quoted if its first character is the quote; two quotes inside are one; after the
closing quote a delimiter or the record's end must come. A record that breaks this loses its first physical line only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """One record: its 1-based number, its fields (None for a reject), and what is wrong with it."""

    number: int
    fields: tuple[str, ...] | None
    problem: str | None


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
    """Return the header and every record after it."""
    lines = physical_lines(data.removeprefix(b"\xef\xbb\xbf"))
    header: tuple[str, ...] | None = None
    records: list[Found] = []
    at = 0
    while at < len(lines):
        fields, used = _record(lines, at, delimiter)
        raw = b"".join(lines[at : at + used])
        at += used
        if fields == [] and (header is None or len(header) != 1):
            continue
        if header is None:
            if fields is not None:
                header = tuple(fields)
            continue
        fields = [""] if fields == [] else fields
        problem = _problem(fields, raw, len(header))
        records.append(Found(len(records) + 1, None if problem or fields is None else tuple(fields), problem))
    return header or (), records


def _problem(fields: list[str] | None, raw: bytes, width: int) -> str | None:
    if fields is None:
        return "malformed_quotes"
    for line in physical_lines(raw):
        if b"\0" in line:
            return "nul_byte"
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            return "not_utf8"
    if len(fields) != width:
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
        for i, c in enumerate(text):
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
            del i
        if state != "quoted":
            return [*fields, field], used  # the last line has no line end
