"""The words of `defs.yaml`, as pydantic models: these, and those of `drift`, say which keys exist. Dagster is not imported.

Every model forbids unknown keys, so that a typo is an error and never a default.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from readiness_pipelines.declarations.drift import DriftMonitor
from readiness_pipelines.declarations.kinds import Day, Declared, Name
from readiness_pipelines.declarations.model import ModelBlock
from readiness_pipelines.sources.formats import Format, format_of

TYPE = "readiness_pipelines.product.DataProduct"


class Partitions(Declared):
    """The calendar of the product: one partition per day or hour of delivery."""

    every: Literal["day", "hour"] = Field(description="how long a partition is")
    start: Day = Field(description="first partition, inclusive")


class Feed(Declared):
    """Files that land for one bronze table."""

    files: str = Field(description="pattern under the landing folder: strftime codes and *, e.g. orders/%Y-%m-%d*.csv")
    first_due: Day = Field(description="first day on which a delivery is due, inclusive")
    last_due: Day | None = Field(default=None, description="last day on which one is due, inclusive; none: no end")
    delivery: Literal["replace", "append"] = Field(
        default="replace", description="replace: the newest file is the day; append: every file of the day counts"
    )
    format: Format | None = Field(
        default=None, description="default: as files ends (.csv, .parquet, .jsonl, before .gz or .zst), else csv"
    )
    delimiter: str = Field(default=",", min_length=1, max_length=1, description="csv: one character between two fields")
    encoding: str = Field(default="utf-8", description="csv: as Python names it; bytes that do not fit make a record unreadable")
    extra_columns: Literal["hold", "ignore"] = Field(
        default="hold",
        description="columns that the contract does not know: hold the delivery, or leave them out with a warning in the verdict",
    )

    @property
    def form(self) -> Format:
        """The format of the files: declared, or as their pattern ends."""
        return self.format or format_of(self.files)


_DROPS = "rows that are left out on purpose, each filter counted under its reason"


class DropWhere(Declared):
    """A declared filter: rows for which `sql` is true are left out, counted under `reason`."""

    reason: Name
    sql: str = Field(description="a condition over the table's columns; null is not true")


class Deduplicate(Declared):
    """Rows that agree in all of `by` are one row; a row with a null among them is never a duplicate."""

    by: list[str] = Field(min_length=1, description="columns of the table")
    keep: Literal["first", "last"] = Field(default="last", description="by delivery, then record number")


class BronzeTable(Declared):
    name: Name
    feed: Feed


class Last(Declared):
    """The newest `last` partitions, the one being computed included."""

    last: int = Field(ge=1, strict=True, description="how many partitions")


def _form(value: Any) -> str:
    return LAST if isinstance(value, dict | Last) else WORD


# Which form of `read` was meant shows from the outside, so that a mistake in one is not told for both.
WORD, LAST = "(a word)", "(a number of partitions)"
Read = Annotated[Annotated[Literal["same", "all_until"], Tag(WORD)] | Annotated[Last, Tag(LAST)], Discriminator(_form)]


class Input(Declared):
    """Which partitions of a table a gold model, or the rules of a table, read, and what a held or missing one among them does."""

    read: Read = Field(
        default="same", description="same: this partition; {last: N}: the newest N up to it; all_until: all up to it"
    )
    unavailable: Literal["hold", "ignore"] = Field(
        default="hold", description="hold: a held or missing partition blocks this one; ignore: it is left out, by name"
    )


_CHECKED_AGAINST = "tables declared before this one that its rules read, and not its SQL, by name"


class SilverTable(Declared):
    name: Name
    from_: Name = Field(alias="from", description="the bronze table it maps, row by row")
    sql: str = Field(description="path of the SELECT, relative to defs.yaml")
    deduplicate: Deduplicate | None = Field(default=None, description="which rows are one row; none: every row stands for itself")
    drop_where: list[DropWhere] = Field(default_factory=list, description=_DROPS)
    checked_against: dict[Name, Input] = Field(default_factory=dict, description=_CHECKED_AGAINST)


class GoldTable(Declared):
    name: Name
    key: list[str] = Field(min_length=1, description="columns that name a row; row_id is a hash of table and key")
    inputs: dict[Name, Input] = Field(min_length=1, description="tables that the SELECT reads, by name")
    sql: str = Field(description="path of the SELECT, relative to defs.yaml")
    scored: bool = Field(
        default=False,
        description="its SELECT finds score, prediction, model_version and input_version beside the columns of the model's table",
    )
    drop_where: list[DropWhere] = Field(default_factory=list, description=_DROPS)
    checked_against: dict[Name, Input] = Field(default_factory=dict, description=_CHECKED_AGAINST)


class Kpi(Declared):
    """The one business number the product exists for."""

    table: Name
    column: str = Field(description="column of that gold table")


class Alerts(Declared):
    """Who is told when a partition is held or missing, or a run fails. The log is told always."""

    to: list[str] = Field(
        default_factory=list,
        description="apprise URLs, e.g. mailtos://user:$MAIL_KEY@example.com?to={owner}; $NAME is an environment variable",
    )


class ProductDeclaration(Declared):
    """A data product: feeds into bronze, bronze into silver, silver into gold, one KPI."""

    product: Name
    description: str = Field(default="", description="what it is for, and for whom")
    contract: str = Field(default="contract.yaml", description="path of the ODCS contract, relative to defs.yaml")
    suites: str | None = Field(
        default=None,
        description="folder of the suites, relative to defs.yaml; default: the nearest quality_suites/<product> upwards",
    )
    partitions: Partitions
    kpi: Kpi
    alerts: Alerts = Field(default_factory=Alerts)
    bronze: list[BronzeTable] = Field(min_length=1, description="what arrives, every value as text; one table per feed")
    silver: list[SilverTable] = Field(default_factory=list, description="typed and validated; each maps one table row by row")
    gold: list[GoldTable] = Field(default_factory=list, description="what decisions are made from; free SQL over declared inputs")
    drift: list[DriftMonitor] = Field(default_factory=list, description="which tables are watched for drift, against what")
    model: ModelBlock | None = Field(default=None, description="what is predicted, and what a model must prove before it is used")


class Requirements(Declared):
    env: list[str] = Field(default_factory=list)


class ComponentFile(Declared):
    """A whole defs.yaml: our attributes, and the keys that Dagster keeps beside them."""

    type: Literal["readiness_pipelines.product.DataProduct"]
    attributes: ProductDeclaration
    requirements: Requirements | None = None
    template_vars_module: str | None = None
    post_processing: dict[str, Any] | None = None
