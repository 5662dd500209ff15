"""The browser of tests that look at pages, and where they leave pictures."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


STICKS_OUT = """() => [...document.querySelectorAll('body *')].filter(e => {
  const box = e.getBoundingClientRect();
  return box.width && (box.right > innerWidth + 1 || box.left < -1);
}).map(e => e.outerHTML.slice(0, 120))"""
OVERLAPS = """() => [...document.querySelectorAll('.axis')].filter(axis => {
  const boxes = [...axis.children].map(e => e.getBoundingClientRect()).filter(box => box.width);
  return boxes.some((box, i) => i && box.left < boxes[i - 1].right);
}).length"""


def look(browser: Any, text: str, folder: Path, *, width: int, scheme: str = "light") -> Any:
    """Open the page, and insist that it asks for nothing, complains of nothing and keeps within its width."""
    (folder / "page.html").write_text(text, encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 1000}, color_scheme=scheme)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto((folder / "page.html").as_uri())
    assert asked == [(folder / "page.html").as_uri()]
    assert said == []
    assert page.evaluate(STICKS_OUT) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate(OVERLAPS) == 0
    return page


def picture(page: Any, name: str, **how: object) -> None:
    """Save what the page shows now, where the environment asks for pictures."""
    if folder := os.environ.get("READINESS_PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(1000)  # what is loading or moving comes to rest
        page.screenshot(path=Path(folder) / f"{name}.png", **how)
