"""What Dagster is told of a product's models: how they stand by the ledger, whoever trained, decided or promoted.

Told again it is the same: a DataVersion is the training set's id, the model's artifact, the champion's promotion.
"""

import datetime
from collections.abc import Iterator
from typing import Any

import dagster as dg

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import ModelVersion, Promotion, Retrain, TrainingSet
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.ledger.models import Judgement
from readiness_pipelines.models.overview import Standing
from readiness_pipelines.product import model_checks
from readiness_pipelines.product.events import target_of
from readiness_pipelines.product.keys import challenger_key, champion_key, training_set_key
from readiness_pipelines.product.model_words import history_table, training_set_table, verdict_page
from readiness_pipelines.reports.model_card import keep_card

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation

_PROMOTIONS = 20  # that the champion's page tells
_CHALLENGERS = 5  # of the newest that Dagster was told of, in which a verdict is looked for


def told(product: Product, lake: Lakehouse, *, instance: dg.DagsterInstance, retrain: Retrain | None) -> Iterator[Event]:
    """Yield what is known of training set and model of `retrain`, else of the newest, and of the champion, with their checks."""
    ledger = lake.ledger.models
    sets, models = ledger.training_sets(product.name), ledger.models(product.name)
    model = ledger.model(product.name, retrain.number) if retrain and retrain.number else models[-1] if models else None
    training_set = sets[-1] if sets else None
    if model is not None and (retrain is None or retrain.number):
        training_set = ledger.training_set(product.name, model.training_set) or training_set
    if training_set is not None:
        yield _training_set(product, training_set)
        yield model_checks.no_leakage(product, training_set, target_of(instance, training_set_key(product)))
    if model is not None:
        judgement = ledger.judgement(product.name, model.number)
        event = _challenger(product, lake, model, judgement, retrain)
        if judgement is None:
            yield event
        else:
            yield event.with_metadata({**event.metadata, "readiness/card": kept_card(product, lake, model)})
            yield from model_checks.of_gate(product, judgement.verdict, model.number, target_of(instance, challenger_key(product)))
    yield from told_of_champion(product, lake, instance=instance)


def told_of_what_waits(product: Product, lake: Lakehouse, found: Standing, *, instance: dg.DagsterInstance) -> list[Event]:
    """Return the model that waits, and its checks, if Dagster was not told of that verdict: it was trained from a shell, say.

    Nothing while a retrain is at work: it may be about to tell. No link to the card, for which MLflow would have to be there.
    """
    cases = [each.case for each in found.waiting if each.case is not None]
    if not cases or (found.retrain is not None and found.retrain.state == "started"):
        return []
    case = max(cases, key=lambda each: each.judgement.recorded_at)
    judgement, number = case.judgement, case.model.number
    if judgement.evidence.digest in _told_verdicts(instance, product):
        return []
    retrains = lake.ledger.retrains.retrains(product.name)
    retrain = next((each for each in reversed(retrains) if each.number == number), None)
    event = _challenger(product, lake, case.model, judgement, retrain)
    card = f"card.html beside the artifact of MLflow's run {case.model.run}"
    checks = model_checks.of_gate(product, judgement.verdict, number, None)  # Dagster takes the newest: the event before them
    return [event.with_metadata({**event.metadata, "readiness/card": card}), *checks]


def told_of_champion(product: Product, lake: Lakehouse, *, instance: dg.DagsterInstance) -> Iterator[Event]:
    """Yield the champion, if there is one, and whether something waits for a person."""
    from readiness_pipelines.models.overview import standing

    found = standing(product, lake, now=datetime.datetime.now(datetime.UTC))
    if found.champion is not None:
        event = _champion(product, lake, found.champion, found.promotions)
        yield event.with_metadata({**event.metadata, "readiness/card": kept_card(product, lake, found.champion)})
    yield model_checks.nothing_waits(product, found, target_of(instance, champion_key(product)))


def tell_champion(context: dg.OpExecutionContext, product: Product, lake: Lakehouse) -> None:
    """Log how the champion stands in a run of whatever job."""
    events: Iterator[Any] = told_of_champion(product, lake, instance=context.instance)  # mypy: an op logs checks too
    for event in events:
        context.log_event(event)


def kept_card(product: Product, lake: Lakehouse, model: ModelVersion) -> dg.MetadataValue[Any]:
    """Write the model's card as things stand beside its artifact, and return where it is."""
    place = keep_card(product, lake, model.number)
    return dg.MetadataValue.url(place) if place.startswith("http") else dg.MetadataValue.path(place.removeprefix("file://"))


