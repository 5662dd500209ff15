"""What waits for a person, how it is decided, promoted, rolled back, paused: as an operator meets it."""

from __future__ import annotations

import datetime
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from readiness_pipelines.flow import Severity, Status
from readiness_pipelines.models import evidence
from tests.challenged import retrain
from tests.cli.said import Said, commands_in
from tests.drifted import measured, put
from tests.promoted import Promoted, build_desk
from tests.services import variables

pytestmark = pytest.mark.slow

BY = ("--by", "ann", "--reason", "looked at")
SEEN = ("--evidence", "DIGEST")  # of the first model, whatever it is
RUNBOOKS = Path(__file__).parent.parent.parent / "docs" / "runbooks"


@pytest.fixture
def desk(tmp_path: Path, mlflow: Path) -> Promoted:
    """A product at tier medium, without data."""
    return build_desk(tmp_path)


@pytest.fixture
def cli(desk: Promoted, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    return commands_in(desk.parcels.root, variables(desk.parcels.root, {}), monkeypatch, capsys)


def evidence_of(desk: Promoted, number: int) -> str:
    judgement = desk.lake.ledger.models.judgement("parcels", number)
    assert judgement is not None
    return judgement.evidence.digest


def seen(desk: Promoted, command: Sequence[str], *, number: int = 1) -> list[str]:
    """Return the command with the digest of this model's evidence, of which the runbooks have an example."""
    digest = evidence_of(desk, number)[:12]
    return [digest if re.fullmatch("DIGEST|[0-9a-f]{12}", word) else word for word in command]


def test_where_nothing_waits_that_is_said_and_is_right(cli: Said) -> None:
    assert cli("review", "list") == (0, "Nothing waits for a person.\n")
    assert cli("review", "list", "parcels", "--json") == (0, "[]\n")
    code, said = cli("model", "list", "parcels")
    assert (code, "parcels has no model yet." in said, "No model was promoted yet." in said) == (0, True, True)


def test_what_waits_is_listed_with_evidence_verdict_since_when_and_the_commands_to_decide(desk: Promoted, cli: Said) -> None:
    desk.challenger(approve=False, status=Status.UNDECIDED, severity=Severity.CRITICAL)
    digest = evidence_of(desk, 1)[:12]
    code, said = cli("review", "list")
    assert code == 1
    row = next(line for line in said.splitlines() if digest in line and "│" in line)
    assert "parcels 1" in row and "medium" in row and "critical" in row
    assert re.search(r"20\d\d-\d\d-\d\d \d\d:\d\d UTC", row)
    for words in ("undecided: better", "needs a person"):
        assert words in " ".join(said.replace("│", " ").split()), said
    assert "  readiness review show parcels 1\n" in said
    for verb in ("approve", "reject"):
        assert f'  readiness review {verb} parcels 1 --evidence {digest} --by NAME --reason "WHY"\n' in said
    (row_,) = json.loads(cli("review", "list", "--json")[1])
    assert (row_["model"], row_["evidence"], row_["verdict"]) == ("parcels 1", digest, "undecided: better")
    assert set(row_["commands"]) == {"show", "approve", "reject"}


def test_the_commands_that_are_told_do_what_they_say(desk: Promoted, cli: Said) -> None:
    desk.challenger(approve=False)
    (row,) = json.loads(cli("review", "list", "--json")[1])
    code, said = cli(*shlex.split(row["commands"]["show"])[1:])
    assert code == 0 and "parcels/1@" in said
    code, said = cli(*shlex.split(row["commands"]["approve"])[1:])
    assert (code, "approved until" in said, "by NAME: WHY" in said) == (0, True, True)
    assert "next: the sensor parcels_loop promotes it; without a daemon: readiness model promote parcels 1" in said
    assert cli("review", "list")[0] == 0
    code, said = cli(*shlex.split(row["commands"]["reject"])[1:])
    assert (code, "it is not promoted: rejected by NAME: WHY" in said) == (0, True)


def test_show_tells_the_verdict_rule_by_rule_what_it_was_trained_on_and_who_has_decided(desk: Promoted, cli: Said) -> None:
    desk.champion()
    desk.challenger(approve=False)
    desk.approve(2, approve=False)
    code, said = cli("review", "show", "parcels", "2")
    flat = " ".join(said.split())
    assert code == 0
    for words in (
        "rejected by ann: looked at",
        evidence_of(desk, 2),
        "up to 2025-01-05",
        "trained on 70 rows (30 positive) from 2025-01-01, judged on 20 (9) from 2025-01-07 to 2025-01-08",
        "of 100 rows left out: 10 no label yet",
        "compared with parcels/1@",
        "contract 1.0.0, risk tier medium, asked for by no drift",
        "The promotion gate: passed: all 1 rules",
        "95% bounds",
        "0.05 to 0.15",
        "Decisions about this evidence",
    ):
        assert words in flat, f"{words}\n{said}"
    assert "to decide:" not in said
    raw = json.loads(cli("review", "show", "parcels", "2", "--json")[1])
    assert (raw["state"], raw["verdict"]["status"], raw["evidence"]["digest"]) == ("rejected", "passed", evidence_of(desk, 2))
    assert [each["decision"] for each in raw["decisions"]] == ["rejected"]


def test_show_tells_both_sides_what_was_left_out_and_which_drift_has_asked_for_it(desk: Promoted, cli: Said) -> None:
    desk.champion()
    desk.challenger(approve=False)
    ledger = desk.lake.ledger
    model, judged = ledger.models.model("parcels", 2), ledger.models.judgement("parcels", 2)
    assert model is not None and judged is not None
    more = {"metric": "roc_auc", "challenger": 0.7412, "against": 0.719, "blocks_are": "persons", "left_out": 1200}
    verdict = replace(judged.verdict, more=more | {"not_judged": ["region: 12 rows of 4 values are too few to judge"]})
    ledger.models.record_verdict(verdict, evidence.evidence_of(desk.product, model, verdict, severity=Severity.CRITICAL))
    event = put(ledger, measured(product="parcels", monitor="orders", table="silver.orders"), Severity.CRITICAL)
    taken = ledger.retrains.start("parcels", ledger.retrains.request(retrain(event, product="parcels")).id, "run", is_over=bool)
    assert taken is not None and ledger.retrains.end(replace(taken, outcome="waits", number=2))
    code, said = cli("review", "show", "parcels")
    champion = ledger.models.champion("parcels")
    assert code == 0 and champion is not None
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=30)
    for line in (
        f"  the champion is {champion.name}",
        "  asked for by policy in retrain 1, ",
        "    critical drift of orders in 2025-01-08: readiness drift show parcels --monitor orders --window 2025-01-08\n",
        f"  compared with {champion.name} on 20 rows of 2 persons that neither has seen\n",
        f"  roc_auc: this model 0.7412, {champion.name} 0.719\n",
        "  1,200 rows of the holdout left out: of people whom the champion has learned from\n",
        "  region: 12 rows of 4 values are too few to judge\n",
        "  contract 1.0.0, risk tier medium, asked for by critical drift\n",
        "  card, with plots: readiness model card parcels 2\n",
        f"to decide: an approval counts until {until:%Y-%m-%d} (30 days), or for fewer days by --days\n",
    ):
        assert line in said, f"{line}\n{said}"
    assert len(said.splitlines()) <= 45, "a page"
    raw = json.loads(cli("review", "show", "parcels", "2", "--json")[1])
    assert (raw["champion"], raw["retrain"]["id"], raw["retrain"]["events"]) == (champion.name, 1, [event])


