"""As docs/production.md says: the Dagster instance, catalog and ledger on PostgreSQL, under a real daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from readiness_pipelines.lakehouse import Lakehouse
from tests.launches import launch_backfill
from tests.served import PROJECT, Served, location
from tests.services import PASSWORD, Postgres
from tests.shop import Shop

pytestmark = [pytest.mark.daemon, pytest.mark.services, pytest.mark.slow]
TABLES = ("bronze/raw_orders", "silver/orders", "gold/paid_orders", "gold/daily_revenue")


def documented(heading: str, language: str) -> list[str]:
    """Return the blocks of that language under a heading of docs/production.md."""
    section = (PROJECT / "docs" / "production.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return [block.split("```")[0] for block in section.split(f"```{language}\n")[1:]]


def test_a_backfill_on_the_documented_instance_is_published_and_recorded_on_postgres(
    tmp_path: Path, shop: Shop, postgres: Postgres
) -> None:
    for number in (1, 2):
        shop.land(number)
    (variables,) = documented("PostgreSQL", "ini")
    urls = dict(line.split("=", 1) for line in variables.splitlines())
    services = {name: _ours(url, postgres.new_database()) for name, url in urls.items()}
    shop = Shop(shop.root, services={k: v for k, v in services.items() if k.startswith("READINESS_")})
    (tmp_path / "location.py").write_text(location([shop.folder], sensors=False))
    served = Served.over(tmp_path, {**shop.environment, **services}, ["-f", "location.py"])
    home = Path(served.environment["DAGSTER_HOME"])
    (storage,) = documented("PostgreSQL", "yaml")
    instance = {**_yaml(home / "dagster.yaml"), **yaml.safe_load(storage)}
    (home / "dagster.yaml").write_text(yaml.safe_dump(instance))
    served.start()
    try:
        days = [shop.day(1), shop.day(2)]
        _, ended = launch_backfill(served, [f"shop/{table}" for table in TABLES], days)
        assert ended == "COMPLETED_SUCCESS"
        ledger = Lakehouse.open(shop.settings).ledger
        for table in TABLES:
            assert list(ledger.current_versions(f"shop.{table.replace('/', '.')}")) == days
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DAGSTER_PG_URL", services["DAGSTER_PG_URL"])
            for table in TABLES:
                assert served.materialised("shop", *table.split("/")) == set(days)
    finally:
        served.stop()
    assert not list(home.rglob("*.db")) and not list((tmp_path / "state").glob("*.db"))
    assert PASSWORD not in (tmp_path / served.log).read_text()


def _ours(documented_url: str, url: str) -> str:
    assert documented_url.split("://")[0] == url.split("://")[0]  # the driver that is documented
    return url


def _yaml(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text())
    assert isinstance(found, dict)
    return found
