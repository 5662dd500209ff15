"""A retrain: asked for, and carried out by one run at a time, from a training set to an outcome that somebody can read.

training set -> challenger -> verdict -> the policy's review, where it may -> promotion -> card -> end

Every step is on record before the next begins, and finds what it has done before. So a run that was killed is carried on by
the next one, and nothing is trained, decided or promoted twice.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import replace

from readiness_pipelines.declarations import Product
from readiness_pipelines.errors import NotApproved, ReadinessError
from readiness_pipelines.flow import SCHEDULE, Judged, ModelVersion, Retrain, Severity, Status, TrainingSet
from readiness_pipelines.governance import POLICY, in_review, signed
from readiness_pipelines.lakehouse import Lakehouse, reached
from readiness_pipelines.layers.calendar import keys_asked_for
from readiness_pipelines.ledger import Ledger
from readiness_pipelines.ledger.models import Judgement
from readiness_pipelines.models.training_set import spec_of
from readiness_pipelines.reports.model_card import keep_card
from readiness_pipelines.response.facts import newest_partition, waits_until

ATTEMPTS = 4  # runs that may begin a retrain; after that somebody has to look, and it must not stand in the way of others
_NAMED = 5  # rules that are named

Say = Callable[[str], None]


def request(
    product: Product, lake: Lakehouse, *, by: str, reason: str, cut_off: str | None = None, now: datetime.datetime
) -> Retrain:
    """Ask for a retrain that looks at data up to `cut_off`, inclusive, by default the newest admitted; return what is in flight.

    That is another one, which this has joined, where one is in flight already, and which is a person's then. What the schedule
    asks for may have to wait for the week's budget, as it is at `now` (UTC), and while the loop is paused; people do not wait.
    Raises ReadinessError for a product without a model, where nothing is admitted yet, where there is no such partition, and
    where `by` or `reason` says nothing.
    """
    spec, retrains = spec_of(product), lake.ledger.retrains
    who, why = (by, reason) if by == SCHEDULE else signed(by, reason)
    newest = newest_partition(spec, lake.ledger)
    if newest is None:
        raise ReadinessError(
            f"{spec.scored.full_name} and {spec.labels.full_name} have no admitted rows, so there is nothing to train on: "
            f"`readiness status {product.name}` says what holds them"
        )
    (asked_for,) = keys_asked_for(product, cut_off, cut_off, now=now) if cut_off is not None else (newest,)
    wanted = Retrain(product.name, 0, "requested", asked_for, Severity.NONE, (), why, who)
    if wanted.is_by_itself:
        begins = waits_until(retrains.retrains(product.name), per_week=spec.words.retraining.per_week, now=now)
        wanted = replace(wanted, not_before=begins)
    return retrains.request(wanted)


def due(product: Product, ledger: Ledger, *, now: datetime.datetime) -> Retrain | None:
    """Return the retrain that is in flight and may be carried out at `now` (UTC).

    Its time has come; and the loop is not paused, or a person has asked for it, and not policy or schedule alone.
    """
    found = ledger.retrains.in_flight(product.name)
    if found is None or (found.is_by_itself and ledger.retrains.paused(product.name) is not None):
        return None
    is_time = not found.not_before or datetime.datetime.fromisoformat(found.not_before) <= now.replace(tzinfo=datetime.UTC)
    return found if is_time else None


def give_up(product: Product, ledger: Ledger, retrain: int, *, why: str) -> bool:
    """End a retrain that nobody can carry out as `broken`: the next can be asked for. Return whether it was in flight."""
    found = ledger.retrains.retrain(product.name, retrain)
    return found is not None and ledger.retrains.end(replace(found, outcome="broken", why=why))


def carry_out(
    product: Product,
    lake: Lakehouse,
    *,
    retrain: int,
    run: str,
    is_over: Callable[[str], bool],
    now: datetime.datetime,
    say: Say = lambda _: None,
) -> Retrain:
    """Carry out a retrain, or carry on where a run that died left it, and return it as it stands.

    Ended, with its outcome; or as it was found where nothing was done: it has ended, another run (which is not over) has it,
    or it is not due at `now` (UTC). What cannot be done raises, leaves it `started`, and is done by the next run; the fifth
    gives it up.
    """
    found = lake.ledger.retrains.retrain(product.name, retrain)
    if found is None:
        raise ReadinessError(f"found no retrain {retrain} of {product.name}, expected one that was asked for: `readiness retrain`")
    if found.state == "ended" or due(product, lake.ledger, now=now) is None:
        return found
    taken = lake.ledger.retrains.start(product.name, retrain, run, is_over=is_over)
    if taken is None:
        return lake.ledger.retrains.retrain(product.name, retrain) or found
    reached("retrain_started")
    if taken.attempt > ATTEMPTS:
        ended = replace(taken, outcome="broken", why=f"{ATTEMPTS} runs began it, and none of them ended it")
    else:
        ended = _Retraining(product, lake, taken, say).ended()
    if ended.number and ended.outcome != "refused":  # it was judged; the card tells what was decided, too
        keep_card(product, lake, ended.number)
        reached("card_kept")
    lake.ledger.retrains.end(ended)
    reached("retrain_ended")
    _let_follow(product, lake)
    say(f"retrain {ended.id}: {ended.outcome}{f', {ended.why}' if ended.why else ''}")
    return lake.ledger.retrains.retrain(product.name, retrain) or ended


def _let_follow(product: Product, lake: Lakehouse) -> None:
    """Let MLflow's aliases say which model is the challenger now, and let go of training sets that nothing rests on."""
    from readiness_pipelines.models.kept import let_go
    from readiness_pipelines.models.promotion import repair

    repair(product, lake)
    let_go(product, lake)


