"""A retrain is carried out to an outcome: promoted, waiting for a person, rejected by name, refused; and an event leads back.

One product serves all tests: after each, its ledger, its models and its declaration are put back as they were.
"""

from __future__ import annotations

import datetime
import multiprocessing
import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from readiness_pipelines.declarations import load_product
from readiness_pipelines.errors import NotApproved
from readiness_pipelines.flow import DriftReport, Finding, Kind, Mode, Promotion, Retrain, Severity, Status, Test
from readiness_pipelines.governance import in_review
from readiness_pipelines.lakehouse import Lakehouse, steps
from readiness_pipelines.models.overview import standing
from readiness_pipelines.models.promotion import promote
from readiness_pipelines.models.registry import Registry
from readiness_pipelines.models.reviewing import decide
from readiness_pipelines.reports.model_card import card_of
from readiness_pipelines.response import Effect, carry_out, request, take_effect
from readiness_pipelines.response import retrain as retraining
from readiness_pipelines.response.rollback import compared
from tests.cli.said import commands_in
from tests.drifted import judged, measured
from tests.modelled import MODEL, ORDERS, WATCHED, Parcels, build_parcels
from tests.services import variables

pytestmark = pytest.mark.slow

SPAWN = multiprocessing.get_context("forkserver")
SPAWN.set_forkserver_preload(["readiness_pipelines.response", "tests.modelled", "mlflow", "sklearn.ensemble", "skops.io"])
NOW = datetime.datetime(2025, 2, 1)
MEDIUM, CRITICAL = Severity.MEDIUM, Severity.CRITICAL
BLOCK = MODEL.replace("holdout_days: 3", "holdout_days: 2\n    train_days: 2\n    min_rows: 200\n    estimator: logistic")
NORMAL, LATER, TURNED, AFTER = "2025-01-05", "2025-01-06", "2025-01-12", "2025-01-16"  # cut-offs


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, mlflow_database: Path) -> Parcels:
    """Sixteen days: of the orders of the 5th to the 10th the cheap are sent back, of all others the dear."""
    parcels = build_parcels(tmp_path_factory.mktemp("filled"), model=BLOCK, watched=WATCHED)
    for days, turned in ((range(1, 7), 0), (range(7, 13), 1), (range(13, 17), 0)):
        parcels.fill(days, rows=400, turned=turned)
    shutil.copy(mlflow_database, parcels.settings.state / "mlflow.db")
    return parcels


@pytest.fixture
def parcels(filled: Parcels, tmp_path: Path) -> Iterator[Parcels]:
    state, words = filled.settings.state, (filled.folder / "defs.yaml").read_text()
    names = ("ledger.db", "mlflow.db")
    for name in names:
        _copied(state / name, tmp_path / name)
    yield Parcels(filled.root)
    for name in names:
        _copied(tmp_path / name, state / name)
    (filled.folder / "defs.yaml").write_text(words)