def test_show_of_the_first_model_says_that_there_is_no_champion_yet(desk: Promoted, cli: Said) -> None:
    desk.challenger(approve=False)
    said = cli("review", "show", "parcels", "1")[1]
    assert "  there is no champion yet\n" in said and "compared with the declared baseline on 20 rows" in said
    desk.approve(1)
    desk.promote(1)
    said = cli("review", "show", "parcels", "1")[1]
    assert "champion yet" not in said and "the champion is" not in said and "to decide" not in said


def test_show_needs_no_number_where_one_waits(desk: Promoted, cli: Said) -> None:
    code, said = cli("review", "show", "parcels")
    assert (code, "found 0 models that wait (none), expected the number of one" in said) == (2, True)
    desk.challenger(approve=False)
    code, said = cli("review", "show", "parcels")
    assert (code, "to decide:" in said) == (0, True), said
    desk.challenger(approve=False)
    code, said = cli("review", "show", "parcels")
    assert (code, "readiness review approve parcels 2" in said) == (0, True), "the newest is what waits"
    assert "model 2 was judged after it" in cli("review", "show", "parcels", "1")[1]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("approve", "parcels", "1", *BY), "`readiness review show parcels 1` names it"),
        (("approve", "parcels", "1", *SEEN, "--by", "policy", "--reason", "x"), "expected a person"),
        (("approve", "parcels", "1", *SEEN, "--by", " ", "--reason", "x"), "expected who decides, and why"),
        (("reject", "parcels", "1", "--by", "ann", "--reason", ""), "expected who decides, and why"),
        (("approve", "parcels", "1", "--evidence", "000000", *BY), "which is the newest of model 1"),
        (("reject", "parcels", "1", "--evidence", "000000", *BY), "which is the newest of model 1"),
        (("approve", "parcels", "1", *SEEN, "--days", "31", *BY), "expected 1 to 30 (approvals_expire_days)"),
        (("approve", "parcels", "7", *SEEN, *BY), "found no model 7, expected one of 1 to 1"),
        (("show", "parcels", "7"), "found no model 7"),
        (("approve", "store", "1", *SEEN, *BY), "found no product 'store'"),
    ],
)
def test_what_is_no_decision_is_not_recorded(arguments: tuple[str, ...], told: str, desk: Promoted, cli: Said) -> None:
    desk.challenger(approve=False)
    code, said = cli("review", *seen(desk, arguments))
    assert (code, told in said) == (2, True), said
    assert desk.lake.ledger.models.reviews(evidence_of(desk, 1)) == []


