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


def picture(page: Any, name: str, **how: object) -> None:
    """Save what the page shows now, where the environment asks for pictures."""
    if folder := os.environ.get("READINESS_PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.wait_for_timeout(1000)  # what is loading or moving comes to rest
        page.screenshot(path=Path(folder) / f"{name}.png", **how)
