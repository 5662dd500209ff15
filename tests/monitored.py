"""The shop of `tests/shop.py` with a monitor over one of its tables."""

from __future__ import annotations

from collections.abc import Sequence

from tests.shop import Shop

PAID_ORDERS = "    - {name: paid_orders, table: paid_orders, window: {days: 1}, reference: {from: 2025-01-01, to: 2025-01-03}, features: [amount]}"
ORDERS = "    - {table: orders, window: {days: 2}, reference: previous_window, features: [amount]}"


def declare_monitors(shop: Shop, monitors: Sequence[str] = (PAID_ORDERS,)) -> Shop:
    """Declare these monitors, in place of those declared before; return the same shop."""
    path = shop.folder / "defs.yaml"
    text = path.read_text().partition("  drift:\n")[0]
    path.write_text(text + ("  drift:\n" + "".join(f"{line}\n" for line in monitors) if monitors else ""))
    return shop
