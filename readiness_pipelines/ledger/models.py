"""Training sets, models, what the promotion gate said of them, what was decided, and which is the champion. Rows only.

The champion is the model of the newest promotion: MLflow's aliases follow it, and are repaired from it.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from readiness_pipelines.errors import NotApproved
from readiness_pipelines.flow import Evidence, ModelVerdict, ModelVersion, Promotion, Review, TrainingSet
from readiness_pipelines.ledger.database import Database, insert, now
from readiness_pipelines.ledger.schema import model_verdicts, models, promotions, reviews, training_sets


@dataclass(frozen=True)
class Judgement:
    """A verdict of the promotion gate as it was recorded, and the evidence that a decision about it names."""

    verdict: ModelVerdict
    evidence: Evidence
    recorded_at: str


class Models:
    """The models of all products of one ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record_training_set(self, training_set: TrainingSet) -> None:
        """Record a training set; one that is known adds nothing."""
        c = training_sets.c
        known = sa.select(c.id).where(c.product == training_set.product, c.training_set == training_set.id)
        with self._database.writing() as connection:
            if connection.execute(known).first() is None:
                said = {"training_set": training_set.id, "said": training_set.to_json()}
                insert(connection, training_sets, product=training_set.product, **said, recorded_at=now())

    def training_set(self, product: str, id_: str) -> TrainingSet | None:
        """Return the training set with this id, or None."""
        c = training_sets.c
        rows = self._database.rows(sa.select(c.said).where(c.product == product, c.training_set == id_))
        return TrainingSet.from_json(rows[0].said) if rows else None

    def training_sets(self, product: str) -> list[TrainingSet]:
        """Return the product's training sets, oldest first."""
        c = training_sets.c
        rows = self._database.rows(sa.select(c.said).where(c.product == product).order_by(c.id))
        return [TrainingSet.from_json(row.said) for row in rows]

    def record_model(self, model: ModelVersion) -> ModelVersion:
        """Record a trained model under the product's next number, and return it with that number.

        One of the same training set, recipe, code and artifact is the same model: it is returned as it was recorded.
        """
        c = models.c
        mine = sa.select(c.number, c.model).where(c.product == model.product).order_by(c.number)
        with self._database.writing() as connection:
            rows = connection.execute(mine).all()
            for row in rows:
                known = ModelVersion.from_json(row.model)
                if _identity(known) == _identity(model):
                    return known
            numbered = replace(model, number=len(rows) + 1)
            said = {"artifact": model.artifact, "training_set": model.training_set, "model": numbered.to_json()}
            insert(connection, models, product=model.product, number=numbered.number, **said, recorded_at=now())
        return numbered

    def model(self, product: str, number: int) -> ModelVersion | None:
        """Return the product's model with this number, or None."""
        c = models.c
        rows = self._database.rows(sa.select(c.model).where(c.product == product, c.number == number))
        return ModelVersion.from_json(rows[0].model) if rows else None

    def models(self, product: str) -> list[ModelVersion]:
        """Return the product's models, in order of number."""
        rows = self._database.rows(sa.select(models.c.model).where(models.c.product == product).order_by(models.c.number))
        return [ModelVersion.from_json(row.model) for row in rows]

    def record_verdict(self, verdict: ModelVerdict, evidence: Evidence) -> None:
        """Record what the promotion gate said; what it says again, with no promotion since, adds nothing.

        After a promotion it is recorded anew under the same evidence: a verdict from before it counts no more, and decisions
        about the evidence stand.
        """
        c, p = model_verdicts.c, promotions.c
        mine = sa.select(c.evidence, c.recorded_at).where(c.product == evidence.product, c.number == evidence.number)
        promoted = sa.select(p.recorded_at).where(p.product == evidence.product).order_by(p.turn.desc()).limit(1)
        with self._database.writing() as connection:
            newest, turn = connection.execute(mine.order_by(c.id.desc()).limit(1)).first(), connection.execute(promoted).scalar()
            if newest is None or newest.evidence != evidence.digest or (turn or "") > newest.recorded_at:
                said = {"evidence": evidence.digest, "verdict": verdict.to_json(), "said": evidence.to_json()}
                insert(connection, model_verdicts, product=evidence.product, number=evidence.number, **said, recorded_at=now())

    def judgement(self, product: str, number: int) -> Judgement | None:
        """Return the newest verdict on the model with this number: the older ones count no more. None if there is none."""
        c = model_verdicts.c
        query = sa.select(model_verdicts).where(c.product == product, c.number == number)
        return _judgement(self._database.newest(query, model_verdicts))

    def judgement_under(self, evidence: str) -> Judgement | None:
        """Return the verdict that was recorded under this evidence, or None."""
        c = model_verdicts.c
        return _judgement(self._database.newest(sa.select(model_verdicts).where(c.evidence == evidence), model_verdicts))

    def judged_after(self, product: str, number: int) -> list[Judgement]:
        """Return every verdict on other models that was recorded after the newest on the model with this number, oldest first."""
        c = model_verdicts.c
        newest = sa.select(sa.func.max(c.id)).where(c.product == product, c.number == number).scalar_subquery()
        query = sa.select(model_verdicts).where(c.product == product, c.id > newest).order_by(c.id)
        return [found for row in self._database.rows(query) if (found := _judgement(row)) is not None]

    def judgements(self, product: str, *, number: int | None = None) -> list[Judgement]:
        """Return every verdict on the product's models, or on the one with this number, oldest first."""
        query = sa.select(model_verdicts).where(model_verdicts.c.product == product).order_by(model_verdicts.c.id)
        query = query if number is None else query.where(model_verdicts.c.number == number)
        return [found for row in self._database.rows(query) if (found := _judgement(row)) is not None]

    def record_review(self, review: Review, *, unless_decided: bool = False) -> Review:
        """Record a decision about evidence, and return the one that counts: the newest.

        `unless_decided`: only if nobody has decided about this evidence, whatever was decided.
        """
        newest = sa.select(reviews).where(reviews.c.evidence == review.evidence).order_by(reviews.c.id.desc()).limit(1)
        said = {"evidence": review.evidence, "decision": review.decision, "by_whom": review.by, "reason": review.reason}
        with self._database.writing() as connection:
            if not unless_decided or connection.execute(newest).first() is None:
                insert(connection, reviews, product=review.product, **said, expires_at=review.expires_at, recorded_at=now())
            return _review(connection.execute(newest).one())

    def reviews(self, evidence: str) -> list[Review]:
        """Return the decisions about this evidence, oldest first."""
        query = sa.select(reviews).where(reviews.c.evidence == evidence).order_by(reviews.c.id)
        return [_review(row) for row in self._database.rows(query)]

    def reviews_of(self, product: str, number: int) -> list[Review]:
        """Return the decisions about any evidence of the model with this number, oldest first."""
        v = model_verdicts.c
        mine = sa.select(v.evidence).where(v.product == product, v.number == number)
        query = sa.select(reviews).where(reviews.c.product == product, reviews.c.evidence.in_(mine)).order_by(reviews.c.id)
        return [_review(row) for row in self._database.rows(query)]

    def promote(self, promotion: Promotion, *, after: int, check: Callable[[Review], None]) -> Promotion | None:
        """Make a model the champion, in one transaction, and return the promotion as it was recorded.

        `check` is called with the newest decision about its evidence, an approval, and raises where the model must not be
        promoted all the same. While it runs nobody else writes: what it reads in this ledger is still so when the promotion
        is recorded; it must not write itself. Return None, and record nothing, unless the product has had exactly `after`
        promotions: of several at once one wins. Raises NotApproved where the evidence is about another model, nobody has
        approved it, it was rejected since, or the approval has expired.
        """
        c, r = promotions.c, reviews.c
        with self._database.writing() as connection:
            turns = connection.execute(sa.select(sa.func.max(c.turn)).where(c.product == promotion.product)).scalar() or 0
            if turns != after:
                return None
            _require_own(connection, promotion)
            about = sa.select(reviews).where(r.product == promotion.product, r.evidence == promotion.evidence)
            row = connection.execute(about.order_by(r.id.desc()).limit(1)).first()
            check(_approval(row, promotion))
            made = replace(promotion, id=turns + 1, promoted_at=now())
            said = json.dumps(asdict(made), sort_keys=True)
            insert(connection, promotions, product=made.product, turn=made.id, promotion=said, recorded_at=made.promoted_at)
        return made

    def promotions(self, product: str) -> list[Promotion]:
        """Return the product's promotions, oldest first; their `id` counts them from 1."""
        c = promotions.c
        rows = self._database.rows(sa.select(c.promotion).where(c.product == product).order_by(c.turn))
        return [Promotion(**json.loads(row.promotion)) for row in rows]

    def champion(self, product: str) -> ModelVersion | None:
        """Return the model of the newest promotion, or None."""
        history = self.promotions(product)
        return self.model(product, history[-1].number) if history else None


