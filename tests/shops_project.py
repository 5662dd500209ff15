"""A project folder with many shops as one code location, and a second location with somebody else's assets below them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from pathlib import Path

from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, InstigatorType, ScheduleInstigatorData

from tests.launches import SHOPS
from tests.served import ALL, SENSORS_OFF, Served
from tests.shop import START, Shop, build_shop

_DEFINITIONS = """\
from pathlib import Path
import dagster as dg
from readiness_pipelines.declarations import load_product
from readiness_pipelines.product import definitions_of

folders = sorted((Path(__file__).parent.parent / "defs").iterdir())
products = [definitions_of(load_product(folder)) for folder in folders]
defs = dg.Definitions.merge(*[dg.Definitions({parts}) for d in products], dg.Definitions(executor=dg.in_process_executor))
"""
_THEIRS = """\
import dagster as dg

days = dg.DailyPartitionsDefinition("2025-01-01", end_date="2025-01-04")
ON = dg.DefaultSensorStatus.RUNNING
by_name = {"eager_automation": dg.AutomationCondition.eager(), "on_cron_automation": dg.AutomationCondition.on_cron("* * * * *")}

def below(shop: str, condition: dg.AutomationCondition) -> dg.AssetsDefinition:
    key = dg.AssetKey([shop, "gold", "paid_orders"])

    @dg.asset(name=f"below_{shop}", deps=[key], partitions_def=days, automation_condition=condition)
    def theirs() -> None: ...

    return theirs

defs = dg.Definitions(
    assets=[below(shop, condition) for shop, condition in by_name.items()],
    sensors=[dg.AutomationConditionSensorDefinition("theirs", target="*", default_status=ON, minimum_interval_seconds=5)],
    executor=dg.in_process_executor,
)
"""
_WORKSPACE = """\
load_from:
  - python_module: {module_name: shops.definitions, location_name: shops, working_directory: .}
"""
_BELOW = "  - python_file: {relative_path: theirs.py, location_name: theirs}\n"
_PROJECT = """\
[project]
name = "shops"
version = "0.1.0"

[tool.dg]
directory_type = "project"

[tool.dg.project]
root_module = "shops"
code_location_name = "shops"
code_location_target_module = "shops.definitions"
defs_module = "shops.defs"
"""


def write_project(root: Path, *, sensors: bool, theirs: bool) -> None:
    """Write the project: a location of all shops there are, with or without their sensors, and perhaps their followers'."""
    files = {
        "shops/__init__.py": "",
        "shops/defs/__init__.py": "",
        "shops/definitions.py": _DEFINITIONS.replace("{parts}", ALL if sensors else SENSORS_OFF),
        "theirs.py": _THEIRS,
        "workspace.yaml": _WORKSPACE + (_BELOW if theirs else ""),
        "pyproject.toml": _PROJECT,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def build_shops(root: Path, names: Iterable[str]) -> Mapping[str, Shop]:
    """Build a shop for each name, with four days landed of five: one bad row on the first, the third to be held.

    The calendar of a `schedule` began three days ago and has no end; that of an `automation` ends with the held day,
    because Dagster's own conditions look at the newest day alone.
    """
    return {name: _build(root, name) for name in names}


def _build(root: Path, name: str) -> Shop:
    if name.endswith("schedule"):
        days, shop = 3, build_shop(root, name, start=_today() - datetime.timedelta(days=3), last_due=None)
    elif name.endswith("automation"):
        days, shop = 3, build_shop(root, name, last_due=START + datetime.timedelta(days=2))
    else:
        days, shop = 4, build_shop(root, name, last_due=START + datetime.timedelta(days=4))
    land_days(shop, days)
    return shop


def land_days(shop: Shop, days: int) -> None:
    """Land the first days: one bad row on the first, the third to be held."""
    first = shop.day(1)
    shop.land(1, [f"{100 + i},c{i},{5000 if i == 19 else 10},{first}" for i in range(20)])
    for day in range(2, days + 1):
        shop.land_broken(day) if day == 3 else shop.land(day)


def stop_the_clock(served: Served, product: str) -> None:
    """Leave the product's schedule as a daemon leaves it that was stopped before midnight and has not come back.

    The shipped schedule ticks at midnight alone; a daemon that starts makes good the newest tick it has missed.
    """
    location = RegisteredCodeLocationOrigin(SHOPS)
    repository = RemoteRepositoryOrigin(code_location_origin=location, repository_name="__repository__")
    origin = RemoteInstigatorOrigin(repository_origin=repository, instigator_name=f"{product}_job_schedule")
    stopped = midnight(_today()) - 60
    state = InstigatorState(
        origin, InstigatorType.SCHEDULE, InstigatorStatus.DECLARED_IN_CODE, ScheduleInstigatorData("0 0 * * *", stopped)
    )
    with served.instance as instance:
        instance.add_instigator_state(state)


def midnight(day: datetime.date) -> float:
    """Return the moment at which the day begins, in seconds since 1970, UTC."""
    return datetime.datetime.combine(day, datetime.time(), datetime.UTC).timestamp()


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
