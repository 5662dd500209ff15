"""What Dagster's pages say of a model, in words and tables that need no knowledge of statistics. Markdown, bounded."""

from collections.abc import Iterable, Sequence

from readiness_pipelines.declarations import ModelSpec, Product
from readiness_pipelines.flow import Judged, ModelVerdict, Promotion, Status, TrainingSet
from readiness_pipelines.ledger.models import Judgement
from readiness_pipelines.models.overview import Standing

_ROWS = 40  # of a table
_NOTE = 160  # characters of a note
_VERDICT = {Status.PASSED: "passed", Status.FAILED: "**failed**", Status.UNDECIDED: "*undecided*"}


def describe_training_set(spec: ModelSpec) -> str:
    said, label = spec.words, spec.words.label
    train = f"the {said.train_days} days before" if said.train_days else "all before"
    lines = [
        f"Which admitted rows of `{spec.scored.full_name}` a model of {spec.product} is trained on, and on which it is judged.",
        "",
        f"- label: `{spec.labels.full_name}.{label.column}`, positive is `{label.positive}`, matched by {_names(label.by)}",
        f"- held out: the newest {said.holdout_days} days of `{said.time}` with a label; trained on: {train}",
        f"- {len(spec.features)} features: {_names([each.name for each in spec.features])}",
    ]
    lines += [f"- whoever ({_names(said.groups)}) is in the holdout is not trained on"] if said.groups else []
    return "\n".join([*lines, "", "Only what was known by the end of the cut-off partition is looked at."])


def describe_challenger(spec: ModelSpec) -> str:
    said = spec.words
    aim = "better" if said.at_least == "better" else "not worse"
    by = f" by {'more than' if aim == 'better' else 'as much as'} {said.margin:g}" if said.margin else ""
    lines = [
        f"The newest trained model of {spec.product} (`{said.estimator}`), and what the promotion gate says of it. It must be:",
        "",
        f"- {aim}{by} in `{said.metric}` than the champion on rows that neither has seen; the first: than the declared baseline",
        f"- calibrated: expected calibration error at most {said.limits.calibration:g}",
        f"- robust: it loses at most {said.limits.perturbed:g} of the metric under noise, missing values, inputs out of range",
        f"- quick: at most {said.limits.latency_ms:g} ms per row",
    ]
    lines += [f"- on no `{each.column}` worse by more than {each.margin:g}" for each in said.slices]
    fair = [f"- fair by `{e.column}`: {e.measure.replace('_', ' ')} differs by at most {e.limit:g}" for e in said.protected]
    return "\n".join([*lines, *fair])


def describe_champion(spec: ModelSpec) -> str:
    who = "The policy promotes it, unless critical drift asked for it: then" if spec.tier == "low" else "Before it is promoted,"
    return (
        f"The model that scores {spec.product} now. Risk tier of its use: {spec.tier}. {who} a person decides: "
        f"`readiness review list`, or the job `{spec.product}_review`. `readiness model list {spec.product}` tells its "
        f"history, and the job `{spec.product}_roll_back` puts the one before in its place."
    )


def training_set_table(training_set: TrainingSet) -> str:
    """Return where each looked-at row went: rows = trained on + held out + left out, by reason."""
    s = training_set
    rows = [
        ("trained on", s.rows_train, s.positives_train, f"{s.train_from[:16]} to {s.holdout_from[:16]}"),
        ("held out", s.rows_holdout, s.positives_holdout, f"{s.holdout_from[:16]} to {s.holdout_to[:16]}"),
        *((f"left out: {reason.replace('_', ' ')}", n, "", "") for reason, n in s.left_out.items()),
        ("**looked at**", s.rows, "", f"up to partition {s.cut_off}"),
    ]
    return table(
        ("rows", "number", "positive", "when (UTC)"), ((what, *map(_number, numbers), when) for what, *numbers, when in rows)
    )


