"""Regular expressions: Python's, as pandas runs them, in DuckDB's engine where both mean the same.

pandas gives a pattern to RE2, as DuckDB does, and to Python's `re` where RE2 has not what it asks for or would read the
text otherwise: \\s anywhere, \\d \\w \\b on text beyond ASCII, $ before a last line break. So such a text makes the rule
unsure, and Great Expectations judges it.
"""

from __future__ import annotations

import re

from readiness_pipelines.gates.columns import NotCompiled, literal

_OTHER = re.compile(r"\(\?[=!<>(#]|\(\?P[=>]|\\[1-9ZzuUNGQECXRK]|[*+?}]\+|\{,|\(\?[a-zA-Z-]*[auxLU]|\[:")
_CLASSES = re.compile(r"\\[dDwWbBsS]|\(\?[a-zA-Z]*i")
_ODD_SPACE = "[\\x0b\\x1c-\\x1f]"


def matches(name: str, pattern: str) -> tuple[str, str]:
    """Return (SQL that is true where the text matches somewhere, SQL that is true where the engines may differ).

    Raises NotCompiled for a pattern that RE2 lacks or reads otherwise.
    """
    found = _OTHER.search(pattern.replace("(?P<", "("))
    if found:
        raise NotCompiled(f"a pattern with {found[0]!r}")
    unsure = []
    if _CLASSES.search(pattern):
        unsure.append(f"strlen({name}) <> length({name})")
    if "\\s" in pattern or "\\S" in pattern:
        unsure.append(f"regexp_matches({name}, '{_ODD_SPACE}')")
    if "$" in pattern:
        unsure.append(f"contains({name}, chr(10))")
    return f"regexp_matches({name}, {literal(pattern)})", " OR ".join(unsure) or "false"
