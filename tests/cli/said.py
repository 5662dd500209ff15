"""What a command said: its exit code, and all that it printed."""

from __future__ import annotations

from collections.abc import Callable

Said = Callable[..., tuple[int, str]]
