"""Telling people: one message per incident, through apprise, to the addresses that the product declares."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.alerts import address
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.ledger import Incident

if TYPE_CHECKING:
    from apprise import Apprise

_ONE_BY_ONE = 20  # in one go; a feed that is silent for a year is told in one message, not in 365


def send(product: Product, lake: Lakehouse, resolved: Sequence[Incident] = (), *, log: logging.Logger) -> int:
    """Tell the owner of every open incident nobody was told of, and of those just `resolved`. Return messages delivered.

    Each incident is told once; one that could not be delivered stays to be told the next time, and the log says so.
    Every message is in the log, whatever the product declares. More than 20 at once are told in one message.
    """
    untold = [i for i in lake.ledger.incidents.newest(product.name).values() if i.state == "opened"]
    told = [i for i in resolved if i.state == "notified"]
    messages = [(message(product, i), [i]) for i in untold[:_ONE_BY_ONE]]
    if len(untold) > _ONE_BY_ONE:
        messages = [(_many(product, untold), untold)]
    messages += [(_resolved(product, told), [])] if told else []
    for (title, body), _ in messages:
        log.warning("%s\n%s", title, body)
    delivered = 0
    carrier = _carrier(product, log=log) if messages else None
    for (title, body), about in messages:
        if carrier is None or (product.declaration.alerts.to and not carrier.notify(title=title, body=body)):
            log.error("could not be delivered to every address of %s: %s; it is tried again", product.name, title)
            continue
        delivered += 1
        for incident in about:
            lake.ledger.incidents.record(incident, "notified")
    return delivered


def message(product: Product, incident: Incident) -> tuple[str, str]:
    """Return title and body about one incident: what, why, whose, what to do next. No value of any row."""
    subject = f"run {incident.subject}" if incident.kind == "run_failed" else incident.subject
    lines = [f"Why: {incident.why}", f"Owner: {product.contract.owner}; steward: {product.contract.steward}"]
    if incident.kind in ("held", "missing"):
        on_main = incident.details.get("on_main") or "nothing: no reader sees this partition"
        lines.append(f"On main: {on_main}")
    elif incident.kind == "drift":
        lines.append(f"Event: {incident.details['event'][:12]} of monitor {incident.details['monitor']}")
    return f"{product.name}: {subject} {_WHAT[incident.kind]}", "\n".join([*lines, f"Next: {_next(product, incident)}"])


_WHAT = {"held": "is held", "missing": "is missing", "run_failed": "failed", "drift": "drift", "waits": "waits for a person"}


def _next(product: Product, incident: Incident) -> str:
    table, partition = incident.details.get("table", ""), incident.details.get("partition", "")
    match incident.kind:
        case "held":
            return f"readiness held show {table} {partition}; correct the delivery and land it: it is run by itself."
        case "missing":
            return "ask the source for the file and land it: it is run by itself."
        case "drift":
            return f"readiness drift show {product.name}"
        case "waits":
            return f"readiness review show {product.name} {incident.details['model']}: it ends with the commands to decide."
        case "run_failed":
            again = f"run {partition or 'its partitions'} again"
            if event := incident.details.get("event", ""):
                again = f"launch {product.name}_response for event {event}"
            elif job := incident.details.get("job", ""):
                last = "60 minutes, then every hour" if incident.details.get("of") else "60 minutes"
                again = f"correct what it names; {job} is asked for by itself, after 1, 10 and {last}"
            return f"look at run {incident.subject} in Dagster, then {again}."


def _many(product: Product, incidents: Sequence[Incident]) -> tuple[str, str]:
    named = [f"- {i.kind} {i.subject}: {i.why[:120]}" for i in incidents[:_ONE_BY_ONE]]
    rest = f"... and {len(incidents) - _ONE_BY_ONE} more: readiness incidents {product.name}"
    return f"{product.name}: {len(incidents)} new incidents", "\n".join([*named, rest, f"Owner: {product.contract.owner}"])


def _resolved(product: Product, incidents: Sequence[Incident]) -> tuple[str, str]:
    named = [f"- {i.kind} {i.subject}" for i in incidents[:_ONE_BY_ONE]]
    more = [f"... and {len(incidents) - _ONE_BY_ONE} more"] if len(incidents) > _ONE_BY_ONE else []
    return f"{product.name}: {len(incidents)} resolved", "\n".join(named + more)


def _carrier(product: Product, *, log: logging.Logger) -> Apprise | None:
    """Return apprise with the product's addresses, or None where one cannot be used now (the log says which)."""
    import apprise

    carrier = apprise.Apprise()
    for given in product.declaration.alerts.to:
        try:
            carrier.add(address(given, owner=product.contract.owner))
        except ReadinessError as error:
            log.error("%s", error)
            return None
    return carrier
