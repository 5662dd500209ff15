"""A feed's file pattern: which landed file belongs to which partition, and the other way round.

A pattern is a path under the landing folder with strftime codes (%Y %m %d %H %j), `*` (any characters of one name),
`?` (one character) and `**` (any folders). Everything else means itself.
"""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from readiness_pipelines.errors import ReadinessError

_CODES = {"%Y": 4, "%m": 2, "%d": 2, "%H": 2, "%j": 3}  # code -> digits
_TOKEN = re.compile(r"%[A-Za-z%]|\*|\?|[^%*?]+|%")


class SourceUnreadable(ReadinessError):
    """A landed file, or its folder, cannot be read now: it is still being written, or something fails. Nothing was recorded."""


@dataclass(frozen=True)
class Pattern:
    """One feed's pattern. Raises ValueError on use if it has a code that is not among those above."""

    text: str

    def matches(self, landing: Path, moment: datetime.datetime) -> Iterator[Path]:
        """Yield the paths whose name says `moment`, in no order."""
        names = [re.compile(_regex(part, moment)) if part != "**" else None for part in self._parts]
        yield from (path for path, _ in _walk(landing, names, ()))

    def dated(self, landing: Path) -> Iterator[tuple[Path, datetime.datetime]]:
        """Yield every path that fits, with the moment its name says; one whose name says no possible date is left out."""
        for path, found in _walk(landing, self._names, ()):
            moment = _moment(found)
            if moment is not None:
                yield path, moment

    @cached_property
    def _parts(self) -> list[str]:
        return self.text.split("/")

    @cached_property
    def _names(self) -> list[re.Pattern[str] | None]:
        return [re.compile(_regex(part, None)) if part != "**" else None for part in self._parts]


def codes(pattern: str) -> list[str]:
    """Return the strftime codes in a pattern. Raises ValueError for one that a file name cannot be read back from."""
    found = [token for token in _TOKEN.findall(pattern) if token.startswith("%")]
    for code in found:
        if code not in _CODES:
            raise ValueError(f"found {code}, expected one of {' '.join(_CODES)}")
    return found


def _regex(part: str, moment: datetime.datetime | None) -> str:
    """Return the regular expression of one name; codes are groups named after them and counted, or `moment`'s own text."""
    codes(part)
    pieces = []
    for i, token in enumerate(_TOKEN.findall(part)):
        if token in ("*", "?"):
            pieces.append("[^/]*" if token == "*" else "[^/]")
        elif token.startswith("%"):
            pieces.append(re.escape(moment.strftime(token)) if moment else rf"(?P<{token[1]}_{i}>[0-9]{{{_CODES[token]}}})")
        else:
            pieces.append(re.escape(token))
    return "".join(pieces) + r"\Z"


_Found = tuple[tuple[str, str], ...]  # (code letter, digits) as they were met


def _walk(folder: Path, names: list[re.Pattern[str] | None], found: _Found) -> Iterator[tuple[Path, _Found]]:
    """Yield what lies under `folder` along `names`, one a level; a folder that is not there has nothing to find.

    Raises SourceUnreadable for one that cannot be listed: what lies in it is not known, and so not missing.
    """
    if not names:
        return
    name, rest = names[0], names[1:]
    if name is None:
        yield from _walk(folder, rest, found)
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise SourceUnreadable(
            f"{folder.name}: the folder cannot be listed ({error.strerror}), expected one that can; grant it, then run again"
        ) from error
    for entry in entries:
        if name is None:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), names, found)
            continue
        match = name.match(entry.name)
        if match is None:
            continue
        here = found + tuple((group[0], digits) for group, digits in match.groupdict().items())
        if rest:
            yield from _walk(Path(entry.path), rest, here)
        else:
            yield Path(entry.path), here


def _moment(found: _Found) -> datetime.datetime | None:
    """Return the moment that the digits say, or None if they say two different ones or one that never was."""
    said = dict(found)
    if any(said[code] != digits for code, digits in found):
        return None
    day = "%Y%j" if "j" in said else "%Y%m%d"
    text = "".join(said.get(code[1], "") for code in re.findall("%.", day)) + said.get("H", "00")
    try:
        return datetime.datetime.strptime(text, f"{day}%H")  # noqa: DTZ007 UTC throughout
    except ValueError:
        return None