def verdict_page(verdict: ModelVerdict, *, number: int) -> str:
    """Return the verdict as a page: one sentence, then a line for each thing that was judged, what failed first."""
    against = f"against {verdict.against_name}" if verdict.against else "against the declared baseline"
    which = {Status.PASSED: "passed", Status.FAILED: "rejected", Status.UNDECIDED: "undecided"}[verdict.status]
    rows = f"{verdict.rows:,} rows of {verdict.blocks:,} {verdict.more.get('blocks_are', 'blocks')}"
    ours, theirs = verdict.more.get("challenger"), verdict.more.get("against")
    is_told = ours is not None and theirs is not None
    sides = f" {verdict.more.get('metric')}: {ours:.4g}, the other side's {theirs:.4g}." if is_told else ""
    lead = f"**Model {number} {against}: {which}.** Judged on {rows} that neither has seen.{sides}"
    return "\n\n".join([lead, judged_table(verdict.judged)])


def judged_table(judged: Sequence[Judged]) -> str:
    order = [Status.FAILED, Status.UNDECIDED, Status.PASSED]
    found = sorted(judged, key=lambda each: order.index(each.status) if each.status in order else len(order))
    rows = (
        (
            j.rule,
            j.about,
            _VERDICT.get(j.status, j.status.value),
            _shown(j.value),
            _interval(j),
            _shown(j.limit),
            _number(j.n),
            j.note,
        )
        for j in found
    )
    return table(("rule", "on", "verdict", "measured", "95% bounds", "limit", "rows", "what it says"), rows)


def waiting_page(product: Product, found: Standing) -> str:
    """Return what a person is to decide, and how."""
    if not found.waiting and not found.champion_doubts:
        return "Nothing waits for a decision."
    lines = []
    if found.champion_doubts:
        lines += [f"**The champion, model {found.promotions[-1].number}**: {'; '.join(found.champion_doubts)}.", ""]
        lines += [f"`readiness retrain {product.name}` trains one without it; until one is promoted this one goes on scoring.", ""]
    for judgement in [each.case.judgement for each in found.waiting if each.case is not None]:
        lines += _how_to_decide(product, judgement)
    return "\n".join([*lines, f"Owner: {product.contract.owner}; steward: {product.contract.steward}."])


def _how_to_decide(product: Product, judgement: Judgement) -> list[str]:
    of = judgement.evidence
    model, digits = f"{product.name} {of.number}", of.digest[:12]
    asked = f", asked for by {of.severity} drift" if of.severity.rank else ""
    return [
        f"**Model {of.number} waits for a person** since {judgement.recorded_at[:16]} UTC (risk tier {of.tier}{asked}).",
        "",
        f"1. look: `readiness review show {model}`",
        f"2. decide: `readiness review approve {model} --evidence {digits} --by NAME --reason WHY` (or `reject`)",
        "",
        f"or launch `{product.name}_review` (with `APPROVE` or `REJECT`):",
        "",
        "```yaml",
        "ops:",
        f"  review_{product.name}:",
        f'    config: {{model: {of.number}, decision: APPROVE, evidence: "{digits}", by: NAME, reason: WHY}}',
        "```",
        "",
    ]


def history_table(promotions: Sequence[Promotion]) -> str:
    rows = (
        (p.promoted_at[:16], p.number, p.kind.replace("_", " "), p.previous or "none", p.by, p.reason) for p in reversed(promotions)
    )
    return table(("when (UTC)", "model", "was", "instead of", "by", "why"), rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table of at most 40 rows; no cell can break it."""
    found = [[str(cell).replace("|", "/").replace("\n", " ")[:_NOTE] for cell in row] for row in rows]
    lines = ["| " + " | ".join(cells) + " |" for cells in found[:_ROWS]]
    more = ["", f"and {len(found) - _ROWS} more"] if len(found) > _ROWS else []
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *lines, *more])


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return ", ".join(f"`{name}`" for name in names[:12]) + more


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _interval(judged: Judged) -> str:
    if judged.low is None and judged.high is None:
        return ""
    return f"{_shown(judged.low) or 'open'} to {_shown(judged.high) or 'open'}"