def _identity(model: ModelVersion) -> tuple[str, str, str, str]:
    return model.training_set, model.recipe, model.code, model.artifact


def _require_own(connection: sa.Connection, wanted: Promotion) -> None:
    """Raise NotApproved unless a verdict about this very model is recorded under the evidence that was approved."""
    v = model_verdicts.c
    mine = sa.select(v.id).where(v.product == wanted.product, v.number == wanted.number, v.evidence == wanted.evidence)
    if connection.execute(mine.limit(1)).first() is None:
        raise NotApproved(
            f"{wanted.product}: model {wanted.number} is not promoted: found evidence {wanted.evidence[:12]}, under which no "
            f"verdict about it is recorded, expected its own: `readiness review show {wanted.product} {wanted.number}`"
        )


def _approval(row: sa.Row[Any] | None, wanted: Promotion) -> Review:
    """Return the decision if it approves still. Whatever anybody checks before or after: without one nothing is promoted."""
    if row is None:
        found = "no decision"
    elif row.decision != "approved":
        found = f"a rejection by {row.by_whom} ({row.reason})"
    elif datetime.datetime.fromisoformat(row.expires_at) <= datetime.datetime.now(datetime.UTC):
        found = f"an approval by {row.by_whom} that expired at {row.expires_at[:19]} UTC"
    else:
        return _review(row)
    raise NotApproved(
        f"{wanted.product}: model {wanted.number} is not promoted: found {found} about evidence {wanted.evidence[:12]}, expected "
        f"an approval; `readiness review show {wanted.product} {wanted.number}` has the evidence"
    )


def _judgement(row: sa.Row[Any] | None) -> Judgement | None:
    if row is None:
        return None
    return Judgement(ModelVerdict.from_json(row.verdict), Evidence.from_json(row.said), row.recorded_at)


def _review(row: sa.Row[Any]) -> Review:
    said = (row.product, row.evidence, row.decision, row.by_whom, row.reason, row.expires_at, row.recorded_at)
    return Review(*said)
