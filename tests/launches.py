"""The ways in which people and Dagster start runs: the UI's own mutations, and the command line."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.served import Served, wait_for

SHOPS = "shops"  # the code location's name
PATIENCE = 600  # seconds a run or backfill gets on a busy machine

_BACKFILL = """\
mutation ($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
_BACKFILL_AGAIN = """\
mutation ($params: ReexecutionParams) { reexecutePartitionBackfill(reexecutionParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
_BACKFILL_STATUS = """\
query ($id: String!) { partitionBackfillOrError(backfillId: $id) { ... on PartitionBackfill { status } } }
"""
_RUN = """\
mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
_RUN_AGAIN = """\
mutation ($params: ReexecutionParams) { launchRunReexecution(reexecutionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }
"""
_RUN_STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
_DRY_RUN = """\
mutation ($selector: ScheduleSelector!, $at: Float) { scheduleDryRun(selectorData: $selector, timestamp: $at) {
  ... on DryRunInstigationTick { evaluationResult { runRequests { runKey tags { key value } } skipReason } } } }
"""


def launch_backfill(served: Served, assets: Sequence[str], partitions: Sequence[str]) -> tuple[str, str]:
    """Backfill assets (`product/layer/table`) as the UI does; return the backfill's id and how it ended."""
    selection = [{"path": asset.split("/")} for asset in assets]
    return _backfill(served, _BACKFILL, {"assetSelection": selection, "partitionNames": list(partitions)})


def reexecute_backfill(served: Served, backfill_id: str) -> tuple[str, str]:
    """Re-execute a backfill from failure, as the UI's button does; return the new one's id and how it ended."""
    return _backfill(served, _BACKFILL_AGAIN, {"parentRunId": backfill_id, "strategy": "FROM_FAILURE"})


def launch_run(served: Served, job: str, tags: Mapping[str, str], *, only: Sequence[str] = ()) -> tuple[str, str]:
    """Launch a job as the Launchpad does, for all of its assets or `only` some; return the run's id and how it ended."""
    selector: dict[str, Any] = {"repositoryLocationName": SHOPS, "repositoryName": "__repository__", "jobName": job}
    if only:
        selector["assetSelection"] = [{"path": asset.split("/")} for asset in only]
    shown = [{"key": key, "value": value} for key, value in tags.items()]
    return _run(served, _RUN, {"selector": selector, "runConfigData": {}, "executionMetadata": {"tags": shown}})


def reexecute_run(served: Served, run_id: str) -> tuple[str, str]:
    """Re-execute a run from failure; return the new run's id and how it ended."""
    return _run(served, _RUN_AGAIN, {"parentRunId": run_id, "strategy": "FROM_FAILURE"})


def dry_run(served: Served, schedule: str, *, at: float) -> list[dict[str, str]]:
    """Return the tags of each run that the schedule would ask for at that time (seconds since 1970, UTC)."""
    selector = {"repositoryLocationName": SHOPS, "repositoryName": "__repository__", "scheduleName": schedule}
    found = served.ask(_DRY_RUN, {"selector": selector, "at": at})["scheduleDryRun"]["evaluationResult"]
    return [{tag["key"]: tag["value"] for tag in request["tags"]} for request in found["runRequests"] or []]


def run_command(served: Served, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `dagster` or `dg` in the project's folder, on the instance that is served."""
    command = [str(Path(sys.executable).parent / program), *arguments]
    return subprocess.run(command, env=served.environment, cwd=served.root, capture_output=True, text=True, timeout=PATIENCE)


def span(first: str, last: str) -> dict[str, str]:
    """Return the tags of a run over the partitions `first` to `last`, both inclusive."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}


def _backfill(served: Served, mutation: str, params: Mapping[str, Any]) -> tuple[str, str]:
    (answer,) = served.ask(mutation, {"params": params}).values()
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    status = ""

    def is_over() -> bool:
        nonlocal status
        status = str(served.ask(_BACKFILL_STATUS, {"id": answer["backfillId"]})["partitionBackfillOrError"]["status"])
        return status.startswith(("COMPLETED", "FAILED", "CANCELED"))

    wait_for(is_over, seconds=PATIENCE, what="the backfill")
    return answer["backfillId"], status


def _run(served: Served, mutation: str, params: Mapping[str, Any]) -> tuple[str, str]:
    (answer,) = served.ask(mutation, {"params": params}).values()
    assert answer["__typename"] == "LaunchRunSuccess", answer
    status = ""

    def is_over() -> bool:
        nonlocal status
        status = str(served.ask(_RUN_STATUS, {"id": answer["run"]["runId"]})["runOrError"]["status"])
        return status in ("SUCCESS", "FAILURE", "CANCELED")

    wait_for(is_over, seconds=PATIENCE, what="the run")
    return answer["run"]["runId"], status
