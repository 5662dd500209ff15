"""HTML from text that nobody trusts: whatever is not marked as HTML already is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence


class Html(str):
    """Text that is HTML already. Made here and in the modules that draw, and of nothing but what they wrote or escaped."""

    __slots__ = ()


def safe(text: object) -> Html:
    """Return text as HTML, escaped unless it is Html; what XML cannot hold (control characters) is shown as `\\ufffd`."""
    if isinstance(text, Html):
        return text
    return Html(html.escape("".join(c if c.isprintable() or c in "\n\t " else "\ufffd" for c in str(text))))


def element(name: str, *inside: object, **attributes: object) -> Html:
    """Return `<name attributes>inside</name>`. `class_` is class, `aria_label` is aria-label; None leaves one out."""
    named = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    given = "".join(f' {key}="{safe(value)}"' for key, value in named.items())
    return Html(f"<{name}{given}>{''.join(safe(each) for each in inside)}</{name}>")


def joined(parts: Sequence[object], by: str = "") -> Html:
    return Html(by.join(safe(part) for part in parts))


def name(text: str) -> Html:
    """Return a name that may be broken after a dot or an underscore, where it is too long for its place."""
    return Html("".join(f"{safe(part)}<wbr>" for part in re.findall(r"[^._]*[._]?", text) if part))


def command(text: str) -> Html:
    """Return a command to type, broken between its words alone."""
    return element("code", joined([element("span", word) for word in text.split(" ")], by=" "))


def prose(text: str) -> Html:
    """Return text of ours in which what one types stands between backticks."""
    return joined([command(part) if n % 2 else part for n, part in enumerate(text.split("`"))])


def section(title: str, *inside: object, told: str = "") -> Html:
    """Return a section with its title, and in small what a reader has to know of it: prose."""
    return element("section", element("h2", title), element("p", prose(told), class_="faint") if told else Html(""), *inside)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], *, class_: str) -> Html:
    """Return a table; a head that ends in `#` is of a column of numbers, in `!` of one that keeps to a line."""
    classes = [{"#": "n", "!": "line"}.get(head[-1:]) for head in heads]
    names = [head.rstrip("#!") for head in heads]
    head = [element("th", name, scope="col", class_=given) for name, given in zip(names, classes, strict=True)]
    body = [[element("td", cell, class_=given) for cell, given in zip(row, classes, strict=True)] for row in rows]
    lines = [element("tr", *cells) for cells in body]
    return element("table", element("thead", element("tr", *head)), element("tbody", *lines), class_=class_)