def test_a_rejection_may_go_without_naming_what_was_looked_at(desk: Promoted, cli: Said) -> None:
    desk.challenger(approve=False)
    code, said = cli("review", "reject", "parcels", "1", *BY)
    assert (code, f"model 1 of parcels rejected, evidence {evidence_of(desk, 1)[:12]}, by ann" in said) == (0, True), said


@pytest.mark.parametrize(
    "command", [("review", "approve", "parcels", "1"), ("model", "roll-back", "parcels"), ("pause", "parcels")]
)
def test_who_and_why_are_asked_for(command: tuple[str, ...], cli: Said) -> None:
    code, said = cli(*command)
    assert code == 2 and "--by" in said


@pytest.mark.parametrize("name", ["review", "model", "pause", "resume"])
def test_each_explains_itself(name: str, cli: Said) -> None:
    code, said = cli(name, "--help")
    assert code == 0 and f"readiness {name}" in said


def test_nothing_is_promoted_by_hand_without_a_decision(desk: Promoted, cli: Said) -> None:
    desk.challenger(approve=False)
    for arguments in (("model", "promote", "parcels", "1", *BY), ("model", "roll-back", "parcels", "--to", "1", *BY)):
        code, said = cli(*arguments)
        assert code == 2 and ("no decision about this evidence" in said or "never the champion" in said)
    code, said = cli("model", "promote", "parcels", "1", "--by", "policy", "--reason", "x")
    assert (code, "expected a person" in said) == (2, True)
    assert desk.history == [] and desk.registry.aliases("parcels") == {}


