"""`readiness score`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import typer

from readiness_pipelines.cli.carried_out import NoRun
from readiness_pipelines.cli.place import console, lakehouse, product_named, show
from readiness_pipelines.cli.project import project
from readiness_pipelines.declarations import Gold, Product
from readiness_pipelines.errors import NotAdmitted, PublishConflict, ReadinessError
from readiness_pipelines.flow import ModelVersion
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers import StepResult, run_step


def score(
    product: Annotated[str, typer.Argument(help="Product.")],
    partition: Annotated[str | None, typer.Option("--partition", help="This one; e.g. 2025-01-01 or 2025-01-01-05:00.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First partition of a range, inclusive.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last one, inclusive; default: the last that ended.")] = None,
    no_run: NoRun = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Score partitions with the champion on purpose, also those that another model has scored, and those it was trained on.

    They keep its predictions from then on. What is made from them is brought up by a run. Exit code 1 if any is not so.
    """
    from readiness_pipelines.layers.calendar import clock, keys_asked_for

    declared, lake = product_named(product), lakehouse()
    if partition is None and first is None or partition is not None and (first or last):
        raise ReadinessError("found no partition, or one and a range, expected --partition, or --from (and --to)")
    keys = keys_asked_for(declared, partition or first, partition or last, now=clock())
    tables = [table for table in declared.tables if isinstance(table, Gold) and table.is_scored]
    if not tables:
        raise ReadinessError(f"found no scored table in {declared.name}, expected one with `scored: true` in its defs.yaml")
    champion = lake.ledger.models.champion(declared.name)
    if champion is None:
        raise ReadinessError(f"{declared.name} has no champion yet: `readiness model list {declared.name}` says what there is")
    with console.status(f"loading {champion.name}") as status:
        rows = list(_scored(declared, lake, tables, keys, champion, say=status.update))
    show(rows, as_json=as_json, title=f"Scored with {champion.name}", empty="nothing to score")
    done = [str(row["partition"]) for row in rows if row["result"] in ("admitted", "unchanged")]
    code = 0 if len(done) == len(rows) else 1
    if done and not no_run:
        code = max(code, _bring_up(declared, lake, sorted(set(done))))
    raise typer.Exit(code)


def _scored(
    product: Product,
    lake: Lakehouse,
    tables: Sequence[Gold],
    keys: Sequence[str],
    model: ModelVersion,
    *,
    say: Callable[[str], None],
) -> Iterator[dict[str, Any]]:
    from readiness_pipelines.models.scoring import scorer_of

    scorer = scorer_of(product, lake.settings)
    for number, key in enumerate(keys, start=1):
        for table in tables:
            say(f"scoring {table.name}/{key}, {number} of {len(keys)}")
            try:
                result = run_step(lake, lake.settings, product, table.name, key, scorer=scorer, model=model)
            except (NotAdmitted, PublishConflict) as refusal:
                result = StepResult(table.full_name, key, "blocked", why=str(refusal))
            yield _row(table, result, model)


def _row(table: Gold, result: StepResult, model: ModelVersion) -> dict[str, Any]:
    from readiness_pipelines.layers.scored import scored_by

    counts, said = (result.verdict.counts if result.verdict else None), scored_by(result.verdict)
    other = said is not None and said["artifact"] != model.artifact  # the version that was asked for had been withdrawn
    why = f"withdrawn before: {said['model']} stands in its place" if other and said is not None else result.why
    rows = counts.admitted + counts.held if counts else 0
    return {"partition": result.partition, "table": table.name, "result": result.kind, "rows": rows, "why": why}


def _bring_up(product: Product, lake: Lakehouse, keys: Sequence[str]) -> int:
    """Run what is made from the scores, measure drift, and tell Dagster: in one run for partitions that follow each other."""
    from readiness_pipelines.cli.backfill import chunks
    from readiness_pipelines.cli.runs import materialise
    from readiness_pipelines.layers.calendar import keys_between

    log, code = lake.settings.state / "score.log", 0
    for run in chunks(keys_between(product, keys[0], keys[-1]), set(keys), len(keys)):
        with console.status(f"running {run[0]} to {run[-1]}"):
            code = max(code, materialise(lake.settings, project(), product, run, log=log))
    if code:
        console.print(f"a run ended failed: `readiness status {product.name}`; Dagster's own words: {log}", markup=False)
    return min(code, 1)