class _Retraining:
    """One retrain that this run has taken."""

    def __init__(self, product: Product, lake: Lakehouse, taken: Retrain, say: Say) -> None:
        self._product, self._lake, self._taken, self._say = product, lake, taken, say
        self._spec, self._ledger = spec_of(product), lake.ledger

    def ended(self) -> Retrain:
        """Return the retrain with the outcome that it has; everything but its end is on record."""
        from readiness_pipelines.models.train import refusal
        from readiness_pipelines.models.training_set import select

        self._say(f"selecting the training set up to {self._taken.cut_off}")
        training_set = select(self._product, self._lake, cut_off=self._taken.cut_off)
        reached("training_set_selected")
        self._say(f"training set {training_set.id[:12]}: {training_set.rows_train:,} rows, holdout {training_set.rows_holdout:,}")
        if why := refusal(self._spec, training_set):
            return self._with("refused", why)
        model = self._challenger(training_set)
        while True:
            champion, severity = self._champion(), self._severity(model)
            if champion is not None and champion.number == model.number:
                return self._is_champion(model)
            ended = self._decided(model, self._judged(model, champion, training_set, severity))
            if ended.outcome == "promoted" or (self._champion(), self._severity(model)) == (champion, severity):
                return ended
            self._say(f"model {model.number} is judged anew: another is champion now, or a worse event has come")

    def _challenger(self, training_set: TrainingSet) -> ModelVersion:
        """Return the model of this training set: the one on record, or a new one."""
        from readiness_pipelines.models.registry import Registry
        from readiness_pipelines.models.train import code_fingerprint, train

        registry, code = Registry.open(self._lake.settings), code_fingerprint(self._spec)
        made_of = (training_set.id, self._spec.recipe, code)
        known = [m for m in self._ledger.models.models(self._product.name) if (m.training_set, m.recipe, m.code) == made_of]
        if known:
            model = known[-1]
        else:
            self._say("training ...")
            trained = train(self._spec, self._lake, self._product, training_set)
            recorded = registry.record(self._spec, training_set, trained, by=self._name)
            model = self._ledger.models.record_model(recorded)
            reached("model_recorded")
        registry.number(model)
        reached("model_numbered")
        self._say(f"model {model.name}")
        return model

    def _is_champion(self, model: ModelVersion) -> Retrain:
        """Say of a model that is champion whether it has become so since this retrain was asked for.

        By a run of it that was killed, or by whoever carried out what that run had decided: the sensor, or a person.
        """
        newest = self._ledger.models.promotions(self._product.name)[-1]
        if newest.kind == "promoted" and newest.promoted_at > self._taken.requested_at:
            return self._promoted(model)
        why = f"model {model.number}, the champion, was made of the same rows by the same code"
        return self._with("refused", why, model.number)

    def _judged(
        self, model: ModelVersion, champion: ModelVersion | None, training_set: TrainingSet, severity: Severity
    ) -> Judgement:
        """Let the promotion gate judge the challenger beside the champion; the same again is the same evidence."""
        from readiness_pipelines.models.evidence import evidence_of
        from readiness_pipelines.models.judge import champion_scored, judge, scored
        from readiness_pipelines.models.registry import Registry
        from readiness_pipelines.models.training_set import frame
        from readiness_pipelines.models.withdrawn import withdrawn_since

        product, lake, registry = self._product, self._lake, Registry.open(self._lake.settings)
        self._say(f"judging model {model.number}{f' beside model {champion.number}' if champion is not None else ''} ...")
        holdout = frame(lake, product, training_set, part="holdout")
        against = None
        if champion is not None:
            against = champion_scored(product, lake, model=champion, load=registry.load, holdout=holdout)
        verdict = judge(
            product,
            lake,
            challenger=scored(product, lake, model=model, estimator=registry.load(model), holdout=holdout),
            champion=against,
            training_set=training_set,
            versions_gone=withdrawn_since(product, lake, training_set),
        )
        evidence = evidence_of(product, model, verdict, severity=severity)
        self._ledger.models.record_verdict(verdict, evidence)
        reached("model_judged")
        found = self._ledger.models.judgement(product.name, model.number)
        assert found is not None, "it has just been recorded"
        return found

    @property
    def _name(self) -> str:
        return f"retrain {self._taken.id}"

    def _champion(self) -> ModelVersion | None:
        return self._ledger.models.champion(self._product.name)

    def _severity(self, model: ModelVersion) -> Severity:
        """Return the worst of what has asked for this model up to now; critical where a critical event waits for a person's word.

        A model that is found again stays what an older retrain has made it for.
        """
        if in_review(self._product, self._ledger) is not None:
            return Severity.CRITICAL
        standing = self._ledger.retrains.retrain(self._product.name, self._taken.id) or self._taken
        before = self._ledger.models.judgements(self._product.name, number=model.number)
        return Severity.worst([standing.severity, *(each.evidence.severity for each in before)])

    def _decided(self, model: ModelVersion, judgement: Judgement) -> Retrain:
        verdict = judgement.verdict
        if verdict.status is Status.FAILED:
            return self._with("rejected", _named(verdict.failed), model.number)
        command = f"readiness review show {self._product.name} {model.number}"
        if verdict.status is not Status.PASSED:
            undecided = [each for each in verdict.judged if each.status is Status.UNDECIDED]
            told = f"{_named(undecided)} ({undecided[0].note})" if undecided and undecided[0].note else _named(undecided)
            return self._with("waits", f"{told}: only a person can approve it, `{command}`", model.number)
        from readiness_pipelines.models.grounds import case_of, since_put_aside
        from readiness_pipelines.models.reviewing import decide_by_policy

        reason = f"{self._name}: {self._taken.reason}"
        review = decide_by_policy(self._product, self._lake, number=model.number, reason=reason)
        if review is None:
            case, history = case_of(self._product, self._lake, model.number), self._ledger.models.promotions(self._product.name)
            rated = f"tier {judgement.evidence.tier}, severity {judgement.evidence.severity}"
            why = "; ".join(since_put_aside(case, history)) or f"{rated}: a person decides"
            return self._with("waits", f"{why}, `{command}`", model.number)
        reached("review_recorded")
        if review.decision == "rejected":
            return self._with("rejected", f"by {review.by}: {review.reason}", model.number)
        return self._promoted(model)

    def _promoted(self, model: ModelVersion) -> Retrain:
        from readiness_pipelines.models.promotion import promote

        try:
            promote(self._product, self._lake, number=model.number, by=POLICY, reason=self._name)
        except NotApproved as error:
            return self._with("waits", str(error), model.number)
        reached("model_promoted")
        return self._with("promoted", "", model.number)

    def _with(self, outcome: str, why: str, number: int = 0) -> Retrain:
        return replace(self._taken, outcome=outcome, why=why, number=number)  # type: ignore[arg-type]


def _named(rules: list[Judged] | tuple[Judged, ...]) -> str:
    names = list(dict.fromkeys(f"{each.rule} {each.status}{f' ({each.about})' if each.about else ''}" for each in rules))
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
