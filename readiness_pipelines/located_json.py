"""JSON as the nodes that YAML is read into: the same lines for the same mistakes, and JSON's own meaning of the text.

YAML reads most of JSON, but not all: `1e+16` is text to it, a pair of escaped surrogates two characters that no text
holds, a tab at the start of a line a mistake.
"""

from __future__ import annotations

import bisect
import json
import re
from typing import Any

import yaml

_BLANK = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


def loaded(text: str) -> tuple[Any, yaml.Node] | None:
    """Return what a text of one JSON mapping says and its nodes, or None where it is none: it may still be YAML."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        data = json.loads(text)
        json.dumps(data, ensure_ascii=False).encode()  # half a pair of surrogates is no text, and nothing could keep it
    except ValueError:
        return None
    return data, _Nodes(text).node(text.index("{"))[0]


class _Nodes:
    """Composes nodes from a text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._breaks = [found.start() for found in re.finditer("\n", text)]

    def node(self, at: int) -> tuple[yaml.Node, int]:
        """Return the node that starts at the place, and where it ends."""
        mark, opened = self._mark(at), self._text[at]
        if opened not in "{[":
            value, end = _DECODER.raw_decode(self._text, at)
            return yaml.ScalarNode("tag:yaml.org,2002:str", str(value), mark), end
        inside: list[Any] = []
        at = self._next(at + 1)
        while self._text[at] not in "}]":
            item, at = self.node(at)
            if opened == "{":
                value, at = self.node(self._next(self._next(at) + 1))  # beyond the colon
                inside.append((item, value))
            else:
                inside.append(item)
            at = self._next(at)
            at = self._next(at + 1) if self._text[at] == "," else at
        kind, tag = (yaml.MappingNode, "map") if opened == "{" else (yaml.SequenceNode, "seq")
        return kind(f"tag:yaml.org,2002:{tag}", inside, mark), at + 1

    def _next(self, at: int) -> int:
        found = _BLANK.match(self._text, at)
        assert found is not None  # it matches nothing too
        return found.end()

    def _mark(self, at: int) -> Any:
        return yaml.Mark("", at, bisect.bisect_left(self._breaks, at), 0, None, 0)
