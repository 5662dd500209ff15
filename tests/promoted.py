"""A product whose models are real files in a real registry. What the promotion gate says of them is made up."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import Promotion, Review, TrainingSet
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.models import promotion
from readiness_pipelines.models.overview import standing
from readiness_pipelines.models.registry import Registry
from readiness_pipelines.models.reviewing import decide
from readiness_pipelines.models.train import Trained, train
from readiness_pipelines.models.training_set import select, spec_of
from tests.challenged import asked_as_declared, challenge, training_set
from tests.modelled import MODEL, WATCHED, Parcels, build_parcels

SMALL = MODEL.replace("holdout_days: 3", "holdout_days: 1\n    min_rows: 200")
EARLIER, LATER = "2025-01-04", "2025-01-05"  # cut-offs: training sets of one day and of two


@dataclass(frozen=True)
class Promoted:
    """Days 1 to 5 of parcels, a model trained on what was known after the fourth and one after the fifth."""

    parcels: Parcels
    trained: Mapping[str, tuple[TrainingSet, Trained]]

    @property
    def product(self) -> Product:
        return self.parcels.product

    @property
    def lake(self) -> Lakehouse:
        return self.parcels.lake

    @property
    def registry(self) -> Registry:
        return Registry.open(self.parcels.settings)

    @property
    def history(self) -> list[Promotion]:
        return self.lake.ledger.models.promotions("parcels")

    @property
    def approved(self) -> list[int]:
        """Return the numbers of the models that may be promoted and are not yet, oldest first."""
        found = standing(self.product, self.lake, now=datetime.datetime.now(datetime.UTC))
        return [each.model.number for each in found.approved]

    def challenger(self, *, cut_off: str = LATER, approve: bool = True, **how: Any) -> int:
        """Record a new model in the registry and the ledger, judged beside the present champion, and return its number."""
        used, made = self.trained[cut_off]
        model = self.lake.ledger.models.record_model(self.registry.record(spec_of(self.product), used, made, by="a test"))
        self.registry.number(model)
        challenge(self.product, self.lake.ledger, made=model, used=used, **how)
        if approve:
            self.approve(model.number)
        return model.number

    def approve(self, number: int, *, approve: bool = True, days: int | None = None) -> Review:
        return decide(self.product, self.lake, number=number, approve=approve, by="ann", reason="looked at", days=days)

    def promote(self, number: int, *, by: str = "ann") -> Promotion:
        return promotion.promote(self.product, self.lake, number=number, by=by, reason="it is better")

    def champion(self, *, cut_off: str = LATER) -> int:
        """Promote a new model, and return its number."""
        return self.promote(self.challenger(cut_off=cut_off)).number

    def where(self) -> dict[str, object]:
        """Return which model ledger, registry and drift reference each take for the champion, as far as they can tell."""
        champion = self.lake.ledger.models.champion("parcels")
        reference = self.lake.ledger.drift.reference("parcels", "orders")
        return {
            "ledger": champion.number if champion else 0,
            "alias": self.registry.aliases("parcels").get("champion", 0),
            "reference": reference.reference.name if reference else "",
        }

    def agreed(self, number: int, *, cut_off: str) -> dict[str, object]:
        """Return what `where` returns if all take the model with this number for the champion."""
        return {"ledger": number, "alias": number, "reference": f"training set {self.trained[cut_off][0].id[:12]}"}


def build_promoted(root: Path) -> Promoted:
    """Bring five days through the tables, and train two models. The state folder has MLflow's database already."""
    parcels = build_parcels(root, model=SMALL, watched=WATCHED)
    parcels.fill(range(1, 6))
    spec, trained = spec_of(parcels.product), dict[str, tuple[TrainingSet, Trained]]()
    for cut_off in (EARLIER, LATER):
        used = select(parcels.product, parcels.lake, cut_off=cut_off)
        trained[cut_off] = used, train(spec, parcels.lake, parcels.product, used)
    return Promoted(parcels, trained)


def build_desk(root: Path, *, tier: str = "medium") -> Promoted:
    """Make the same without data: models are real files that have learned nothing. The state folder has MLflow's database."""
    from sklearn.linear_model import LogisticRegression

    parcels = build_parcels(root, model=SMALL.replace("risk_tier: low", f"risk_tier: {tier}"))
    parcels.settings.landing.mkdir(parents=True, exist_ok=True)
    product, estimator = parcels.product, LogisticRegression().fit([[0.0], [1.0]], [False, True])
    trained = {
        cut_off: (
            asked_as_declared(product, training_set(cut_off, product="parcels")),
            Trained(estimator, 0.5, cut_off, "code", {}),
        )
        for cut_off in (EARLIER, LATER)
    }
    return Promoted(parcels, trained)