def test_promoting_and_going_back_are_told_and_listed(desk: Promoted, cli: Said) -> None:
    desk.challenger()
    code, said = cli("model", "promote", "parcels", "1", *BY)
    assert code == 0 and re.fullmatch(r"parcels: model 1 is the champion since .* UTC: promoted by ann, looked at\n", said)
    code, said = cli("model", "promote", "parcels", "1", "--by", "bob", "--reason", "again")
    assert code == 0 and re.fullmatch(
        r"parcels: nothing was done: model 1 is the champion since .* UTC already: promoted by ann, looked at\n", said
    )
    desk.champion()
    code, said = cli("model", "roll-back", "parcels", *BY)
    assert code == 0 and ", in the place of model 2: rolled back by ann, looked at" in said and "nothing" not in said
    code, said = cli("model", "list", "parcels")
    assert code == 0 and "replaced" in said and "rolled back" in said
    listed = json.loads(cli("model", "list", "parcels", "--json")[1])
    assert [(each["model"], each["state"]) for each in listed["models"]] == [(2, "replaced"), (1, "champion")]
    assert [(each["model"], each["before"], each["how"]) for each in listed["promotions"]] == [
        (1, "", "promoted"),
        (2, 1, "promoted"),
        (1, 2, "rolled back"),
    ]
    for named in ((), ("--from", "2"), ("--to", "1")):
        code, said = cli("model", "roll-back", "parcels", *named, *BY)
        assert (code, "nothing was done: model 1 is the champion since" in said) == (0, True), "it is so already"
        assert "no champion stood before model 1: there is none to go back to" in said
    assert len(desk.history) == 3
    code, said = cli("model", "roll-back", "parcels", "--from", "1", *BY)
    assert (code, "found only one champion, model 1" in said) == (2, True)


def test_what_came_of_each_retrain_is_listed_also_where_it_has_made_no_model(desk: Promoted, cli: Said) -> None:
    retrains = desk.lake.ledger.retrains
    assert "No retrain was asked for yet." in cli("model", "list", "parcels")[1]
    for outcome, why in (("refused", "its training set leaks: amount"), ("waits", "a person decides")):
        taken = retrains.start(
            "parcels", retrains.request(retrain("e1" + why, product="parcels")).id, "run", is_over=lambda _: True
        )
        assert taken is not None
        retrains.end(replace(taken, outcome=outcome, why=why, number=2 if outcome == "waits" else 0))
    retrains.request(retrain("e2", product="parcels"))
    code, said = cli("model", "list", "parcels")
    assert code == 0
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in said.splitlines() if "policy" in line]
    assert [(row[0], *row[2:]) for row in rows] == [
        ("3", "policy", "2025-01-08", "requested", "", "it drifted"),
        ("2", "policy", "2025-01-08", "waits", "2", "a person decides"),
        ("1", "policy", "2025-01-08", "refused", "", "its training set leaks: amount"),
    ]
    listed = json.loads(cli("model", "list", "parcels", "--json")[1])["retrains"]
    assert [(each["retrain"], each["outcome"], each["reason"]) for each in listed] == [
        (3, "requested", "it drifted"),
        (2, "waits", "it drifted"),
        (1, "refused", "it drifted"),
    ]


def test_of_many_retrains_the_newest_twenty_are_told(desk: Promoted, cli: Said) -> None:
    retrains = desk.lake.ledger.retrains
    for number in range(1, 23):
        taken = retrains.start(
            "parcels", retrains.request(retrain(f"e{number}", product="parcels")).id, "run", is_over=lambda _: True
        )
        assert taken is not None
        retrains.end(replace(taken, outcome="refused", why=f"why {number}."))
    said = cli("model", "list", "parcels")[1]
    assert "why 22." in said and "why 3." in said and "why 2." not in said and "... and 2 older ones" in said
    assert len(json.loads(cli("model", "list", "parcels", "--json")[1])["retrains"]) == 22


def test_who_goes_back_twice_is_told_that_nothing_was_done_and_how_to_go_one_step_further(desk: Promoted, cli: Said) -> None:
    for _ in range(3):
        desk.champion()
    for _ in range(2):
        code, said = cli("model", "roll-back", "parcels", *BY)
        assert code == 0
    assert "parcels: nothing was done: model 2 is the champion since" in said
    (command,) = re.findall("one step further, to model 1: (readiness .*)", said)
    code, said = cli(*shlex.split(command)[1:])
    assert (code, "model 1 is the champion since" in said, "nothing was done" in said) == (0, True, False)
    assert [each.number for each in desk.history] == [1, 2, 3, 2, 1]


