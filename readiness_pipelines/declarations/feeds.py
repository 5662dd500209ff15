"""What can be wrong with a feed although each of its words is allowed: days out of order, a pattern that names no day."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from readiness_pipelines.declarations import words
from readiness_pipelines.located import shown, unknown
from readiness_pipelines.sources.pattern import codes

_ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "latin-1", "iso-8859-1", "iso-8859-15", "cp1252", "cp1250", "cp437", "ascii")
_NO_DELIMITER = '"\r\n\0'


def feed_problems(feed: words.Feed, partitions: words.Partitions | None) -> Iterator[tuple[str, str]]:
    """Yield (key of the feed, what was found and expected). `partitions` is None where that cannot be said."""
    if feed.last_due is not None and feed.last_due < feed.first_due:
        yield "last_due", f"found {feed.last_due}, expected a day from first_due ({feed.first_due}) on"
    if partitions is not None and feed.first_due < partitions.start:
        yield "first_due", f"found {feed.first_due}, expected a day from partitions.start ({partitions.start}) on"
    message = _pattern_problem(feed.files, partitions.every if partitions else "day")
    if message:
        yield "files", message
    if feed.form != "csv":
        for key in sorted({"delimiter", "encoding"} & feed.model_fields_set):
            yield key, f"found it beside files of the format {feed.form}, expected it beside csv only"
        return
    if feed.delimiter in _NO_DELIMITER:
        yield "delimiter", f"found {shown(feed.delimiter)}, expected a character that ends a field"
    message = _encoding_problem(feed.encoding)
    if message:
        yield "encoding", message


def _pattern_problem(pattern: str, every: str) -> str | None:
    if {"", ".", ".."} & {part.strip() for part in pattern.split("/")}:  # an absolute path begins with an empty part
        return f"found {shown(pattern)}, expected the pattern of files under the landing folder, as in orders/orders_%Y-%m-%d*.csv"
    try:
        found = set(codes(pattern))
    except ValueError as error:
        return f"{error} in {shown(pattern)}"
    lacking = {"%Y"} - found
    if "%j" not in found:
        lacking |= {"%m", "%d"} - found
    if every == "hour":
        lacking |= {"%H"} - found
    if not lacking:
        return None
    needed = "%Y %m %d (or %Y %j)" + (" and %H" if every == "hour" else "")
    return f"found {shown(pattern)} without {' '.join(sorted(lacking))}, expected {needed}: a file's name says its {every}"


def _encoding_problem(encoding: str) -> str | None:
    try:
        # Some codecs turn bytes into bytes (base64, zip): what they decode to is no text.
        if codecs.decode(codecs.encode("", encoding), encoding) == "":
            return None
    except (LookupError, TypeError, ValueError, UnicodeError):
        pass
    return unknown(encoding, _ENCODINGS)