def champion_version(promotion: Promotion, model: ModelVersion) -> str:
    """Return the DataVersion of a champion: a model that is rolled back to is another one than when it was promoted."""
    return f"{model.name}#{promotion.id}"


def told_champion(instance: dg.DagsterInstance, product: Product) -> str:
    """Return the DataVersion of the champion that Dagster was told of last, empty if of none."""
    found = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=champion_key(product)), limit=1).records
    materialised = found[0].asset_materialization if found else None
    return (materialised.tags or {}).get("dagster/data_version", "") if materialised is not None else ""


def _told_verdicts(instance: dg.DagsterInstance, product: Product) -> set[str]:
    """Return the digests of the evidence of the challengers that Dagster was told of last."""
    wanted = dg.AssetRecordsFilter(asset_key=challenger_key(product))
    told = [each.asset_materialization for each in instance.fetch_materializations(wanted, limit=_CHALLENGERS).records]
    said = [each.metadata.get("readiness/evidence") for each in told if each is not None]
    return {str(each.value) for each in said if each is not None}


def _training_set(product: Product, training_set: TrainingSet) -> dg.AssetMaterialization:
    s = training_set
    return dg.AssetMaterialization(
        training_set_key(product),
        description=f"{s.rows_train:,} rows to train on, {s.rows_holdout:,} held out, looked at up to {s.cut_off}",
        metadata={
            "readiness/rows_train": s.rows_train,
            "readiness/rows_holdout": s.rows_holdout,
            "readiness/positives_train": s.positives_train,
            "readiness/positives_holdout": s.positives_holdout,
            "readiness/rows_left_out": sum(s.left_out.values()),
            "readiness/cut_off": s.cut_off,
            "readiness/versions": len(s.versions),
            "readiness/rows": dg.MetadataValue.md(training_set_table(s)),
            "readiness/training_set": s.id,
        },
        tags=_data_version(s.id),
    )


def _challenger(
    product: Product, lake: Lakehouse, model: ModelVersion, judgement: Judgement | None, retrain: Retrain | None
) -> dg.AssetMaterialization:
    metadata: dict[str, Any] = {
        **_facts(model),
        "readiness/training_set": model.training_set,
        "readiness/trained_by": model.trained_by,
        "readiness/mlflow_run": model.run,
    }
    said = "not judged yet"
    if judgement is not None:
        verdict = judgement.verdict
        said = f"{verdict.status} against {verdict.against_name}"
        metadata["readiness/verdict"] = dg.MetadataValue.md(verdict_page(verdict, number=model.number))
        metadata["readiness/evidence"] = judgement.evidence.digest
    if retrain is not None:
        metadata |= {"readiness/retrain": retrain.id, "readiness/asked_by": retrain.by, "readiness/asked_because": retrain.reason}
    return dg.AssetMaterialization(
        challenger_key(product), description=f"model {model.number}: {said}", metadata=metadata, tags=_data_version(model.artifact)
    )


def _champion(product: Product, lake: Lakehouse, model: ModelVersion, promotions: tuple[Promotion, ...]) -> dg.AssetMaterialization:
    now = promotions[-1]
    judgement = lake.ledger.models.judgement_under(now.evidence)
    reviews = lake.ledger.models.reviews(now.evidence)
    metadata: dict[str, Any] = {
        **_facts(model),
        "readiness/promoted_at": now.promoted_at,
        "readiness/promoted_by": now.by,
        "readiness/because": now.reason,
        "readiness/previous": now.previous,
        "readiness/evidence": now.evidence,
        "readiness/history": dg.MetadataValue.md(history_table(promotions[-_PROMOTIONS:])),
    }
    if judgement is not None:
        metadata["readiness/verdict"] = dg.MetadataValue.md(verdict_page(judgement.verdict, number=model.number))
    if reviews:
        newest = reviews[-1]
        metadata["readiness/decision"] = f"{newest.decision} by {newest.by} until {newest.expires_at[:16]} UTC: {newest.reason}"
    return dg.AssetMaterialization(
        champion_key(product),
        description=f"model {model.number} {now.kind.replace('_', ' ')} by {now.by}",
        metadata=metadata,
        tags=_data_version(champion_version(now, model)),
    )


def _facts(model: ModelVersion) -> dict[str, Any]:
    return {
        "readiness/model": model.name,
        "readiness/number": model.number,
        "readiness/artifact": model.artifact,
        "readiness/decide_at": dg.MetadataValue.float(float(model.decide_at)),
    }


def _data_version(version: str) -> dict[str, str]:
    return {"dagster/data_version": version, "dagster/data_version_is_user_provided": "true"}
