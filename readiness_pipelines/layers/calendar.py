"""Partition keys and the days between them."""

from __future__ import annotations

import datetime

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.product import Feed, Input, Last

FORMATS = {"day": "%Y-%m-%d", "hour": "%Y-%m-%d-%H:%M"}
_STEPS = {"day": datetime.timedelta(days=1), "hour": datetime.timedelta(hours=1)}


def start_of(product: Product, partition: str) -> datetime.datetime:
    """Return the instant a partition begins (naive: the product's own calendar). Raises ValueError for no such key."""
    return datetime.datetime.strptime(partition, FORMATS[product.declaration.partitions.every])  # noqa: DTZ007 calendar, not clock


def keys_between(product: Product, first: str, last: str) -> list[str]:
    """Return the partition keys from `first` to `last`, both inclusive, oldest first."""
    every = product.declaration.partitions.every
    moment, end = start_of(product, first), start_of(product, last)
    keys = []
    while moment <= end:
        keys.append(moment.strftime(FORMATS[every]))
        moment += _STEPS[every]
    return keys


def first_key(product: Product) -> str:
    """Return the key of the product's first partition."""
    partitions = product.declaration.partitions
    return datetime.datetime.combine(partitions.start, datetime.time()).strftime(FORMATS[partitions.every])


def last_key(product: Product, *, now: datetime.datetime) -> str:
    """Return the key of the newest partition that has ended by `now`, or of the last day on which anything is due."""
    every = product.declaration.partitions.every
    ended = now - _STEPS[every]
    if product.last_due is not None:
        ended = min(ended, datetime.datetime.combine(product.last_due, datetime.time(23)))
    return ended.strftime(FORMATS[every] if every == "day" else "%Y-%m-%d-%H:00")


def is_due(product: Product, feed: Feed, partition: str) -> bool:
    """Return whether a delivery of `feed` is due for `partition` (first and last due day inclusive)."""
    day = start_of(product, partition).date()
    return feed.first_due <= day and (feed.last_due is None or day <= feed.last_due)


def partitions_read(product: Product, given: Input, partition: str) -> list[str]:
    """Return the partitions that an input of `partition` reads, oldest first, `partition` itself included."""
    if given.read == "same":
        return [partition]
    keys = keys_between(product, first_key(product), partition)
    return keys[-given.read.last :] if isinstance(given.read, Last) else keys
