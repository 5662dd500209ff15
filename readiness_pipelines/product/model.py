"""The product's model as three assets that one run makes: training set, challenger, champion.

They have no partitions, and a group of their own: a run of the product's data, whichever way it is selected, neither trains
nor promotes. Whichever of the three is selected, the run is the same. What decides lies below: what the ledger asks for is
carried out here, and Dagster is told how it stands.
"""

import functools
from collections.abc import Iterator
from typing import Any

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition  # public in its use
from pydantic import Field

from readiness_pipelines.declarations import ModelSpec, Product
from readiness_pipelines.errors import ReadinessError
from readiness_pipelines.flow import Retrain
from readiness_pipelines.governance import signed
from readiness_pipelines.incidents import reconcile_waits, send
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.calendar import clock
from readiness_pipelines.product import model_checks, model_events
from readiness_pipelines.product.definition import owners_of
from readiness_pipelines.product.events import SILENT
from readiness_pipelines.product.keys import asset_key, challenger_key, champion_key, model_asset_keys, training_set_key
from readiness_pipelines.product.model_words import describe_challenger, describe_champion, describe_training_set
from readiness_pipelines.product.resources import Readiness
from readiness_pipelines.product.vital import at_work, is_over

RETRAIN_TAG = "readiness/retrain"
LEAKS = "leaks: "  # what begins the reason of a retrain that was refused for a leak (`models.train.refusal`)
_BY_THE_CLOCK = "dagster/schedule_name"  # of runs that a schedule of Dagster's has launched: no person is named there
_NOT_ASKED = "nothing was asked for, so nothing is trained"


class Asked(dg.Config):
    """Which retrain the run carries out. With none of these it trains nothing, and tells how the models stand."""

    retrain: int = Field(default=0, description="Number of a retrain that was asked for: the loop's sensor fills it in.")
    by: str = Field(default="", description="Who asks for a new one; kept with it.")
    reason: str = Field(default="", description="Why; kept with it.")


def group_of(product: Product) -> str:
    return f"{product.name}_model"


def build_model(product: Product, spec: ModelSpec) -> dg.AssetsDefinition:
    """Return the assets and checks of the product's model."""

    @dg.multi_asset(
        name=group_of(product),  # of the op: what a run's config names
        specs=list(_specs(product, spec)),
        check_specs=list(model_checks.specs(product, spec)),
        can_subset=True,
        description=f"Trains a challenger of {product.name}, judges it, and promotes it where the policy may.",
    )
    def model(context: dg.AssetExecutionContext, config: Asked, readiness: Readiness) -> Iterator[object]:
        settings = readiness.settings()
        try:
            with at_work(settings.state, context.run.run_id):
                lake = Lakehouse.open(settings)
                lake.require_catalog()
                retrain = _carried_out(context, product, lake, config)
                for event in model_events.told(product, lake, instance=context.instance, retrain=retrain):
                    context.log_event(event)
                send(product, lake, reconcile_waits(product, lake, now=clock()).resolved, log=context.log)
        except ReadinessError as error:  # one line for whoever reads the run; what broke is its cause
            raise dg.Failure(str(error)) from error
        said = _said(retrain)
        # Without an output, what reads the champion would be left out of a run with both; Dagster wants them in this order.
        for key in [each for each in model_asset_keys(product) if each in context.selected_asset_keys]:
            yield dg.Output(None, context.assets_def.get_output_name_for_asset_key(key), metadata={**SILENT, **said})
        _end(context, retrain, said)

    return model


def retrain_job(product: Product) -> UnresolvedAssetJobDefinition:
    """Return the job that carries out a retrain. It selects its assets one by one, as the data job does."""
    return dg.define_asset_job(
        f"{product.name}_retrain",
        selection=dg.AssetSelection.assets(*model_asset_keys(product)),
        description=(
            f"Train a challenger of {product.name}, judge it against the champion, and promote it where the policy may; else it "
            "waits for a person. By hand: fill in `by` and `reason`."
        ),
        executor_def=dg.in_process_executor,
    )


