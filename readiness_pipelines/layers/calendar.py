"""Partition keys, the time between them, and when a delivery is due. All of it in UTC, without daylight saving."""

from __future__ import annotations

import datetime

from readiness_pipelines.declarations import Bronze, Product
from readiness_pipelines.declarations.words import Input, Last
from readiness_pipelines.errors import ReadinessError

FORMATS = {"day": "%Y-%m-%d", "hour": "%Y-%m-%d-%H:%M"}
STEPS = {"day": datetime.timedelta(days=1), "hour": datetime.timedelta(hours=1)}


def clock() -> datetime.datetime:
    """Return the time now, in UTC, without a zone: as all times of this module are."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)


def key_of(product: Product, moment: datetime.datetime) -> str:
    """Return the key of the partition that `moment` lies in."""
    every = product.declaration.partitions.every
    start = moment.replace(minute=0, second=0, microsecond=0, hour=moment.hour if every == "hour" else 0)
    return start.strftime(FORMATS[every])


def start_of(product: Product, partition: str) -> datetime.datetime:
    """Return the instant a partition begins. Raises ValueError for no such key."""
    return datetime.datetime.strptime(partition, FORMATS[product.declaration.partitions.every])  # noqa: DTZ007 UTC throughout


def end_of(product: Product, partition: str) -> datetime.datetime:
    """Return the instant a partition has ended: the next one begins."""
    return start_of(product, partition) + STEPS[product.declaration.partitions.every]


def keys_between(product: Product, first: str, last: str) -> list[str]:
    """Return the partition keys from `first` to `last`, both inclusive, oldest first."""
    every = product.declaration.partitions.every
    moment, end = start_of(product, first), start_of(product, last)
    keys = []
    while moment <= end:
        keys.append(moment.strftime(FORMATS[every]))
        moment += STEPS[every]
    return keys


def keys_asked_for(product: Product, first: str | None, last: str | None, *, now: datetime.datetime) -> list[str]:
    """Return the partitions from `first` to `last`, both inclusive, by default from the product's first to the last that ended.

    Raises ReadinessError for what are no partitions, none at all, or some that the product has not yet or never had.
    """
    lowest, highest = first_key(product), last_key(product, now=now)
    first, last = first or lowest, last or highest
    if highest < lowest:
        raise ReadinessError(f"{product.name} begins with {lowest}, which has not ended: there is no partition yet")
    try:
        keys = keys_between(product, first, last)
    except ValueError:
        raise ReadinessError(f"found {first!r} to {last!r}, expected partitions as in {lowest}") from None
    if not keys or keys[0] < lowest or keys[-1] > highest:
        raise ReadinessError(f"found {first} to {last}, expected a range within {lowest} to {highest}, the first before the last")
    return keys


def first_key(product: Product) -> str:
    """Return the key of the product's first partition."""
    partitions = product.declaration.partitions
    return datetime.datetime.combine(partitions.start, datetime.time()).strftime(FORMATS[partitions.every])


def last_key(product: Product, *, now: datetime.datetime) -> str:
    """Return the key of the newest partition that has ended by `now`, or of the last day on which anything is due."""
    ended = now - STEPS[product.declaration.partitions.every]
    if product.last_due is not None:
        ended = min(ended, datetime.datetime.combine(product.last_due, datetime.time(23)))
    return key_of(product, ended)


def is_expected(product: Product, table: Bronze, partition: str) -> bool:
    """Return whether the partition ever gets a delivery: first and last due day inclusive, at the contract's frequency.

    `weekdays` is Monday to Friday; `weekly` and `monthly` fall on the weekday or day of month of `first_due` (on the
    last day of a shorter month); below a day, such a frequency means the first partition of its day.
    """
    feed, start = table.feed, start_of(product, partition)
    day, first = start.date(), table.feed.first_due
    if not feed.first_due <= day or (feed.last_due is not None and day > feed.last_due):
        return False
    match table.table.service_level.frequency:
        case "hourly":
            return True
        case "daily":
            on_its_day = True
        case "weekdays":
            on_its_day = day.weekday() < 5
        case "weekly":
            on_its_day = day.weekday() == first.weekday()
        case "monthly":
            is_last_of_month = (day + datetime.timedelta(days=1)).day == 1
            on_its_day = day.day == first.day or (is_last_of_month and day.day < first.day)
    return on_its_day and start.time() == datetime.time()


def due_at(product: Product, table: Bronze, partition: str) -> datetime.datetime:
    """Return the instant by which the partition's delivery must have landed: its end, and the contract's latency."""
    return end_of(product, partition) + table.table.service_level.latency


def is_due(product: Product, table: Bronze, partition: str, *, now: datetime.datetime) -> bool:
    """Return whether a delivery for `partition` should have landed by `now` (inclusive)."""
    return is_expected(product, table, partition) and due_at(product, table, partition) <= now


def partitions_read(product: Product, given: Input, partition: str) -> list[str]:
    """Return the partitions that an input of `partition` reads, oldest first, `partition` itself included."""
    if given.read == "same":
        return [partition]
    first = first_key(product)
    if isinstance(given.read, Last):
        step, end = STEPS[product.declaration.partitions.every], start_of(product, partition)
        if given.read.last <= (end - start_of(product, first)) // step:
            first = key_of(product, end - (given.read.last - 1) * step)
    return keys_between(product, first, partition)
