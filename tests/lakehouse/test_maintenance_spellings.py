"""A warehouse is one warehouse, by whatever way it is reached: maintenance deletes nothing for the spelling of a path."""

from __future__ import annotations

import datetime
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.errors import BrokenInvariant, ReadinessError
from readiness_pipelines.flow import TableVersion
from readiness_pipelines.lakehouse import Lakehouse, file_list
from readiness_pipelines.lakehouse.maintenance import Maintained, maintain
from readiness_pipelines.lakehouse.maintenance.guards import refuse_current
from readiness_pipelines.settings import Settings
from tests.lakehouse.publisher import T, put
from tests.lakehouse.test_maintenance import rows

A = "2025-01-01"


def upkeep(lake: Lakehouse) -> Maintained:
    late = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(days=40)
    return maintain(lake, T, keep_days=30, older_than_hours=1, now=late)


def as_if_written_by(lake: Lakehouse, old: str, new: str) -> None:
    """Make the ledger say that its files lie below `new`, as an earlier release wrote whatever way it was given."""
    with lake.ledger.upkeep._database.engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT id, verdict FROM verdicts").all()
        connection.exec_driver_sql("DROP TRIGGER verdicts_refuses_update")
        for number, verdict in found:
            said = json.loads(verdict)
            said["files"] = [{**file, "path": file["path"].replace(old, new)} for file in said["files"]]
            connection.exec_driver_sql("UPDATE verdicts SET verdict = ? WHERE id = ?", (json.dumps(said), number))
        connection.commit()


def two_versions(lake: Lakehouse) -> tuple[TableVersion, TableVersion]:
    return put(lake, A, [1], key="k1"), put(lake, A, [2], key="k2", expected="k1")


def test_a_place_has_one_spelling_whatever_links_and_dots_lead_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("real", "a", "b"):
        (tmp_path / folder).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    expected = str(tmp_path / "real/state/warehouse")
    for start, given in (("a", "../real/state"), ("b", "../link/state"), ("b", str(tmp_path / "link/state"))):
        monkeypatch.chdir(tmp_path / start)
        found = Settings.from_environment({"READINESS_STATE": given})
        assert found.warehouse == expected == found.replaced(state=given).warehouse
        assert Settings.from_environment({"READINESS_WAREHOUSE": f"{given}/warehouse"}).warehouse == expected
    assert Settings(tmp_path / "link/state", tmp_path).warehouse == expected


@pytest.mark.parametrize("way", ["link", "a/../real"])
def test_nothing_kept_goes_when_the_ledger_knows_its_files_by_another_way(way: str, tmp_path: Path, local_lake: Lakehouse) -> None:
    versions, state = two_versions(local_lake), local_lake.settings.state
    (tmp_path / "a").mkdir()
    (tmp_path / "real").symlink_to(state)
    (tmp_path / "link").symlink_to(state)
    as_if_written_by(local_lake, str(state), str(tmp_path / way))
    lake = Lakehouse.open(replace(local_lake.settings, state=tmp_path / "link"))
    assert upkeep(lake).expired == 1
    assert rows(lake, versions[1]) == [2]
    assert len(list(Path(lake.settings.staging).rglob("*.parquet"))) == 1


def test_a_table_whose_kept_files_lie_outside_the_warehouse_is_not_swept(tmp_path: Path, local_lake: Lakehouse) -> None:
    versions = two_versions(local_lake)
    as_if_written_by(local_lake, local_lake.settings.warehouse, str(tmp_path / "elsewhere"))
    for file in Path(local_lake.settings.warehouse).rglob("*.*"):
        os.utime(file, (1, 1))
    before = sorted(Path(local_lake.settings.staging).rglob("*.parquet"))
    with pytest.raises(
        ReadinessError, match=r"files that are kept do not lie in the warehouse .*/elsewhere/.*; nothing was deleted"
    ):
        upkeep(local_lake)
    assert sorted(Path(local_lake.settings.staging).rglob("*.parquet")) == before
    assert rows(local_lake, versions[1]) == [2] and file_list(local_lake, versions[1])


def test_a_plan_that_would_take_a_file_of_main_is_refused(local_lake: Lakehouse) -> None:
    current = two_versions(local_lake)[1]
    with pytest.raises(BrokenInvariant, match="1 files of main were to be deleted"):
        refuse_current(local_lake, T, file_list(local_lake, current))
