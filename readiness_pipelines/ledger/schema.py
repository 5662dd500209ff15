"""The ledger's tables, and what keeps their rows as they were written.

| table | one row per |
|---|---|
| arrivals | delivery whose bytes were new for its name |
| verdicts | gate decision about one candidate |
| publications | step of the publish protocol: `intent` before the commit on `main`, `done` (with its snapshot) after |
| sightings | landed file as it stood (name, size, change time) when it was taken in |
| requests | run that was asked for because files had landed: which partitions, which files |
| incidents | step in the life of an incident: `opened`, `notified`, `resolved` |
| corrections | decision of a person: rows released or discarded, a candidate admitted, a version withdrawn, a purge, an erasure |
| redactions | archived file that was looked through for erased subjects: which records are gone, which file is kept now |
| drift_references | reference that a monitor's windows are compared with from then on |
| measurements | window that was measured: all its numbers, under the digest that is its event |
| judgements | what one rule says of one measured window |
| responses | step in the life of an event: `claimed` by a run, `decided` |
| training_sets | training set: the admitted versions a model may be trained on and judged on |
| models | trained model version |
| model_verdicts | judgement of a challenger by the promotion gate, with the evidence that a decision about it names |
| reviews | decision about evidence: approved until a time, or rejected, by whom, why |
| promotions | change of a product's champion: a model promoted, or an earlier one rolled back to |
| retrains | step in the life of a retrain: `requested`, `joined` by another event, `started` by a run, `ended` |
| switches | time at which a product's loop was paused or resumed |
| upkeep | change in what is kept of a version: `compacted` (other files hold its rows now), `expired` |

The definitions are valid on SQLite and PostgreSQL. On both, triggers refuse to change or delete a row.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import sqlalchemy as sa

from readiness_pipelines.ledger.server import postgres_engine, tell_failures

BUSY_TIMEOUT_MS = 30_000

metadata = sa.MetaData()
_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER
_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")  # ordered as SQLite and Python do, in any locale
_VERSION = 7  # of the tables here: an older ledger gets what it lacks when it is opened
_MARK = "readiness ledger, version "  # in PostgreSQL, the comment on the first table
_REFUSAL = "rows of the ledger are never changed: insert a new one"
_WRITE_LOCK = 7_310_114  # any fixed number: PostgreSQL's writers of one ledger take turns under it


def _numbered(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    number = sa.Column("id", _ID, primary_key=True, autoincrement=True)
    return sa.Table(name, metadata, number, *columns, sqlite_autoincrement=True)  # ids order the rows: none is given twice


def _table(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    return _numbered(
        name,
        sa.Column("table_name", _TEXT, nullable=False),
        sa.Column("partition_key", _TEXT, nullable=False),
        *columns,
        sa.Index(f"{name}_by_partition", "table_name", "partition_key", "id"),
    )


arrivals = _table(
    "arrivals",
    sa.Column("name", _TEXT, nullable=False),
    sa.Column("sha256", _TEXT, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("archived", _TEXT, nullable=False),
    sa.Column("received_at", _TEXT, nullable=False),
)
verdicts = _table(
    "verdicts",
    sa.Column("version_key", _TEXT, nullable=False),
    sa.Column("outcome", _TEXT, nullable=False),
    sa.Column("verdict", _TEXT, nullable=False),  # GateVerdict as JSON
    sa.Column("recorded_at", _TEXT, nullable=False),
)
publications = _table(
    "publications",
    sa.Column("version_key", _TEXT, nullable=False),
    sa.Column("state", _TEXT, nullable=False),
    sa.Column("snapshot_id", sa.BigInteger, nullable=True),
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.CheckConstraint("(state = 'intent') = (snapshot_id IS NULL)", name="done_names_its_snapshot"),
)
sightings = _table(
    "sightings",
    sa.Column("name", _TEXT, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("changed_ns", sa.BigInteger, nullable=False),
    sa.Column("recorded_at", _TEXT, nullable=False),
)
requests = _numbered(
    "requests",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("partition_key", _TEXT, nullable=False),
    sa.Column("files", _TEXT, nullable=False),  # digest of the landed files as they stood
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("run_key", _TEXT, nullable=False),
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.UniqueConstraint("product", "partition_key", "files", "attempt", name="one_request_per_attempt"),
)
incidents = _numbered(
    "incidents",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("kind", _TEXT, nullable=False),
    sa.Column("subject", _TEXT, nullable=False),  # <table>/<partition>, a run's id, ... (`Incident`)
    sa.Column("state", _TEXT, nullable=False),
    sa.Column("why", _TEXT, nullable=False),
    sa.Column("details", _TEXT, nullable=False),  # JSON
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.Index("incidents_by_subject", "product", "kind", "subject", "id"),
)
upkeep = _table(
    "upkeep",
    sa.Column("version_key", _TEXT, nullable=False),
    sa.Column("state", _TEXT, nullable=False),
    sa.Column("snapshot_id", sa.BigInteger, nullable=False),  # with the three above: the version
    sa.Column("commit_id", sa.BigInteger, nullable=True),  # the compaction's snapshot
    sa.Column("publications_before", sa.BigInteger, nullable=False),  # id of the table's last one: orders the two tables
    sa.Column("files", _TEXT, nullable=False),  # JSON
    sa.Column("recorded_at", _TEXT, nullable=False),
)
corrections = _table(
    "corrections",
    sa.Column("kind", _TEXT, nullable=False),
    sa.Column("subjects", _TEXT, nullable=False),  # JSON: row ids or version keys
    sa.Column("payload", _TEXT, nullable=False),  # JSON, without any value of a row
    sa.Column("reason", _TEXT, nullable=False),
    sa.Column("by_whom", _TEXT, nullable=False),
    sa.Column("recorded_at", _TEXT, nullable=False),
)
redactions = _table(
    "redactions",
    sa.Column("sha256", _TEXT, nullable=False),  # of the file as it was archived first
    sa.Column("looked_for", sa.BigInteger, nullable=False),  # id of the newest erasure it was looked through for
    sa.Column("erasures", _TEXT, nullable=False),  # JSON: ids of those that have found something in it
    sa.Column("records", _TEXT, nullable=False),  # JSON: numbers of the erased records
    sa.Column("archived", _TEXT, nullable=False),  # what is kept of it, below the archive; empty: nothing
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("kept_sha256", _TEXT, nullable=False),
    sa.Column("recorded_at", _TEXT, nullable=False),
)
drift_references = _numbered(
    "drift_references",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("monitor", _TEXT, nullable=False),
    sa.Column("declared", _TEXT, nullable=False),  # digest of what is declared about the reference and the columns
    sa.Column("reference", _TEXT, nullable=False),  # Reference as JSON
    sa.Column("reason", _TEXT, nullable=False),
    sa.Column("by_whom", _TEXT, nullable=False),
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.Index("drift_references_by_monitor", "product", "monitor", "id"),
)
measurements = _numbered(
    "measurements",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("monitor", _TEXT, nullable=False),
    sa.Column("first_partition", _TEXT, nullable=False),
    sa.Column("last_partition", _TEXT, nullable=False),
    sa.Column("event", _TEXT, nullable=False),
    sa.Column("measured", _TEXT, nullable=False),  # Measured as JSON
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.Index("measurements_by_window", "product", "monitor", "last_partition", "first_partition", "id"),
    sa.Index("measurements_by_event", "event", "id"),
)
judgements = _numbered(
    "judgements",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("monitor", _TEXT, nullable=False),
    sa.Column("event", _TEXT, nullable=False),
    sa.Column("rule", _TEXT, nullable=False),
    sa.Column("severity", _TEXT, nullable=False),
    sa.Column("judgement", _TEXT, nullable=False),  # DriftReport as JSON, without what was measured
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.Index("judgements_by_event", "event", "id"),
    sa.Index("judgements_by_product", "product", "id"),
)
responses = _numbered(
    "responses",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("event", _TEXT, nullable=False),
    sa.Column("state", _TEXT, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),  # of a claim: who takes over from the dead has the next number
    sa.Column("run", _TEXT, nullable=False),
    sa.Column("decision", _TEXT, nullable=True),  # ResponseDecision as JSON
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.UniqueConstraint("event", "state", "attempt", name="one_claim_per_attempt_and_one_decision"),
    sa.CheckConstraint("(state = 'decided') = (decision IS NOT NULL)", name="decided_says_what"),
    sa.CheckConstraint("state <> 'decided' OR attempt = 0", name="decided_once"),
)
training_sets = _numbered(
    "training_sets",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("training_set", _TEXT, nullable=False),  # its id
    sa.Column("said", _TEXT, nullable=False),  # TrainingSet as JSON
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.UniqueConstraint("product", "training_set", name="one_row_per_training_set"),
)
models = _numbered(
    "models",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),
    sa.Column("artifact", _TEXT, nullable=False),
    sa.Column("training_set", _TEXT, nullable=False),
    sa.Column("model", _TEXT, nullable=False),  # ModelVersion as JSON
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.UniqueConstraint("product", "number", name="one_model_per_number"),
)
model_verdicts = _numbered(
    "model_verdicts",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("number", sa.BigInteger, nullable=False),  # of the model
    sa.Column("evidence", _TEXT, nullable=False),  # digest of the evidence
    sa.Column("verdict", _TEXT, nullable=False),  # ModelVerdict as JSON
    sa.Column("said", _TEXT, nullable=False),  # Evidence as JSON
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.Index("model_verdicts_by_model", "product", "number", "id"),
    sa.Index("model_verdicts_by_evidence", "evidence", "id"),
)
reviews = _numbered(
    "reviews",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("evidence", _TEXT, nullable=False),
    sa.Column("decision", _TEXT, nullable=False),
    sa.Column("by_whom", _TEXT, nullable=False),
    sa.Column("reason", _TEXT, nullable=False),
    sa.Column("expires_at", _TEXT, nullable=False),
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.Index("reviews_by_evidence", "evidence", "id"),
    sa.CheckConstraint("decision IN ('approved', 'rejected')", name="approved_or_rejected"),
)
promotions = _numbered(
    "promotions",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("turn", sa.BigInteger, nullable=False),  # 1 for the product's first, and so on
    sa.Column("promotion", _TEXT, nullable=False),  # Promotion as JSON
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.UniqueConstraint("product", "turn", name="one_promotion_at_a_time"),
)
retrains = _numbered(
    "retrains",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("retrain", sa.BigInteger, nullable=False),  # 1 for the product's first, and so on
    sa.Column("state", _TEXT, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),  # of joined and started: 1 for the first, and so on
    sa.Column("said", _TEXT, nullable=False),  # Retrain as JSON
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.UniqueConstraint("product", "retrain", "state", "attempt", name="one_step_of_a_retrain"),
)
switches = _numbered(
    "switches",
    sa.Column("product", _TEXT, nullable=False),
    sa.Column("state", _TEXT, nullable=False),  # paused or resumed
    sa.Column("by_whom", _TEXT, nullable=False),
    sa.Column("reason", _TEXT, nullable=False),
    sa.Column("recorded_at", _TEXT, nullable=False),
    sa.Index("switches_by_product", "product", "id"),
)
sa.Index("redactions_by_file", redactions.c.sha256, redactions.c.id)
sa.Index("upkeep_by_table", upkeep.c.table_name, upkeep.c.state, upkeep.c.id)
sa.Index("sightings_by_name", sightings.c.table_name, sightings.c.name, sightings.c.id)
sa.Index("publications_by_table", publications.c.table_name, publications.c.state, publications.c.id)


def engine_for(url: sa.URL) -> sa.Engine:
    """Return an engine whose SQLite connections use WAL, wait for a lock, and leave BEGIN to `begin_writing`."""
    if url.get_backend_name() == "postgresql":
        return postgres_engine(url, what="ledger")
    engine = sa.create_engine(url)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    tell_failures(engine, what="ledger")
    return engine


def begin_writing(connection: sa.Connection) -> None:
    """Begin a transaction beside which nobody else writes: what it reads stays true until it commits."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # the write lock now: an upgrade later could deadlock
    else:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")


