"""Who was erased, without saying who: a subject is known by its keyed hash, and the key is kept outside the ledger.

Without the key nobody can try all patient numbers there are against the ledger. Whoever loses the key can erase nobody
again, and take in no new delivery of a table with erasures: the rows of those who were erased would come back unseen.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.settings import Settings

KEY_FILE = "erasure.key"
_LEAST = 32  # characters of a key: 256 bits as 64 hex digits are made here
_TOKEN = re.compile(r"""[^\s,;|:{}\[\]"']+""")
_SPLIT = re.compile(r"[,;|\t\0]")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_CARRIED = re.compile("[\udc00-\udcff]")  # a byte that is no text of the encoding, see sources.reader
_SHOWN = re.compile(r"\\{1,2}x([0-9a-f]{2})")
_JSON_ESCAPE = re.compile(r'\\(u([0-9a-fA-F]{4})|["\\/bfnrt])')
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class SubjectKey:
    """The secret of the keyed hash. It is not shown."""

    secret: bytes = field(repr=False)

    def hash(self, subject: str) -> str:
        """Return HMAC-SHA256 of a subject, as delivered, as hex: the same text gives the same hash, nothing else does."""
        return hmac.digest(self.secret, subject.encode("utf-8", "surrogatepass"), "sha256").hex()

    def hash_each(self, subjects: Iterable[str]) -> dict[str, str]:
        return {subject: self.hash(subject) for subject in subjects}

    @property
    def fingerprint(self) -> str:
        """What tells this key from another one, and says nothing about it."""
        return hmac.digest(self.secret, b"readiness erasure key", "sha256").hex()[:16]


def subject_key(settings: Settings, *, is_new: bool, known: Iterable[str]) -> SubjectKey:
    """Return the key: READINESS_ERASURE_KEY, else the file `erasure.key` in the state folder.

    The file is made, for its owner alone, where `is_new`: nobody was erased before. `known` are the fingerprints of the keys
    that were used: raises ReadinessError for another key, or none, because then nobody who was erased would be found.
    """
    path = settings.state / KEY_FILE
    secret = settings.erasure_key
    if secret is None and is_new and not path.exists():
        _make(path)
    if secret is None:
        try:
            secret = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            raise ReadinessError(
                f"found no {path} and no READINESS_ERASURE_KEY, expected the key by which subjects were erased here: put it back; "
                "without it their rows would be taken in again"
            ) from None
    if len(secret) < _LEAST:
        raise ReadinessError(f"the erasure key has {len(secret)} characters, expected at least {_LEAST}: openssl rand -hex 32")
    key = SubjectKey(secret.encode())
    if other := sorted(set(known) - {key.fingerprint}):
        raise ReadinessError(
            f"the erasure key is {key.fingerprint}, and subjects were erased with {', '.join(other)}: put the first key back "
            f"(READINESS_ERASURE_KEY, or {path}); with another one nobody who was erased is found"
        )
    return key


def _make(path: Path) -> None:
    """Make the key's file, whole or not at all; where another process was first, its key counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{KEY_FILE}-{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process made it just now
    finally:
        draft.unlink()


def names_somebody(text: str) -> bool:
    """Return whether a text can name anybody: it has a letter or a digit. `?` and `-` stand for nobody, in many records."""
    return any(map(str.isalnum, text))


def tokens(raw: str, *, delimiter: str = ",") -> set[str]:
    """Return what could be a subject in a record that cannot be read: whatever stands between delimiters, quotes or spaces.

    The text counts as it is, and as it was meant: escapes of JSON and of `shown` undone, bytes that are no text read as
    Windows-1252, NULs left out. A value may have the delimiter in it: quoted, or as two or three fields beside each other.
    """
    found = set[str]()
    for text in readings(raw):
        for line in {text, *text.splitlines()}:
            fields = [part.strip().strip("\"'").strip() for part in line.split(delimiter)]
            parts = [line.split(delimiter)[i : i + n] for n in (2, 3) for i in range(len(fields) - n + 1)]
            found |= {delimiter.join(some).strip().strip("\"'").strip() for some in parts}
            found |= {*fields, *_TOKEN.findall(line), *(part.strip().strip("\"'") for part in _SPLIT.split(line))}
            found |= {quote.replace('""', '"') for quote in _QUOTED.findall(line)}
    return found - {""}


def readings(raw: str) -> set[str]:
    """Return a text as it is, and as it was meant where it is escaped or has bytes that are no text of its encoding."""
    carried = _CARRIED.sub(lambda found: _windows(ord(found[0]) - 0xDC00), raw)
    unescaped = _JSON_ESCAPE.sub(_unescaped, _SHOWN.sub(lambda found: _windows(int(found[1], 16)), carried))
    joined = unescaped.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    texts = {raw, carried, joined}
    return texts | {text.replace("\0", between) for text in texts if "\0" in text for between in ("", " ")}


def _windows(byte: int) -> str:
    return bytes([byte]).decode("cp1252", "replace")


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[2], 16)) if found[2] else _SHORT.get(found[1], found[1])


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