def _copied(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as one, closing(sqlite3.connect(target)) as other:
        one.backup(other)


def approved(parcels: Parcels) -> list[int]:
    """Return the numbers of the models that may be promoted and are not yet."""
    found = standing(parcels.product, parcels.lake, now=datetime.datetime.now(datetime.UTC))
    return [each.model.number for each in found.approved]


def over(run: str) -> bool:
    return True


def retrained(parcels: Parcels, cut_off: str, *, run: str = "run-1", say: Callable[[str], None] = lambda _: None) -> Retrain:
    """Ask for a retrain and carry it out."""
    asked = request(parcels.product, parcels.lake, by="ann", reason="asked", cut_off=cut_off, now=NOW)
    return carry_out(parcels.product, parcels.lake, retrain=asked.id, run=run, is_over=over, now=NOW, say=say)


def outcome(found: Retrain) -> tuple[str, str, int]:
    return found.state, found.outcome, found.number


def champions(parcels: Parcels) -> list[tuple[int, str]]:
    return [(each.number, each.kind) for each in parcels.lake.ledger.models.promotions("parcels")]


def aliases(parcels: Parcels) -> dict[str, int]:
    return Registry.open(parcels.settings).aliases("parcels")


def card(parcels: Parcels, number: int) -> str:
    """Return the card that is kept beside the model's artifact."""
    model = parcels.lake.ledger.models.model("parcels", number)
    assert model is not None
    (artifact,) = (each for each in (parcels.settings.state / "mlflow").rglob("model.skops") if model.run in str(each))
    return (artifact.parents[1] / "card.html").read_text(encoding="utf-8")


def lost(effect: float, first: str, last: str) -> DriftReport:
    """So much of the metric was lost in the orders of these days, by the labels that are known: critical from 0.1 on."""
    made = measured(last, first=first, product="parcels", monitor="orders", table="silver.orders", columns=("score",))
    severity = CRITICAL if effect >= 0.1 else MEDIUM
    found = Finding("score", Kind.CONCEPT, Test.PERFORMANCE, severity, Mode.DECIDED, effect, 1e-9, 0.1)
    return replace(judged(made, severity), findings=(found,))


def took_effect(parcels: Parcels, report: DriftReport, *, run: str = "run-e") -> Effect:
    """Let an event of the orders of real versions take effect."""
    ledger, window = parcels.lake.ledger, report.measured.window
    there = ledger.current_versions(ORDERS)
    versions = tuple(version for key, version in there.items() if window.first <= key <= window.last)
    of_these = replace(report, measured=replace(report.measured, versions=versions))
    ledger.drift.record(of_these.measured)
    ledger.drift.judge(of_these)
    return take_effect(parcels.product, parcels.lake, of_these.event, run, is_over=over, now=NOW)


# outcomes


def test_the_first_champion_is_trained_judged_against_the_baseline_and_promoted_by_the_policy(parcels: Parcels) -> None:
    found = retrained(parcels, NORMAL)
    ledger = parcels.lake.ledger
    assert outcome(found) == ("ended", "promoted", 1), found.why
    judgement = ledger.models.judgement("parcels", 1)
    assert judgement is not None and judgement.verdict.status is Status.PASSED and judgement.verdict.against == ""
    (review,) = ledger.models.reviews(judgement.evidence.digest)
    assert (review.by, review.reason) == ("policy", "retrain 1: asked")
    (promotion,) = ledger.models.promotions("parcels")
    assert (promotion.number, promotion.by, promotion.reason) == (1, "policy", "retrain 1")
    assert promotion.evidence == judgement.evidence.digest
    model = ledger.models.model("parcels", 1)
    assert model is not None and model.trained_by == "retrain 1"
    assert aliases(parcels) == {"champion": 1}
    assert ledger.drift.reference("parcels", "orders") is not None
    assert model.artifact in card(parcels, 1) and "<td>policy</td><td>retrain 1</td>" in card(parcels, 1)


def test_what_would_be_made_of_the_same_rows_by_the_same_code_is_refused(parcels: Parcels) -> None:
    retrained(parcels, NORMAL)
    found = retrained(parcels, NORMAL)
    assert outcome(found) == ("ended", "refused", 1)
    assert found.why == "model 1, the champion, was made of the same rows by the same code"
    assert len(parcels.lake.ledger.models.models("parcels")) == 1
    assert champions(parcels) == [(1, "promoted")]


def test_a_challenger_that_is_no_better_is_rejected_by_name(parcels: Parcels) -> None:
    retrained(parcels, NORMAL)
    found = retrained(parcels, LATER)
    assert outcome(found) == ("ended", "rejected", 2)
    assert "better failed" in found.why
    assert "The promotion gate rejects it: better" in card(parcels, 2)
    assert champions(parcels) == [(1, "promoted")]
    assert aliases(parcels) == {"champion": 1}


def test_where_the_champions_file_is_gone_a_person_decides_about_the_next(parcels: Parcels) -> None:
    assert outcome(retrained(parcels, NORMAL))[1] == "promoted"
    with artifact_gone(parcels, 1):
        found = retrained(parcels, TURNED)
        assert outcome(found) == ("ended", "waits", 2)
        why = "better undecided, slice:region undecided (the champion cannot score these rows: its artifact cannot be loaded: "
        assert found.why.startswith(why)
        assert "only a person can approve it, `readiness review show parcels 2`" in found.why
        judgement = parcels.lake.ledger.models.judgement("parcels", 2)
        assert judgement is not None and judgement.verdict.status is Status.UNDECIDED and not judgement.verdict.failed
        assert "its artifact cannot be loaded" in card_of(parcels.product, parcels.lake, 2)
        decide(parcels.product, parcels.lake, number=2, approve=True, by="ann", reason="the first one is lost")
        promote(parcels.product, parcels.lake, number=2, by="policy", reason="approved by ann")
    assert champions(parcels) == [(1, "promoted"), (2, "promoted")]


def test_too_few_rows_are_refused_and_nothing_is_trained(parcels: Parcels) -> None:
    parcels.declare("min_rows: 200", "min_rows: 5000")
    found = retrained(parcels, NORMAL)
    assert outcome(found) == ("ended", "refused", 0)
    assert "to train on, expected at least 5000" in found.why
    assert parcels.lake.ledger.models.models("parcels") == []


def test_at_a_higher_tier_it_waits_for_a_person_whose_decision_promotes_it(parcels: Parcels) -> None:
    parcels.declare("risk_tier: low", "risk_tier: medium")
    said: list[str] = []
    found = retrained(parcels, NORMAL, say=said.append)
    assert outcome(found) == ("ended", "waits", 1)
    told = (f"selecting the training set up to {NORMAL}", "training set", "training ...", "model parcels/1@", "judging model 1 ...")
    assert [line.startswith(each) for line, each in zip(said, told, strict=False)] == [True] * 5, said
    assert found.why == "tier medium, severity none: a person decides, `readiness review show parcels 1`"
    assert champions(parcels) == []
    assert aliases(parcels) == {"challenger": 1}
    assert "Nobody has decided yet." in card(parcels, 1)
    decide(parcels.product, parcels.lake, number=1, approve=True, by="ann", reason="looked at")
    assert approved(parcels) == [1]


def test_while_the_loop_is_paused_a_persons_retrain_is_judged_and_promoted_by_nobody(parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    ledger.retrains.pause("parcels", by="ann", reason="migration")
    found = retrained(parcels, NORMAL)
    assert outcome(found) == ("ended", "waits", 1)
    assert "paused by ann" in found.why
    assert champions(parcels) == []
    ledger.retrains.resume("parcels", by="ann", reason="done")
    assert approved(parcels) == [1], "what the policy decided is carried out then"


def test_from_a_shell_it_is_carried_out_to_its_end_and_told(
    parcels: Parcels, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readiness = commands_in(parcels.root, variables(parcels.root, {}), monkeypatch, capsys)
    asked = ("retrain", "parcels", "--by", "ann", "--reason", "asked", "--cut-off", NORMAL)
    code, said = readiness(*asked)
    assert code == 0
    assert f"data up to {NORMAL}" in said and "model parcels/1@" in said and "retrain 1: promoted" in said
    assert readiness(*asked)[0] == 1, "nothing was promoted: it is the champion"
    assert champions(parcels) == [(1, "promoted")]


# events


def test_labels_that_say_the_predictions_are_worth_less_lead_to_a_better_champion(parcels: Parcels) -> None:
    retrained(parcels, TURNED)
    effect = took_effect(parcels, lost(0.08, "2025-01-13", "2025-01-14"))
    assert effect.decision is not None and effect.decision.action == "observe"
    assert "cooldown is 7 days" in effect.decision.why
    parcels.declare("risk_tier: low", "risk_tier: low\n    retraining: {cooldown_days: 4}")
    effect = took_effect(parcels, lost(0.08, "2025-01-14", "2025-01-14"))
    assert effect.decision is not None and (effect.decision.action, effect.decision.retrain) == ("retrain", 2)
    found = carry_out(parcels.product, parcels.lake, retrain=2, run="run-2", is_over=over, now=NOW)
    assert (*outcome(found), found.cut_off, found.severity) == ("ended", "promoted", 2, AFTER, MEDIUM), found.why


def test_a_critical_event_makes_every_promotion_need_a_person_until_one_has_decided(parcels: Parcels) -> None:
    retrained(parcels, NORMAL)
    effect = took_effect(parcels, lost(0.12, "2025-01-09", "2025-01-10"))
    assert effect.decision is not None and (effect.decision.action, effect.decision.retrain) == ("review", 2)
    found = carry_out(parcels.product, parcels.lake, retrain=2, run="run-2", is_over=over, now=NOW)
    assert found.outcome in ("waits", "rejected"), "in no case promoted"
    found = retrained(parcels, TURNED)
    assert outcome(found)[1] == "waits", found.why
    assert "severity critical: a person decides" in found.why
    decide(parcels.product, parcels.lake, number=found.number, approve=True, by="ann", reason="looked at")
    promote(parcels.product, parcels.lake, number=found.number, by="policy", reason="approved by ann")
    again = retrained(parcels, "2025-01-11")
    judgement = parcels.lake.ledger.models.judgement("parcels", again.number)
    assert judgement is not None and judgement.evidence.severity is Severity.NONE


def test_what_a_person_rejected_after_a_critical_event_is_not_promoted_when_it_is_made_again(parcels: Parcels) -> None:
    retrained(parcels, NORMAL)
    took_effect(parcels, lost(0.12, "2025-01-09", "2025-01-10"))
    carry_out(parcels.product, parcels.lake, retrain=2, run="run-2", is_over=over, now=NOW)
    found = retrained(parcels, TURNED)
    assert outcome(found)[1] == "waits", found.why
    decide(parcels.product, parcels.lake, number=found.number, approve=False, by="ann", reason="too few rows of the north")
    assert in_review(parcels.product, parcels.lake.ledger) is None
    again = retrained(parcels, TURNED)
    assert outcome(again) == ("ended", "rejected", found.number), again.why
    assert again.why == "by ann: too few rows of the north"
    judgement = parcels.lake.ledger.models.judgement("parcels", found.number)
    assert judgement is not None and judgement.evidence.severity is CRITICAL, "it is still what that has asked for"
    assert champions(parcels) == [(1, "promoted")]


def test_a_critical_event_that_joins_while_a_challenger_is_judged_reaches_its_evidence(
    parcels: Parcels, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = parcels.lake.ledger

    def join(name: str) -> None:
        if name == "model_judged":
            monkeypatch.setattr(steps, "on_reached", None)
            ledger.retrains.request(replace(ledger.retrains.retrains("parcels")[0], events=("e1",), severity=CRITICAL))

    monkeypatch.setattr(steps, "on_reached", join)
    found = retrained(parcels, NORMAL)
    assert (*outcome(found), found.severity) == ("ended", "waits", 1, CRITICAL)
    assert [each.evidence.severity for each in ledger.models.judgements("parcels")] == [Severity.NONE, CRITICAL]
    assert champions(parcels) == []


def test_what_the_policy_approved_before_a_critical_event_needs_a_person_after_it(parcels: Parcels) -> None:
    ledger = parcels.lake.ledger
    ledger.retrains.pause("parcels", by="ann", reason="migration")
    assert outcome(retrained(parcels, NORMAL)) == ("ended", "waits", 1)
    took_effect(parcels, lost(0.12, "2025-01-09", "2025-01-10"))
    ledger.retrains.resume("parcels", by="ann", reason="done")
    assert approved(parcels) == []
    with pytest.raises(NotApproved, match="every promotion needs a person"):
        promote(parcels.product, parcels.lake, number=1, by="policy", reason="it was approved")
    decide(parcels.product, parcels.lake, number=1, approve=True, by="ann", reason="looked at")
    assert approved(parcels) == [1]


# roll back


def two_champions(parcels: Parcels) -> None:
    assert outcome(retrained(parcels, NORMAL))[1] == "promoted"
    assert outcome(retrained(parcels, TURNED)) == ("ended", "promoted", 2)


def test_the_champion_before_is_back_where_it_is_better_on_the_window(parcels: Parcels) -> None:
    two_champions(parcels)
    effect = took_effect(parcels, lost(0.4, "2025-01-13", "2025-01-14"))
    assert effect.decision is not None
    assert (effect.decision.action, effect.decision.retrain) == ("roll_back", 3), effect.decision.why
    assert "back to model 1: model 1 against model 2 on" in effect.decision.why
    newest = parcels.lake.ledger.models.promotions("parcels")[-1]
    assert (newest.number, newest.previous, newest.kind, newest.by) == (1, 2, "rolled_back", "policy")
    assert newest.reason == f"event {effect.event[:12]}: performance fell by 0.400 in 2025-01-13...2025-01-14"
    assert aliases(parcels)["champion"] == 1


def test_what_was_looked_at_before_its_labels_were_known_is_news(parcels: Parcels) -> None:
    """Both orders and window are within the champion's cut-off, the 12th; what became of them is known from the 13th on."""
    two_champions(parcels)
    data = judged(measured("2025-01-12", first="2025-01-12", product="parcels", monitor="orders", table="silver.orders"), MEDIUM)
    behind = took_effect(parcels, data)
    assert behind.decision is not None and "the window is behind it" in behind.decision.why, "amounts it has looked at"
    less = took_effect(parcels, lost(0.08, "2025-01-11", "2025-01-11"))
    assert less.decision is not None and "the cooldown is 7 days" in less.decision.why
    effect = took_effect(parcels, lost(0.4, "2025-01-11", "2025-01-12"))
    assert effect.decision is not None and effect.decision.action == "roll_back", effect.decision.why
    assert champions(parcels) == [(1, "promoted"), (2, "promoted"), (1, "rolled_back")]


def test_who_was_promoted_while_two_others_were_compared_is_not_unseated_for_what_they_did(
    parcels: Parcels, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_champions(parcels)
    ledger = parcels.lake.ledger

    def promote_third(name: str) -> None:
        if name == "retrain_requested":
            monkeypatch.setattr(steps, "on_reached", None)
            third = carry_out(parcels.product, parcels.lake, retrain=3, run="run-3", is_over=over, now=NOW)
            assert third.outcome == "waits", third.why
            decide(parcels.product, parcels.lake, number=third.number, approve=True, by="ann", reason="the second fails")
            promote(parcels.product, parcels.lake, number=third.number, by="policy", reason="approved by ann")

    monkeypatch.setattr(steps, "on_reached", promote_third)
    effect = took_effect(parcels, lost(0.4, "2025-01-13", "2025-01-14"))
    assert effect.decision is not None and (effect.decision.action, effect.decision.retrain) == ("review", 3)
    assert "not rolled back: whether model 2 is better cannot be told" in effect.decision.why, "neither has seen none of the rows"
    assert champions(parcels) == [(1, "promoted"), (2, "promoted"), (3, "promoted")]
    assert [said.action for _, said in ledger.drift.decisions("parcels")] == ["review"]


def test_it_is_not_where_the_loss_is_smaller_the_window_is_known_or_its_labels_are_not(parcels: Parcels) -> None:
    two_champions(parcels)
    small = took_effect(parcels, lost(0.15, "2025-01-13", "2025-01-14"))
    known = took_effect(parcels, lost(0.4, "2025-01-09", "2025-01-10"))
    early = took_effect(parcels, lost(0.4, "2025-01-15", "2025-01-16"))
    assert small.decision is not None and small.decision.action == "review" and "rolled back" not in small.decision.why
    assert known.decision is not None and known.decision.action == "observe" and "the window is behind it" in known.decision.why
    assert early.decision is not None and early.decision.action == "review"
    assert "not rolled back: whether model 1 is better cannot be told: 0 rows with a label" in early.decision.why
    assert champions(parcels) == [(1, "promoted"), (2, "promoted")]


def test_it_is_not_where_it_is_no_better(parcels: Parcels) -> None:
    assert outcome(retrained(parcels, TURNED))[1] == "promoted"
    assert outcome(retrained(parcels, AFTER))[1] == "promoted"
    parcels.fill(range(17, 21), rows=400)
    effect = took_effect(parcels, lost(0.4, "2025-01-17", "2025-01-18"))
    assert effect.decision is not None and effect.decision.action == "review"
    assert "not rolled back: model 1 against model 2 on" in effect.decision.why


def test_it_is_not_where_its_own_approval_does_not_count_any_more(parcels: Parcels) -> None:
    two_champions(parcels)
    decide(parcels.product, parcels.lake, number=1, approve=False, by="ann", reason="it treated the north badly")
    effect = took_effect(parcels, lost(0.4, "2025-01-13", "2025-01-14"))
    assert effect.decision is not None and effect.decision.action == "review"
    assert "not rolled back: parcels: model 1 is not rolled back to" in effect.decision.why
    assert "rejected by ann" in effect.decision.why or "it treated the north badly" in effect.decision.why


def test_what_cannot_be_compared_is_said_and_the_event_takes_effect_all_the_same(parcels: Parcels) -> None:
    two_champions(parcels)
    lake, report = parcels.lake, lost(0.4, "2025-01-13", "2025-01-14")

    def why(lake: Lakehouse = lake) -> str:
        found = compared(parcels.product, lake, report, cut_off=AFTER)
        assert found is not None and (found.to, found.is_better) == (1, None)
        return found.why

    assert why().startswith("whether model 1 is better cannot be told: "), "of the window's versions none was ever there"
    there = lake.ledger.current_versions(ORDERS)
    report = replace(report, measured=replace(report.measured, versions=tuple(there[f"2025-01-{day}"] for day in (13, 14))))
    with refusing() as uri:
        assert "MLflow unreachable" in why(Lakehouse.open(replace(parcels.settings, mlflow_uri=uri)))
    parcels.declare("[amount, items, weight, channel, region]", "[amount, items]")
    assert "cannot score the window's rows: it was made of other features" in why()
    parcels.declare("[amount, items]", "[amount, items, weight, channel, region]")
    with artifact_gone(parcels, 1):
        effect = took_effect(parcels, lost(0.4, "2025-01-13", "2025-01-14"))
    assert effect.decision is not None and (effect.decision.action, effect.decision.retrain) == ("review", 3)
    assert "not rolled back: whether model 1 is better cannot be told: model 1 cannot score" in effect.decision.why
    assert champions(parcels) == [(1, "promoted"), (2, "promoted")]


@contextmanager
def refusing() -> Iterator[str]:
    """Serve what refuses every request, at once, and yield where."""

    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(403)

        do_POST = do_GET

        def log_message(self, *said: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Refuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def artifact_gone(parcels: Parcels, number: int) -> Iterator[None]:
    """Take the model's file away, and put it back afterwards."""
    model = parcels.lake.ledger.models.model("parcels", number)
    assert model is not None
    (path,) = (each for each in (parcels.settings.state / "mlflow").rglob("model.skops") if model.run in str(each))
    away = path.rename(path.with_suffix(".away"))
    try:
        yield
    finally:
        away.rename(path)


# kills


def _carry_out(root: Path, run: str, stop_at: str) -> None:
    def kill(name: str) -> None:
        if name == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = kill
    retraining.ATTEMPTS = 100
    parcels = Parcels(root)
    carry_out(load_product(parcels.folder), parcels.lake, retrain=1, run=run, is_over=over, now=NOW)


def _take_effect(root: Path, event: str, run: str, stop_at: str) -> None:
    def kill(name: str) -> None:
        if name == stop_at:
            os.kill(os.getpid(), signal.SIGKILL)

    steps.on_reached = kill
    parcels = Parcels(root)
    take_effect(load_product(parcels.folder), parcels.lake, event, run, is_over=over, now=NOW)


def ended(target: object, *args: object) -> int | None:
    process = SPAWN.Process(target=target, args=args)  # type: ignore[arg-type]
    process.start()
    process.join(300)
    return process.exitcode


def test_a_retrain_killed_at_every_step_is_carried_on_and_nothing_is_done_twice(parcels: Parcels) -> None:
    """Each run carries on where the one before was killed, and is killed at the next step."""
    request(parcels.product, parcels.lake, by="ann", reason="asked", cut_off=NORMAL, now=NOW)
    before = parcels.lake.ledger.retrains
    stops = [*steps.RETRAIN_NAMES[:6], "promotion_recorded", *steps.RETRAIN_NAMES[6:]]
    for n, stop_at in enumerate(stops):
        assert ended(_carry_out, parcels.root, f"run-{n}", stop_at) == -signal.SIGKILL, stop_at
    assert ended(_carry_out, parcels.root, "run-last", "") == 0
    (found,) = before.retrains("parcels")
    ledger = parcels.lake.ledger
    assert outcome(found) == ("ended", "promoted", 1)
    assert [model.number for model in ledger.models.models("parcels")] == [1]
    assert len(ledger.models.training_sets("parcels")) == 1
    (judgement,) = ledger.models.judgements("parcels")
    assert [review.by for review in ledger.models.reviews(judgement.evidence.digest)] == ["policy"]
    assert champions(parcels) == [(1, "promoted")]
    assert aliases(parcels) == {"champion": 1}
    assert "<td>promoted</td>" in card(parcels, 1)


def test_what_was_killed_after_its_review_and_promoted_by_the_sensor_was_promoted(parcels: Parcels) -> None:
    request(parcels.product, parcels.lake, by="ann", reason="asked", cut_off=NORMAL, now=NOW)
    assert ended(_carry_out, parcels.root, "run-1", "review_recorded") == -signal.SIGKILL
    assert approved(parcels) == [1]
    promote(parcels.product, parcels.lake, number=1, by="policy", reason="approved by policy: retrain 1: asked")
    found = carry_out(parcels.product, parcels.lake, retrain=1, run="run-2", is_over=over, now=NOW)
    assert outcome(found) == ("ended", "promoted", 1), found.why
    assert champions(parcels) == [(1, "promoted")]


def test_a_roll_back_killed_before_its_decision_is_on_record_once(parcels: Parcels) -> None:
    ledger, report = parcels.lake.ledger, lost(0.4, "2025-01-13", "2025-01-14")
    assert outcome(retrained(parcels, NORMAL))[1] == "promoted"
    reference = ledger.drift.reference("parcels", "orders")
    assert outcome(retrained(parcels, TURNED)) == ("ended", "promoted", 2)
    there = ledger.current_versions(ORDERS)
    made = replace(report.measured, versions=tuple(there[day] for day in ("2025-01-13", "2025-01-14")))
    ledger.drift.record(made)
    ledger.drift.judge(replace(report, measured=made))
    for n, stop_at in enumerate(("retrain_requested", "promotion_recorded")):
        assert ended(_take_effect, parcels.root, made.event, f"run-{n}", stop_at) == -signal.SIGKILL, stop_at
    assert ended(_take_effect, parcels.root, made.event, "run-last", "") == 0
    (decision,) = [said for _, said in ledger.drift.decisions("parcels")]
    assert (decision.action, decision.retrain) == ("roll_back", 3)
    rows: list[Promotion] = ledger.models.promotions("parcels")
    assert [(each.number, each.kind) for each in rows] == [(1, "promoted"), (2, "promoted"), (1, "rolled_back")]
    assert len(ledger.retrains.retrains("parcels")) == 3
    assert aliases(parcels) == {"champion": 1}
    now = ledger.drift.reference("parcels", "orders")
    assert reference is not None and now is not None and now.reference == reference.reference
