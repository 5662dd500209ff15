"""Training sets, models, verdicts and evidence made up for tests, recorded in a ledger as a retrain would."""

from __future__ import annotations

import datetime
from dataclasses import replace

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import (
    Evidence,
    Judged,
    ModelVerdict,
    ModelVersion,
    Promotion,
    Retrain,
    Review,
    Severity,
    Status,
    TableVersion,
    Tier,
    TrainingSet,
    digest,
)
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.models.evidence import evidence_of

YEAR = datetime.timedelta(days=365)


def training_set(cut_off: str = "2025-01-08", *, product: str = "shop", key: str = "k1") -> TrainingSet:
    version = TableVersion(f"{product}.gold.paid_orders", cut_off, key, 1)
    return TrainingSet(
        product=product,
        selection="s1",
        cut_off=cut_off,
        versions=(version,),
        rows=100,
        train_from="2025-01-01T00:00:00",
        holdout_from="2025-01-07T00:00:00",
        holdout_to="2025-01-08T00:00:00",
        rows_train=70,
        rows_holdout=20,
        positives_train=30,
        positives_holdout=9,
        left_out={"no_label_yet": 10},
    )


def model(artifact: str = "a1", *, product: str = "shop", of: TrainingSet | None = None, code: str = "c1") -> ModelVersion:
    trained_on = of or training_set(product=product)
    return ModelVersion(product, 0, trained_on.id, "r1", code, artifact, "scores", 0.5, f"run-{artifact}", "retrain 1")


def verdict(of: ModelVersion, *, status: Status = Status.PASSED, against: ModelVersion | None = None) -> ModelVerdict:
    return ModelVerdict(
        product=of.product,
        challenger=of.artifact,
        against=against.artifact if against else "",
        against_name=against.name if against else "baseline",
        training_set=of.training_set,
        demands="d1",
        judged=(Judged("better", status, value=0.1, low=0.05, high=0.15, limit=0.0, n=20),),
        rows=20,
        blocks=2,
    )


def evidence(
    of: ModelVersion, said: ModelVerdict, *, tier: Tier = Tier.MEDIUM, severity: Severity = Severity.NONE, policy: str = "p1"
) -> Evidence:
    return Evidence(of.product, of.number, of.artifact, of.training_set, digest(said.to_json()), "1.0.0", policy, tier, severity)


def put(
    ledger: Ledger,
    artifact: str = "a1",
    *,
    product: str = "shop",
    status: Status = Status.PASSED,
    tier: Tier = Tier.MEDIUM,
    policy: str = "p1",
) -> tuple[ModelVersion, Evidence]:
    """Record a training set, a model and its verdict; return model and evidence."""
    used = training_set(product=product)
    ledger.models.record_training_set(used)
    made = ledger.models.record_model(model(artifact, product=product))
    said = verdict(made, status=status)
    about = evidence(made, said, tier=tier, policy=policy)
    ledger.models.record_verdict(said, about)
    return made, about


def review(about: Evidence, *, approve: bool = True, by: str = "ann", for_: datetime.timedelta = YEAR) -> Review:
    until = (datetime.datetime.now(datetime.UTC) + for_).isoformat(timespec="milliseconds")
    return Review(about.product, about.digest, "approved" if approve else "rejected", by, "it was looked at", until)


def promotion(about: Evidence, *, previous: int = 0, back: bool = False) -> Promotion:
    kind = "rolled_back" if back else "promoted"
    return Promotion(about.product, about.number, previous, kind, about.digest, "it is better", "ann")  # type: ignore[arg-type]


def retrain(*events: str, product: str = "shop", severity: Severity = Severity.MEDIUM, cut_off: str = "2025-01-08") -> Retrain:
    return Retrain(product, 0, "requested", cut_off, severity, events, "it drifted", "policy", not_before="2025-01-09T00:00:00")


def asked_as_declared(product: Product, used: TrainingSet) -> TrainingSet:
    """Return the training set as if it had been selected for the model that the product declares now."""
    assert product.model is not None
    return replace(used, selection=product.model.selection, question=product.model.question)


def challenge(
    product: Product,
    ledger: Ledger,
    artifact: str = "a1",
    *,
    status: Status = Status.PASSED,
    severity: Severity = Severity.NONE,
    used: TrainingSet | None = None,
    made: ModelVersion | None = None,
) -> ModelVersion:
    """Record a model of the product and what the gate says of it beside the present champion, as a retrain would; return it.

    `made` is a model that the ledger has already, judged again now; `used` its training set.
    """
    trained_on = asked_as_declared(product, used or training_set(product=product.name))
    ledger.models.record_training_set(trained_on)
    found = made or ledger.models.record_model(model(artifact, product=product.name, of=trained_on))
    assert product.model is not None
    said = replace(verdict(found, status=status, against=ledger.models.champion(product.name)), demands=product.model.demands)
    ledger.models.record_verdict(said, evidence_of(product, found, said, severity=severity))
    return found


def enthrone(product: Product, ledger: Ledger, artifact: str = "a1", *, back: bool = False) -> ModelVersion:
    """Make a model the champion in the ledger alone, approved by ann: a new one, or with `back` one that is known."""
    known = next((each for each in ledger.models.models(product.name) if each.artifact == artifact), None)
    found = known if back and known is not None else challenge(product, ledger, artifact)
    judgement, history = ledger.models.judgement(product.name, found.number), ledger.models.promotions(product.name)
    assert judgement is not None
    ledger.models.record_review(review(judgement.evidence))
    wanted = promotion(judgement.evidence, previous=history[-1].number if history else 0, back=back)
    assert ledger.models.promote(wanted, after=len(history), check=lambda _: None) is not None
    return found
