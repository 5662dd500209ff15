"""Harm done to a delivered csv file, seeded: what editors, exports, transfers and disks do to files.

Each kind of harm is a function of (lines, random numbers) or of the file's bytes; a mutated file has one to three of
them. The same seed gives the same file on every machine.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

VALUES = (
    *("", "?", " ", "0", "-1", "+7", "007", "1.5", "1.0", "1e5", "1E400", "1.234,56", "1_000", "0x1F", "٣", "１", "NaN", "nan"),
    *("Infinity", "-inf", "9223372036854775807", "9223372036854775808", "99999999999999999999999", "2025-02-30", "2025-1-5"),
    *(
        "2025-01-05T00:00:00",
        "0000-01-01",
        "infinity",
        "31.01.2025",
        "true",
        "TRUE",
        "NULL",
        "null",
        "None",
        "é",
        "İ",
        "ß",
        "\u00a0",
    ),
    *(" Female", "female ", "[70-80)", "[70-80) ", "250.8", "V58", "E909.5", "250.8\n", "AB", "AB\n", "a,b", 'say "hi"', "x" * 70),
    *("=1+1", "'; DROP TABLE x; --", "{}", "\u202e", "\U0001f9ea", "1\u0663", "٤٢", "-0", "1 000", "Ch", "Yes", ">30"),
)


@dataclass(frozen=True)
class Mutated:
    """A harmed file: its bytes, what comes after .csv in its name, and the kinds of harm done."""

    data: bytes
    suffix: str
    kinds: tuple[str, ...]


def mutate(data: bytes, seed: str) -> Mutated:
    """Return `data` (plain csv, LF, ASCII) after one to three kinds of harm."""
    rng = random.Random(seed)
    lines = data.split(b"\n")[:-1]
    kinds = []
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3))):
        kind = rng.choice(list(_LINES))
        for _ in range(rng.choice((1, 1, 1, 2, 3, 9)) if kind not in _ONCE else 1):
            lines = _LINES[kind](lines, rng)
        kinds.append(kind)
    harmed = b"".join(line + b"\n" for line in lines)
    if rng.random() < 0.45:
        kind = rng.choice(list(_BYTES))
        kinds.append(kind)
        harmed = _BYTES[kind](harmed, rng)
    suffix = ""
    if rng.random() < 0.15:
        kind = rng.choice(list(_PACKED))
        kinds.append(kind)
        suffix = ".zst" if "zstd" in kind else ".gz"
        harmed = _PACKED[kind](harmed, rng)
    return Mutated(harmed, suffix, tuple(kinds))


Lines = list[bytes]
LineHarm = Callable[[Lines, random.Random], Lines]
ByteHarm = Callable[[bytes, random.Random], bytes]


def _place(lines: Lines, rng: random.Random) -> int:
    """A record; the header now and then."""
    return 0 if len(lines) < 2 or rng.random() < 0.03 else rng.randrange(1, len(lines))


def _on_a_line(change: Callable[[bytes, random.Random], bytes]) -> LineHarm:
    def harm(lines: Lines, rng: random.Random) -> Lines:
        at = _place(lines, rng)
        return [*lines[:at], change(lines[at], rng), *lines[at + 1 :]] if lines else lines

    return harm


def _on_fields(change: Callable[[list[bytes], random.Random], list[bytes]]) -> LineHarm:
    return _on_a_line(lambda line, rng: b",".join(change(line.split(b","), rng)))


def _at(fields: list[bytes], rng: random.Random) -> int:
    return rng.randrange(len(fields))


def _value(fields: list[bytes], rng: random.Random) -> list[bytes]:
    at, value = _at(fields, rng), rng.choice(VALUES)
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([value, ""])
    written = out.getvalue().removesuffix(",") if rng.random() < 0.8 else value
    return [*fields[:at], written.encode(), *fields[at + 1 :]]


def _swap(fields: list[bytes], rng: random.Random) -> list[bytes]:
    i, j = _at(fields, rng), _at(fields, rng)
    out = list(fields)
    out[i], out[j] = out[j], out[i]
    return out


def _move(fields: list[bytes], rng: random.Random) -> list[bytes]:
    out = list(fields)
    out.insert(_at(out, rng), out.pop(_at(out, rng)))
    return out


def _insert(line: bytes, rng: random.Random, what: bytes) -> bytes:
    at = rng.randrange(len(line) + 1)
    return line[:at] + what + line[at:]


def _cut(line: bytes, rng: random.Random) -> bytes:
    return line[: rng.randrange(len(line) + 1)]


def _quote_field(fields: list[bytes], rng: random.Random) -> list[bytes]:
    at = _at(fields, rng)
    quoted = rng.choice((b'"%s"', b'"%s', b'%s"', b'""%s""', b'"%s"x', b'"%s\n%s"', b'"%s,"', b' "%s"', b'"%s""'))
    value = quoted.replace(b"%s", fields[at])
    return [*fields[:at], value, *fields[at + 1 :]]


def _accent(fields: list[bytes], rng: random.Random) -> list[bytes]:
    at, text = _at(fields, rng), rng.choice(("Chirurgie générale", "Ärztin", "café", "“quoted”", "naïve€"))
    return [*fields[:at], text.encode(rng.choice(("latin-1", "cp1252", "utf-8", "utf-16")), "ignore"), *fields[at + 1 :]]


def _double(lines: Lines, rng: random.Random) -> Lines:
    at = _place(lines, rng)
    return [*lines[:at], lines[at], *lines[at:]]


def _drop(lines: Lines, rng: random.Random) -> Lines:
    at = _place(lines, rng)
    return lines[:at] + lines[at + 1 :]


def _join(lines: Lines, rng: random.Random) -> Lines:
    at = _place(lines, rng)
    return [*lines[:at], b"".join(lines[at : at + 2]), *lines[at + 2 :]]


def _split(lines: Lines, rng: random.Random) -> Lines:
    at = _place(lines, rng)
    cut = rng.randrange(len(lines[at]) + 1)
    return [*lines[:at], lines[at][:cut], lines[at][cut:], *lines[at + 1 :]]


def _blank(lines: Lines, rng: random.Random) -> Lines:
    at = rng.randrange(len(lines) + 1)
    return [*lines[:at], rng.choice((b"", b"", b" ", b",")), *lines[at:]]


def _swap_lines(lines: Lines, rng: random.Random) -> Lines:
    out = list(lines)
    i, j = _place(lines, rng), _place(lines, rng)
    out[i], out[j] = out[j], out[i]
    return out


def _header(change: Callable[[list[bytes], random.Random], list[bytes]]) -> LineHarm:
    return lambda lines, rng: [b",".join(change(lines[0].split(b","), rng)), *lines[1:]] if lines else lines


def _rename(fields: list[bytes], rng: random.Random) -> list[bytes]:
    at = _at(fields, rng)
    other = rng.choice((fields[at] + b"_id", fields[at].upper(), b" " + fields[at], b"", b'"' + fields[at] + b'"', fields[at - 1]))
    return [*fields[:at], other, *fields[at + 1 :]]


def _reorder(lines: Lines, rng: random.Random) -> Lines:
    """All columns in another order, as an export does; lines that are harmed already are left as they are."""
    width = lines[0].count(b",") + 1 if lines else 0
    order = rng.sample(range(width), width)

    def moved(line: bytes) -> bytes:
        fields = line.split(b",")
        return b",".join(fields[i] for i in order) if len(fields) == width and b'"' not in line else line

    return [moved(line) for line in lines]


def _extra_column(lines: Lines, _: random.Random) -> Lines:
    return [line + (b",note" if n == 0 else b",x") for n, line in enumerate(lines)]


def _lose_column(lines: Lines, rng: random.Random) -> Lines:
    at = rng.randrange(lines[0].count(b",") + 1) if lines else 0
    return [b",".join(f for n, f in enumerate(line.split(b",")) if n != at) for line in lines]


_LINES: dict[str, LineHarm] = {
    "value": _on_fields(_value),
    "other value": _on_fields(_value),
    "fields swapped": _on_fields(_swap),
    "field moved": _on_fields(_move),
    "field lost": _on_fields(lambda fields, rng: [f for n, f in enumerate(fields) if n != rng.randrange(len(fields))]),
    "field added": _on_fields(lambda fields, rng: [*fields, rng.choice((b"", b"x", b"7"))]),
    "field quoted": _on_fields(_quote_field),
    "accents": _on_fields(_accent),
    "quote": _on_a_line(lambda line, rng: _insert(line, rng, b'"')),
    "nul": _on_a_line(lambda line, rng: _insert(line, rng, b"\0")),
    "delimiter": _on_a_line(lambda line, rng: _insert(line, rng, b",")),
    "line cut": _on_a_line(_cut),
    "line end inside": _on_a_line(
        lambda line, rng: _insert(line, rng, rng.choice((b"\r", b"\r\n", b"\x0b", b"\x85", b"\xe2\x80\xa8")))
    ),
    "line doubled": _double,
    "line lost": _drop,
    "lines joined": _join,
    "line split": _split,
    "line blank": _blank,
    "lines swapped": _swap_lines,
    "column renamed": _header(_rename),
    "columns reordered": _reorder,
    "columns reordered again": _reorder,
    "column extra": _extra_column,
    "column lost": _lose_column,
    "header lost": lambda lines, _: lines[1:],
    "header twice": lambda lines, _: [*lines[:1], *lines],
    "header only": lambda lines, _: lines[:1],
}
_ONCE = {
    "columns reordered",
    "columns reordered again",
    "column extra",
    "column lost",
    "header lost",
    "header only",
    "column renamed",
}


def _flip(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 40)) if out else 0):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _noise(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.randbytes(rng.choice((1, 3, 200))) + data[at:]


def _block(data: bytes, rng: random.Random) -> bytes:
    """A disk block lost, zeroed or written twice."""
    at, size = rng.randrange(len(data) + 1), rng.choice((16, 64, 512))
    middle = rng.choice((b"", b"\0" * size, data[at : at + size] * 2))
    return data[:at] + middle + data[at + size :]


_BYTES: dict[str, ByteHarm] = {
    "bits flipped": _flip,
    "more bits flipped": _flip,
    "noise": _noise,
    "block": _block,
    "truncated": lambda data, rng: data[: rng.randrange(len(data) + 1)],
    "end lost": lambda data, rng: data[: -rng.choice((1, 2, 5))],
    "crlf": lambda data, _: data.replace(b"\n", b"\r\n"),
    "cr": lambda data, _: data.replace(b"\n", b"\r"),
    "mixed ends": lambda data, rng: b"".join(line + rng.choice((b"\n", b"\r\n", b"\r")) for line in data.split(b"\n")),
    "bom": lambda data, _: b"\xef\xbb\xbf" + data,
    "utf-16": lambda data, _: data.decode("latin-1").encode("utf-16"),
    "latin-1 read as utf-8": lambda data, _: data.decode("latin-1").encode("utf-8"),
    "semicolons": lambda data, _: data.replace(b",", b";"),
    "all quoted": lambda data, _: (
        b"\n".join(b",".join(b'"' + f + b'"' for f in line.split(b",")) for line in data.split(b"\n")[:-1]) + b"\n"
    ),
    "a pdf": lambda data, _: b"%PDF-1.7\n" + data,
    "empty": lambda _, __: b"",
    "old mac end": lambda data, _: data + b"\x1a",
}
_PACKED: dict[str, ByteHarm] = {
    "gzip": lambda data, _: gzip.compress(data, mtime=0),
    "gzip in two": lambda data, _: gzip.compress(data[:1000], mtime=0) + gzip.compress(data[1000:], mtime=0),
    "gzip cut": lambda data, rng: (packed := gzip.compress(data, mtime=0))[: rng.randrange(len(packed))],
    "gzip and more": lambda data, rng: gzip.compress(data, mtime=0) + rng.choice((b"x", b"\0\0", b"trailing garbage")),
    "gzip flipped": lambda data, rng: _flip(gzip.compress(data, mtime=0), rng),
    "no gzip": lambda data, _: data,
    "zstd": lambda data, _: pa.compress(data, codec="zstd", asbytes=True),
    "zstd cut": lambda data, rng: (packed := pa.compress(data, codec="zstd", asbytes=True))[: rng.randrange(len(packed))],
}
