"""A whole HTML document that needs nothing beside itself: no script, no network."""

from __future__ import annotations

from importlib.resources import files

from readiness_pipelines.reports.markup import Html, element, safe

# Whatever should ever get past the escaping can still load nothing and run nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def document(title: str, *sections: object, styles: tuple[str, ...] = ("page.css",)) -> str:
    """Return the document of these sections; `styles` are files beside this module."""
    style = Html("".join(files(__package__).joinpath(each).read_text(encoding="utf-8") for each in styles))
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{safe(_POLICY)}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        element("style", style),
    )
    return f"<!DOCTYPE html>\n{element('html', head, element('body', element('main', *sections)), lang='en')}\n"
