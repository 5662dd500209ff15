"""`readiness pause` and `readiness resume`: the switch that stops a product's loop."""

from __future__ import annotations

from readiness_pipelines.cli.carried_out import By, Reason
from readiness_pipelines.cli.model_told import minute
from readiness_pipelines.cli.place import console, lakehouse, product_with_model
from readiness_pipelines.cli.review import Product
from readiness_pipelines.governance import signed


def pause(product: Product, by: By, reason: Reason) -> None:
    """Stop the loop: nothing is retrained, promoted or rolled back by itself until it is resumed. People still can."""
    _switch(product, by, reason, is_paused=True)


def resume(product: Product, by: By, reason: Reason) -> None:
    """Let the loop go on: what is due meanwhile is taken up by the product's sensors."""
    _switch(product, by, reason, is_paused=False)


def _switch(product: str, by: str, reason: str, *, is_paused: bool) -> None:
    declared, retrains = product_with_model(product), lakehouse().ledger.retrains
    who, why = signed(by, reason)
    before = retrains.paused(declared.name)
    if (before is not None) == is_paused:
        found = f"paused by {before.by} since {minute(before.at)}: {before.reason}" if before else "not paused"
        console.print(f"{declared.name} is {found}; nothing is recorded", markup=False)
        return
    (retrains.pause if is_paused else retrains.resume)(declared.name, by=who, reason=why)
    console.print(f"recorded: {declared.name} {'paused' if is_paused else 'resumed'} by {who}: {why}", markup=False)
