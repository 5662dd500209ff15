"""The loop of `readiness demo`: it closes over power_price, act by act, and what its sensors did by themselves is told.

Days land as they would over two months; between them nothing is done but to let the sensors look. By hand is only what a person
does once: the first model is asked for, and its week of trial is scored, so that later weeks have something to be compared with.
"""

from __future__ import annotations

import datetime
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from readiness_pipelines.cli.place import console, lakehouse, product_named
from readiness_pipelines.cli.project import shipped
from readiness_pipelines.cli.runs import materialise
from readiness_pipelines.cli.tick import Ticker, ticking
from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import clock, keys_between
from readiness_pipelines.samples import power_price
from readiness_pipelines.settings import Settings

LOOP = "power_price"
_ACTS = (  # days that have landed by then, and what is told of it
    (35, "a week later: the market has become another one, and so has its data"),
    (42, "another week: there is enough of the new market to learn from"),
    (56, "two more weeks: the new champion at work"),
)
_FIRST, _TRIAL = 28, ("2025-01-27", "2025-02-02")  # days to train the first model on; those that it is tried on
_LANDED_BEFORE = 60.0  # seconds: what landed long enough ago is not taken for a file that is still being written


def loop(settings: Settings) -> float:
    """Land power_price's days act by act and let its sensors look after each, telling which runs there were; return the seconds.

    What has landed before does not land again, and with a champion no first model is asked for: a demo that was interrupted goes
    on where it was.
    """
    product, lake, started = product_named(LOOP, of=shipped()), lakehouse(), time.monotonic()
    log = settings.state / "demo.log"
    with tempfile.TemporaryDirectory() as folder, ticking(settings, shipped(), product, log=log) as look:
        landing = _Landing(settings.landing, Path(folder))
        if lake.ledger.models.champion(product.name) is None:
            _first_model(product, lake, landing, look)
        _trial(settings, lake, product)
        for days, told in _ACTS:
            if landing.land(days):
                _act(f"{product.name}: {told}")
                _looked(look)
    return time.monotonic() - started


def respond(settings: Settings, product: Product) -> None:
    """Let the sensors of another product look until they ask for nothing, and tell which runs there were."""
    _act(f"{product.name}: its sensors look at what drifted")
    with ticking(settings, shipped(), product, log=settings.state / "demo.log") as look:
        _looked(look)


class _Landing:
    """The landing folder, and the whole sample beside it, of which some days have landed."""

    def __init__(self, landing: Path, folder: Path) -> None:
        self._landing, self._folder = landing, folder
        self._sample = power_price.write(folder)

    def land(self, days: int) -> bool:
        """Put what is not there yet of the first days into the landing folder; return whether there was any."""
        end = (datetime.date.fromisoformat(self._sample.start) + datetime.timedelta(days=days)).isoformat()
        names = [file.file for file in self._sample.files if file.partition < end]
        new = [name for name in names if not (self._landing / name).exists()]
        for name in [*new, power_price.MANIFEST]:
            (self._landing / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._folder / name, self._landing / name)
            landed = time.time() - _LANDED_BEFORE
            os.utime(self._landing / name, (landed, landed))
        return bool(new)


def _first_model(product: Product, lake: Lakehouse, landing: _Landing, look: Ticker) -> None:
    from readiness_pipelines.response import request

    _act(f"{product.name}: four weeks land")
    landing.land(_FIRST)
    _looked(look)
    _act(f"{product.name}: a person asks for the first model; it is tried against the guess that needs none")
    request(product, lake, by="demo", reason="the first model", now=clock())
    _looked(look)


def _trial(settings: Settings, lake: Lakehouse, product: Product) -> None:
    """Score the days that the first model was tried on, if nobody has: what it is worth later is compared with that."""
    days, scored = keys_between(product, *_TRIAL), product.by_name["price_predictions"].full_name
    if set(days) <= set(lake.ledger.current_versions(scored, days)):
        return
    _act(f"{product.name}: the week on which it was tried is scored")
    if materialise(settings, shipped(), product, days, log=settings.state / "demo.log"):
        raise ReadinessError(f"{product.name} could not be scored for {days[0]} to {days[-1]}; see {settings.state / 'demo.log'}")


def _act(told: str) -> None:
    console.print(f"\n{time.strftime('%H:%M:%S', time.gmtime())}  {told}", markup=False)


def _looked(look: Ticker) -> None:
    """Let the sensors look until they ask for nothing, and tell which runs there were."""
    with console.status("the sensors look"):
        ran = look()
    for each in ran:
        console.print(f"          {_in_short(each)}", markup=False)
    if broken := [each for each in ran if not each["job"]]:
        raise ReadinessError(f"the sensor {broken[0]['sensor']} cannot be evaluated: {broken[0]['why']}")


def _in_short(ran: Mapping[str, Any]) -> str:
    at_the_gate = ran["sensor"].endswith("_landed")  # such a run is marked failed, because it names what is held or missing
    ended = "" if ran["succeeded"] else ", which names what is held or missing" if at_the_gate else f", FAILED: {ran['why']}"
    return f"{ran['sensor']} -> {ran['job']}: {ran['seconds']:.0f} s{ended}"
