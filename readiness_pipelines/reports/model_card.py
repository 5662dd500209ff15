"""A model's card: one page that says what it is, what it was made of, what was found of it, and who let it be used.

All of it is on record; nothing is worked out anew, and no row is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from readiness_pipelines.declarations import Product
from readiness_pipelines.declarations.model_spec import ModelSpec
from readiness_pipelines.drift.profile import LEAST_ROWS
from readiness_pipelines.flow import Judged, ModelVerdict, ModelVersion, Status, TrainingSet
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.models.grounds import Case, case_of
from readiness_pipelines.models.training_set import spec_of
from readiness_pipelines.reports.document import document
from readiness_pipelines.reports.markup import Html, element, joined, name, section, table
from readiness_pipelines.reports.model_plots import calibration_plot, intervals_plot

_NAMED = 60  # features that are listed
_SHORT = 32  # letters of a name that is not broken


def card_of(product: Product, lake: Lakehouse, number: int) -> str:
    """Return the card of the product's model with this number, an HTML document that needs nothing beside itself.

    Raises ReadinessError where there is no such model, or it was not judged.
    """
    spec, case = spec_of(product), case_of(product, lake, number)
    trained_on = lake.ledger.models.training_set(product.name, case.model.training_set)
    verdict = case.judgement.verdict
    return document(
        f"{product.name} model {number}",
        element("h1", f"{product.name}: model {number}"),
        element("p", _in_short(verdict), class_="state"),
        element("p", f"{case.model.name}; judged {case.judgement.recorded_at[:16]} UTC", class_="faint"),
        _use(product, spec),
        _making(spec, case.model),
        _training(spec, trained_on) if trained_on is not None else Html(""),
        _verdict(verdict),
        _calibration(verdict.more.get("calibration", {})),
        _groups(verdict.more.get("groups", {})),
        _decisions(product, lake, case),
        styles=("page.css", "drift.css"),
    )


def keep_card(product: Product, lake: Lakehouse, number: int) -> str:
    """Keep the card of this model, as things stand now, beside its artifact, and return where; a newer one takes its place.

    Raises as `card_of`, and ServiceUnreachable where MLflow cannot be reached.
    """
    from readiness_pipelines.models.registry import Registry

    return Registry.open(lake.settings).card(case_of(product, lake, number).model, card_of(product, lake, number))


def _in_short(verdict: ModelVerdict) -> str:
    rules = ", ".join(dict.fromkeys(f"{each.rule} {each.about}".strip() for each in verdict.failed))
    said = {Status.PASSED: "The promotion gate lets it through", Status.FAILED: f"The promotion gate rejects it: {rules}"}
    return said.get(verdict.status, "The promotion gate is undecided about it: only a person may approve it")


def _use(product: Product, spec: ModelSpec) -> Html:
    label, tier = spec.words.label, spec.tier
    rows = [
        ("predicts", f"that {spec.labels.full_name}.{label.column} is {label.positive}, for each row of {spec.scored.full_name}"),
        ("a score is wanted", f"at {spec.words.time} of the row; what became known later must not be in a feature"),
        ("for", product.declaration.description.strip() or "the product's description says nothing"),
        ("risk tier", f"{tier}: {'the policy may promote it' if tier == 'low' else 'only a person may let it be used'}"),
        ("owner", f"{product.contract.owner}; steward {product.contract.steward}"),
    ]
    return section("What it is for", _facts(rows), told="It is for nothing else: no other table, no other question.")


def _making(spec: ModelSpec, model: ModelVersion) -> Html:
    said = spec.words
    parameters = ", ".join(f"{word}={value!r}" for word, value in said.parameters.items()) or "none declared"
    rows = [
        ("estimator", f"{said.estimator} ({parameters}), seed {said.seed}{', classes weighed alike' if said.balance else ''}"),
        ("predicts the positive class", f"from a score of {model.decide_at:.4g} on"),
        ("artifact (sha256)", model.artifact),
        ("trained by", f"{model.trained_by}, as MLflow's run {model.run}"),
        ("recipe, code, scores", f"{model.recipe[:12]}, {model.code[:12]}, {model.scores[:12]}"),
    ]
    return section("What it is", _facts(rows), told="The artifact's sha256 is what was judged and approved, and what is loaded.")


def _training(spec: ModelSpec, s: TrainingSet) -> Html:
    rows = [
        ("trained on", f"{s.rows_train:,}", f"{s.positives_train:,}", f"{s.train_from[:16]} to {s.holdout_from[:16]}"),
        ("held out", f"{s.rows_holdout:,}", f"{s.positives_holdout:,}", f"{s.holdout_from[:16]} to {s.holdout_to[:16]}"),
        *((f"left out: {reason.replace('_', ' ')}", f"{n:,}", "", "") for reason, n in s.left_out.items()),
        ("looked at", f"{s.rows:,}", "", f"up to partition {s.cut_off}"),
    ]
    names = ", ".join(f"{each.name} ({each.kind})" for each in spec.features[:_NAMED])
    more = f" and {len(spec.features) - _NAMED} more" if len(spec.features) > _NAMED else ""
    return section(
        "What it was made of",
        table(("rows", "number#", "positive#", "when (UTC)"), rows, class_="list"),
        element("p", f"{len(spec.features)} features: {names}{more}."),
        told=f"Training set `{s.id[:12]}`: {len(s.versions)} admitted versions, and of them what was known at the cut-off.",
    )


def _verdict(verdict: ModelVerdict) -> Html:
    more, against = verdict.more, f"{verdict.against_name}" if verdict.against else "the declared baseline"
    sides = ""
    if more.get("challenger") is not None and more.get("against") is not None:
        sides = f" {more.get('metric', 'the metric')}: {more['challenger']:.4g}, of {against} {more['against']:.4g}."
    blocks = f"{verdict.blocks:,} {more.get('blocks_are', 'blocks')}"
    told = f"Against {against}, on {verdict.rows:,} rows of {blocks} that neither has seen."
    rows = [
        (_rule(j), _status(j.status), _number(j.value), _interval(j), _number(j.limit), f"{j.n:,}", j.note) for j in verdict.judged
    ]
    heads = ("rule", "verdict", "measured#", "95% bounds#", "limit#", "rows#", "what it says")
    plot = intervals_plot(_differences(verdict.judged))
    beside = element("ul", *(element("li", each) for each in _beside(verdict)), class_="notes")
    return section("What was found of it", plot, table(heads, rows, class_="list"), beside, told=f"{told}{sides}")


def _beside(verdict: ModelVerdict) -> Iterator[str]:
    """Yield what a reader of the verdict should know beside its rules."""
    more = verdict.more
    yield "The true value, of other people or days, is above the lower bound and below the upper one, with 95% confidence each."
    if more.get("left_out"):
        yield f"{more['left_out']:,} rows of the holdout were left out: they are of people whom the champion has learned from."
    if more.get("delong"):
        value, low, high = (_number(each) for each in more["delong"])
        yield f"Every row is of another person; DeLong's difference of the AUCs is {value}, its bounds {low} and {high}."


def _rule(judged: Judged) -> Html:
    if not judged.about:
        return _whole(judged.rule)
    return joined([_whole(judged.rule), element("span", _whole(judged.about), class_="faint")], by="\n")


def _whole(text: str) -> Html:
    """Keep a name to its line where it is short enough for that; a long one is broken where it can be."""
    return element("span", text, class_="line") if len(text) <= _SHORT else name(text)


def _differences(judged: Sequence[Judged]) -> list[Judged]:
    """Return what is measured as a difference of the metric: these can be shown on one scale."""
    return [each for each in judged if each.rule.partition(":")[0] in ("better", "slice") and each.value is not None]


def _calibration(curves: Mapping[str, Sequence[Sequence[float]]]) -> Html:
    if not curves:
        return Html("")
    told = "Of rows with a score of .3, three in ten should be positive: the closer to the diagonal, the better."
    return section("What a score means", calibration_plot(curves), told=told)


def _groups(found: Mapping[str, Any]) -> Html:
    parts: list[object] = []
    for column, said in found.items():
        heads = ("group", "rows#", "positive#", "predicted positive#", "positives found#", "negatives called positive#", "judged")
        rows = list(_group_rows(said["groups"]))
        parts += [element("h3", f"{column}: {str(said['measure']).replace('_', ' ')}"), table(heads, rows, class_="list")]
    told = (
        "What the model's predictions do to whom. `other` are the groups that are judged together, because each has too few rows. "
        f"Groups of a column that is not public are named by their size, and those of fewer than {LEAST_ROWS} rows told together."
    )
    return section("Whom it treats how", *parts, told=told) if parts else Html("")


def _group_rows(groups: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, ...]]:
    for group in groups:
        shares = ["" if group[of] is None else f"{group[of]:.1%}" for of in ("predicted", "found", "mistaken")]
        counts = [f"{group[of]:,}" for of in ("rows", "positives")]
        yield str(group["name"]), *counts, *shares, "yes" if group["is_judged"] else "too few rows"


def _decisions(product: Product, lake: Lakehouse, case: Case) -> Html:
    models, evidence = lake.ledger.models, case.judgement.evidence
    rows = [
        (each.decided_at[:16], each.decision, each.by, each.reason, each.expires_at[:16])
        for each in models.reviews(evidence.digest)
    ]
    promoted = [
        (p.promoted_at[:16], p.kind.replace("_", " "), p.by, p.reason, "")
        for p in models.promotions(product.name)
        if p.number == case.model.number
    ]
    heads = ("when (UTC)!", "what", "by", "why", "until (UTC)!")
    told = f"Evidence `{evidence.digest[:12]}`: contract {evidence.contract}, tier {evidence.tier}, severity {evidence.severity}."
    found = sorted([*rows, *promoted])
    inside = table(heads, found, class_="list") if found else element("p", "Nobody has decided yet.")
    return section("Who let it be used", inside, told=told)


def _facts(rows: Sequence[tuple[str, str]]) -> Html:
    lines = [element("tr", element("th", head, scope="row", class_="line"), element("td", said)) for head, said in rows]
    return element("table", element("tbody", joined(lines)), class_="list")


def _status(status: Status) -> Html:
    return element("span", status.value, class_={Status.FAILED: "state-held", Status.UNDECIDED: "state-undecided"}.get(status))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _interval(judged: Judged) -> str:
    if judged.low is None and judged.high is None:
        return ""
    return f"{_number(judged.low) or 'open'} to {_number(judged.high) or 'open'}"