def exists(connection: sa.Connection) -> bool:
    """Return whether the ledger was set up completely: the mark that is read here is written last."""
    if connection.dialect.name == "sqlite":
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar() or 0) >= _VERSION
    mark = connection.exec_driver_sql(f"SELECT obj_description(to_regclass('{arrivals.name}'), 'pg_class')").scalar()
    return int(str(mark).removeprefix(_MARK)) >= _VERSION if str(mark).startswith(_MARK) else False


def create(connection: sa.Connection) -> None:
    """Create what is missing, inside a writing transaction."""
    metadata.create_all(connection)
    if connection.dialect.name == "sqlite":
        _complete_sqlite(connection)
    else:
        _complete_postgres(connection)


def _complete_sqlite(connection: sa.Connection) -> None:
    for table in metadata.tables:
        for verb in ("UPDATE", "DELETE"):
            connection.exec_driver_sql(
                f"CREATE TRIGGER IF NOT EXISTS {table}_refuses_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
            )
    connection.exec_driver_sql(f"PRAGMA user_version = {_VERSION}")


def _complete_postgres(connection: sa.Connection) -> None:
    connection.exec_driver_sql(
        "CREATE OR REPLACE FUNCTION readiness_ledger_refuses() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    for table in metadata.tables:
        connection.exec_driver_sql(
            f"CREATE OR REPLACE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION readiness_ledger_refuses()"
        )
    connection.exec_driver_sql(f"COMMENT ON TABLE {arrivals.name} IS '{_MARK}{_VERSION}'")


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # no implicit BEGIN by the driver
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = NORMAL")  # with WAL a killed process loses nothing that was committed


def _use_wal(connection: Any) -> None:
    """Turning WAL on needs the file alone, and SQLite does not wait for that: two openers of a new file meet here."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
