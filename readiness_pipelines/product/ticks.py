"""The sensors of one product, evaluated here and now, with what they ask for run in this process: the loop without a daemon.

No schedule is looked at. The sensors and jobs are those that a daemon evaluates and launches, and the ledger decides as it does
there: a daemon that looks at the same moment, or a second call, does nothing twice. Run as a program it answers each line that
it reads (see `main`).
"""

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import dagster as dg
from dagster._core.definitions.sensor_definition import SensorExecutionData

from readiness_pipelines.declarations import Product, load_product
from readiness_pipelines.product.component import definitions_of
from readiness_pipelines.product.resources import READINESS

_ORDER = ("landed", "drift", "loop", "incidents")  # so that one round sees what the one before it has made
_ROUNDS = 30  # far more than a landed day needs until it is quiet; what asks for ever is a fault, and is told


@dataclass(frozen=True)
class Ran:
    """One run that a sensor has asked for, or a sensor that could not be evaluated (`job` is empty then, `why` says more)."""

    sensor: str
    job: str
    run_id: str
    succeeded: bool
    seconds: float
    why: str = ""


def until_quiet(product: Product, definitions: dg.Definitions, instance: dg.DagsterInstance) -> Iterator[Ran]:
    """Evaluate the product's sensors and run what they ask for, again and again until a round asks for nothing.

    A sensor that raises is told once, and is not asked again in this call.
    """
    broken: set[str] = set()
    for _ in range(_ROUNDS):
        ran = 0
        for name in _sensors(product, definitions):
            if name in broken:
                continue
            for each in _tick(name, definitions, instance):
                ran += bool(each.job)
                broken |= set() if each.job else {name}
                yield each
        if not ran:
            return
    yield Ran("", "", "", False, 0.0, f"the sensors of {product.name} still ask for runs after {_ROUNDS} rounds")


def _sensors(product: Product, definitions: dg.Definitions) -> list[str]:
    names = [sensor.name for sensor in definitions.sensors or () if isinstance(sensor, dg.SensorDefinition)]
    wanted = [f"{product.name}_{each}" for each in _ORDER]
    return [name for name in wanted if name in names]


def _tick(name: str, definitions: dg.Definitions, instance: dg.DagsterInstance) -> Iterator[Ran]:
    """Evaluate one sensor and run what it asks for, one after the other. Its cursor is kept apart from the daemon's."""
    key, sensor = f"readiness/tick/{name}", definitions.resolve_sensor_def(name)
    cursor = instance.daemon_cursor_storage.get_cursor_values({key}).get(key)
    try:
        given = {"readiness": READINESS}
        with dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions, resources=given) as context:
            found: SensorExecutionData = sensor.evaluate_tick(context)
    except Exception as error:  # noqa: BLE001  a daemon records a failed tick and evaluates the others all the same
        yield Ran(name, "", "", False, 0.0, _told(error))
        return
    for event in found.asset_events:
        instance.report_runless_asset_event(event)
    for request in found.run_requests or ():
        yield from _run(sensor, request, definitions, instance)
    if found.cursor is not None:
        instance.daemon_cursor_storage.set_cursor_values({key: found.cursor})


def _run(
    sensor: dg.SensorDefinition, request: dg.RunRequest, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> Iterator[Ran]:
    """Run what was asked for, under the tags that a daemon gives it; nothing where a run of that key is there already."""
    tags = {**request.tags, "dagster/sensor_name": sensor.name, "dagster/run_key": request.run_key or ""}
    named = {tag: tags[tag] for tag in ("dagster/sensor_name", "dagster/run_key")}
    if request.run_key and instance.get_runs_count(dg.RunsFilter(tags=named)):
        return
    began, job = time.monotonic(), request.job_name or sensor.job_name
    result = definitions.resolve_job_def(str(job)).execute_in_process(
        run_config=request.run_config,
        instance=instance,
        partition_key=request.partition_key,
        tags=tags,
        raise_on_error=False,
    )
    failed = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    why = "; ".join(data.error.message.strip() for data in failed if data.error is not None)
    yield Ran(sensor.name, str(job), result.run_id, result.success, round(time.monotonic() - began, 2), why[:1000])


def _told(error: BaseException) -> str:
    """Return what went wrong: Dagster wraps what a sensor has raised."""
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}"[:1000]


def main() -> None:
    """Answer each line of the standard input with the runs that it led to, a JSON object a line, and then an empty line.

    The one argument is the folder of the product. All that Dagster says goes to the standard error.
    """
    product, answer = load_product(Path(sys.argv[1])), sys.stdout
    with contextlib.redirect_stdout(sys.stderr), dg.DagsterInstance.get() as instance:
        definitions = definitions_of(product)
        for _ in sys.stdin:
            for ran in until_quiet(product, definitions, instance):
                print(json.dumps(asdict(ran)), file=answer, flush=True)
            print(file=answer, flush=True)


if __name__ == "__main__":
    main()
