"""What can be known of each row, and of its label, when a partition has ended: as SQL over the rows of exact versions.

A row is known at `known_at` (default: its `time`), a label at `label.known_at` (default: the end of its partition). A day
counts from its first instant as a time, and is known at its end. All instants are UTC without a zone. These are instants that
rows tell: a version that was admitted later, in the place of an older one, is read as if it had always been there.

What becomes of a row, its `fate`, is the first of these that is true:

    no_time             its time, or when it became known, is null
    not_yet             its time is not before the end of the cut-off
    no_label_yet        no label of it was known by the cut-off; one that is null, or known nobody knows when, is none
    known_too_late      it became known after its label: it could contain it
    holdout             its time is on the newest days that have labels
    before_the_window   its time is before the days that are trained on
    person_in_holdout   it is of somebody who is in the holdout too
    train

A row is trained on also where its label became known on one of the days that are held out.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from readiness_pipelines.declarations import Gold, ModelSpec, Product, Silver
from readiness_pipelines.drift.rows import is_class
from readiness_pipelines.flow import RESERVED
from readiness_pipelines.gates.columns import quoted
from readiness_pipelines.layers.calendar import FORMATS, STEPS, end_of

NO_TIME, NOT_YET, NO_LABEL_YET, TOO_LATE = "no_time", "not_yet", "no_label_yet", "known_too_late"
BEFORE, PERSON = "before_the_window", "person_in_holdout"
TRAIN, HOLDOUT = "train", "holdout"

_LABELS, _PERSONS = f"{RESERVED}labels", f"{RESERVED}persons"
_BY, _KNOWN, _LABEL_KNOWN = f"{RESERVED}by_", f"{RESERVED}known", f"{RESERVED}label_known"


@dataclass(frozen=True)
class Looked:
    """The rows of a product's model, looked at from the end of `cut_off`, in the temporary tables of one connection.

    `scored` and `labels` are SQL to select FROM: the rows of the model's two tables, of partitions up to the cut-off.
    """

    con: duckdb.DuckDBPyConnection
    product: Product
    spec: ModelSpec
    cut_off: str
    scored: str
    labels: str

    def find_labels(self) -> None:
        """Find the label of whatever has one: the newest that was known by the cut-off, of equally new ones the highest row_id."""
        said, table = self.spec.words.label, self.spec.labels
        label = is_class(quoted(said.column), table.table.column(said.column).type, said.positive)
        known = _instant(table, said.known_at, at_end=True) if said.known_at is not None else self._end_of_partition()
        by = [f"{quoted(name)} AS {_BY}{i}" for i, name in enumerate(said.by)]
        told = f"SELECT row_id, {', '.join(by)}, {label} AS label, {known} AS {_LABEL_KNOWN} FROM {self.labels}"
        same = ", ".join(f"{_BY}{i}" for i in range(len(said.by)))
        newest = f"row_number() OVER (PARTITION BY {same} ORDER BY {_LABEL_KNOWN} DESC, row_id DESC) = 1"
        self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {_LABELS} AS SELECT * EXCLUDE (row_id) FROM ({told}) "
            f"WHERE label IS NOT NULL AND {_LABEL_KNOWN} <= {self._end()} QUALIFY {newest}"
        )

    def holdout_from(self) -> datetime.datetime | None:
        """Return the first instant of the newest `holdout_days` days that have rows with a label; None: no row has one."""
        found = self.con.execute(f"SELECT max(time) FROM ({self._seen()}) WHERE fate IS NULL").fetchall()[0][0]
        if found is None:
            return None
        day = datetime.datetime.combine(found.date(), datetime.time())
        return day - datetime.timedelta(days=self.spec.words.holdout_days - 1)

    def fates(self, holdout_from: datetime.datetime | None, *, columns: Sequence[str] = (), baseline: str = "") -> str:
        """Return SQL to select FROM: every row with row_id, partition_key, label, time, person, fate, and these `columns`.

        `columns` are SQL cells over the table's columns with their names, and `baseline` is such a cell without one. Who is in
        the holdout is found out here.
        """
        if holdout_from is None:
            return f"({self._seen(columns, baseline)})"
        begin, window = f"TIMESTAMP '{holdout_from}'", self.spec.words.train_days
        whens = f"WHEN fate IS NOT NULL THEN fate WHEN time >= {begin} THEN '{HOLDOUT}'"
        if window is not None:
            whens += f" WHEN time < {begin} - INTERVAL {window} DAY THEN '{BEFORE}'"
        if self.spec.words.groups:
            held = f"SELECT DISTINCT person FROM ({self._seen()}) WHERE fate IS NULL AND time >= {begin}"
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE {_PERSONS} AS {held}")
            whens += f" WHEN person IN (SELECT person FROM {_PERSONS}) THEN '{PERSON}'"
        return f"(SELECT * REPLACE (CASE {whens} ELSE '{TRAIN}' END AS fate) FROM ({self._seen(columns, baseline)}))"

    def _seen(self, columns: Sequence[str] = (), baseline: str = "") -> str:
        """SQL of every row with its label; `fate` says why it can be in no part, null where it can."""
        said, table = self.spec.words, self.spec.scored
        known = _instant(table, said.known_at or said.time, at_end=True)
        cells = [f"{_instant(table, said.time)} AS time", f"{self._person()} AS person", f"{known} AS {_KNOWN}"]
        cells += [f"{quoted(name)} AS {_BY}{i}" for i, name in enumerate(said.label.by)]
        cells += [f"CAST(({baseline}) AS DOUBLE) AS baseline"] if baseline else []
        rows = f"SELECT row_id, partition_key, {', '.join([*cells, *columns])} FROM {self.scored}"
        fate = (
            f"CASE WHEN r.time IS NULL OR r.{_KNOWN} IS NULL THEN '{NO_TIME}' WHEN r.time >= {self._end()} THEN '{NOT_YET}' "
            f"WHEN l.label IS NULL THEN '{NO_LABEL_YET}' WHEN r.{_KNOWN} > l.{_LABEL_KNOWN} THEN '{TOO_LATE}' END AS fate"
        )
        ours = [_KNOWN, *(f"{_BY}{i}" for i in range(len(said.label.by)))]
        same = " AND ".join(f"r.{_BY}{i} = l.{_BY}{i}" for i in range(len(said.label.by)))
        told = f"r.* EXCLUDE ({', '.join(ours)}), l.label AS label, {fate}"
        return f"SELECT {told} FROM ({rows}) AS r LEFT JOIN {_LABELS} AS l ON {same}"

    def _person(self) -> str:
        """Who a row is of: by all its groups, or the row itself where it names nobody."""
        groups = [f"CAST({quoted(name)} AS VARCHAR)" for name in self.spec.words.groups]
        if len(groups) < 2:
            return f"coalesce({', '.join([*groups, 'row_id'])})"
        whole = f"concat_ws(chr(31), {', '.join(f'coalesce({group}, chr(0))' for group in groups)})"
        return f"CASE WHEN coalesce({', '.join(groups)}) IS NULL THEN row_id ELSE {whole} END"

    def _end(self) -> str:
        return f"TIMESTAMP '{end_of(self.product, self.cut_off)}'"

    def _end_of_partition(self) -> str:
        every = self.product.declaration.partitions.every
        seconds = int(STEPS[every].total_seconds())
        return f"strptime(partition_key, '{FORMATS[every]}') + INTERVAL {seconds} SECOND"


def _instant(table: Silver | Gold, column: str, *, at_end: bool = False) -> str:
    """Return the instant that a column tells, as SQL, in UTC; of a day its first one, or the one at which it has ended."""
    name = quoted(column)
    if table.table.column(column).type != "DATE":
        return f"timezone('UTC', {name})"
    return f"CAST({name} AS TIMESTAMP) + INTERVAL 1 DAY" if at_end else f"CAST({name} AS TIMESTAMP)"