def test_the_card_of_a_model_is_written_where_one_stands_or_asks_for_it(desk: Promoted, cli: Said) -> None:
    desk.challenger(approve=False)
    assert cli("model", "card", "parcels", "1") == (0, "written to parcels_model_1.html\n")
    assert cli("model", "card", "parcels", "1", "--output", "card of 1.html") == (0, "written to card of 1.html\n")
    pages = [Path(name).read_text(encoding="utf-8") for name in ("parcels_model_1.html", "card of 1.html")]
    assert pages[0] == pages[1] and "parcels: model 1" in pages[0] and "Nobody has decided yet." in pages[0]
    code, said = cli("model", "card", "parcels", "1", "--output", "no/such/folder.html")
    assert (code, "no/such/folder.html: cannot be written: No such file or directory; expected a place" in said) == (2, True)
    code, said = cli("model", "card", "parcels", "2")
    assert (code, "found no model 2, expected one of 1 to 1" in said) == (2, True)


def test_repair_tells_what_did_not_follow(desk: Promoted, cli: Said) -> None:
    desk.champion()
    assert cli("model", "repair", "parcels") == (0, "aliases and drift references follow the ledger\n")
    desk.registry.follow("parcels", {})
    assert cli("model", "repair", "parcels") == (0, "alias champion was not there, is 1\n")


def test_a_loop_is_paused_once_and_resumed_once(desk: Promoted, cli: Said) -> None:
    assert cli("pause", "parcels", *BY) == (0, "recorded: parcels paused by ann: looked at\n")
    code, said = cli("pause", "parcels", *BY)
    assert (code, "parcels is paused by ann since" in said, "nothing is recorded" in said) == (0, True, True)
    assert "paused by ann since" in cli("model", "list", "parcels")[1]
    assert cli("resume", "parcels", *BY) == (0, "recorded: parcels resumed by ann: looked at\n")
    assert "parcels is not paused; nothing is recorded" in cli("resume", "parcels", *BY)[1]


def commands_of(runbook: str) -> list[list[str]]:
    """Return the commands of a runbook, of another product."""
    blocks = re.findall(r"```sh\n(.*?)```", (RUNBOOKS / runbook).read_text(encoding="utf-8"), re.DOTALL)
    lines = "".join(blocks).replace("readmission", "parcels").splitlines()
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("readiness")]


def test_the_commands_of_the_runbook_of_reviews_do_what_it_says(desk: Promoted, cli: Said) -> None:
    """Model 1 is the champion, and 2 waits: it is rejected, and approved on second thoughts."""
    desk.champion()
    desk.challenger(approve=False)
    for command in commands_of("review.md"):
        code, said = cli(*seen(desk, command, number=2))
        assert code == (1 if command[:2] == ["review", "list"] else 0), f"{command}\n{said}"
    assert [each.number for each in desk.history] == [1, 2]
    assert [each.decision for each in desk.lake.ledger.models.reviews(evidence_of(desk, 2))] == ["rejected", "approved"]
    assert desk.lake.ledger.retrains.paused("parcels") is None


def test_the_commands_of_the_runbook_of_roll_backs_do_what_it_says(desk: Promoted, cli: Said) -> None:
    """Models 1, 2 and 3 were champions one after the other."""
    for _ in range(3):
        desk.champion()
    for command in commands_of("rollback.md"):
        code, said = cli(*seen(desk, command))
        assert code == 0, f"{command}\n{said}"
    assert [(each.number, each.kind) for each in desk.history[3:]] == [(2, "rolled_back"), (1, "rolled_back")]
    assert desk.lake.ledger.retrains.paused("parcels") is None
    assert desk.registry.aliases("parcels") == {"champion": 1}