def config_of(product: Product, **asked: int | str) -> dict[str, object]:
    """Return the config of a run of the job."""
    return {"ops": {group_of(product): {"config": asked}}}


def tag_of(retrain: Retrain) -> str:
    """Return what the runs of a retrain are tagged with: its number alone is another's in another ledger."""
    return f"{retrain.product}/{retrain.id} of {retrain.requested_at}"


def _specs(product: Product, spec: ModelSpec) -> Iterator[dg.AssetSpec]:
    tables = dict.fromkeys(asset_key(table) for table in (spec.scored, spec.labels))
    told = {  # key -> what it is made from, what it is called beside, what it says of itself
        training_set_key(product): ([*tables], {"dataset"}, describe_training_set(spec)),
        challenger_key(product): ([training_set_key(product)], {"model", "sklearn", "mlflow"}, describe_challenger(spec)),
        champion_key(product): ([challenger_key(product)], {"model", "sklearn", "mlflow"}, describe_champion(spec)),
    }
    for key, (deps, kinds, description) in told.items():
        yield dg.AssetSpec(
            key,
            deps=[dg.AssetDep(dep) for dep in deps],
            description=description,
            kinds=kinds,
            group_name=group_of(product),
            owners=owners_of(product),
            skippable=True,
            metadata={"readiness/tier": spec.tier.value, "readiness/metric": spec.words.metric.value},
        )


def _carried_out(context: dg.AssetExecutionContext, product: Product, lake: Lakehouse, config: Asked) -> Retrain | None:
    """Carry out the retrain that is named or asked for, and return how it stands; None if nothing was asked for."""
    from readiness_pipelines.response import carry_out, request

    run, instance, state = context.run, context.instance, lake.settings.state
    if not config.retrain and not config.by and not config.reason:
        context.log.warning(f"{_NOT_ASKED}: launch {product.name}_retrain with `by` and `reason`")
        return None
    if not config.retrain and not (config.by and config.reason):
        raise ReadinessError(f"found by={config.by!r} and reason={config.reason!r}, expected both: they are kept with the retrain")
    if not config.retrain and _BY_THE_CLOCK not in run.tags:
        signed(config.by, config.reason)
    number = config.retrain or request(product, lake, by=config.by, reason=config.reason, now=clock()).id
    found = lake.ledger.retrains.retrain(product.name, number)
    if found is None:
        raise ReadinessError(f"found no retrain {number} of {product.name}, expected one that was asked for")
    if run.tags.get(RETRAIN_TAG) != tag_of(found):  # it was launched by hand, and the sensor looks for it
        instance.add_run_tags(run.run_id, {RETRAIN_TAG: tag_of(found)})
    ended = functools.partial(is_over, instance, state)
    return carry_out(product, lake, retrain=number, run=run.run_id, is_over=ended, say=context.log.info, now=clock())


def _said(retrain: Retrain | None) -> dict[str, Any]:
    """Return how the retrain stands, for the run's outputs: it is read there, whether the run ends well or not."""
    if retrain is None:
        return {"readiness/outcome": "nothing was asked for", "readiness/why": _NOT_ASKED}
    if retrain.state != "ended":
        why = f"run {retrain.run} is at it" if retrain.run else "it waits for its time, or until the loop is resumed"
        return {"readiness/outcome": "not carried out here", "readiness/why": why}
    return {"readiness/outcome": retrain.outcome, "readiness/why": retrain.why, "readiness/model": retrain.number}


def _end(context: dg.AssetExecutionContext, retrain: Retrain | None, said: dict[str, Any]) -> None:
    """Say how the retrain stands; fail where somebody has to mend something: a leak, or what broke.

    Too few rows, or the champion's own, are a result: later days may bring what is missing.
    """
    if retrain is None:
        return
    parts = f"retrain {retrain.id} of {retrain.product}", said["readiness/outcome"], said["readiness/why"]
    told = ": ".join(filter(None, parts))
    leaks = retrain.outcome == "refused" and retrain.why.startswith(LEAKS)
    if leaks or retrain.outcome == "broken":
        raise dg.Failure(told, metadata=said, allow_retries=False)
    context.log.info(told)
