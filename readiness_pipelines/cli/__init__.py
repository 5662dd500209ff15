"""`readiness`: what an engineer does from a shell. `readiness --help` lists it.

Exit codes: 0 done and nothing to look at; 1 something is held, missing or wrong; 2 the command could not be carried out.
"""

from __future__ import annotations

import importlib
import sys

import typer

from readiness_pipelines.errors import ReadinessError

app = typer.Typer(
    name="readiness",
    help="Data readiness on Dagster: every table version is a proposal until a gate admits it.\n\n"
    "Products are those of the dg project that the command is run in (the nearest folder upwards whose pyproject.toml has "
    "\\[tool.dg.project], or whose dg.toml has \\[project]), else those that come with this package.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

# (name, module, its command or group of commands, what it does)
_COMMANDS = (
    ("status", "status", "status", "Where every table of a product stands; exit code 1 if anything is held or missing."),
    (
        "validate",
        "validate",
        "validate",
        "Check declarations: a line per mistake, with file and line; exit code 1 if there is one.",
    ),
    ("incidents", "incidents", "incidents", "What is held, missing, drifted or failed, or waits; exit code 1 if anything does."),
    ("backfill", "backfill", "backfill", "Bring a range of partitions through all layers, some in one run; can be resumed."),
    ("score", "score", "score", "Score partitions on purpose, with the champion; exit code 1 if any is not."),
    ("maintain", "maintain", "maintain", "Compact partitions, expire superseded versions, delete what nothing refers to."),
    ("doctor", "doctor", "doctor", "Compare ledger, catalog and warehouse; a line per disagreement; exit code 1 if there is one."),
    ("demo", "demo", "demo", "Write sample data if there is none, run a shipped product, let the loop close, tell what happened."),
    ("ui", "demo", "ui", "Dagster's webserver and daemon on 127.0.0.1, on the same state. Ctrl-C stops both."),
    ("quarantine", "quarantine", "app", "Rows that a gate did not admit, with all their reasons."),
    ("admit", "overrides", "admit", "Waive failed rules for one held candidate, by name and with a reason."),
    ("withdraw", "overrides", "withdraw", "Take a published version back: an earlier one, or nothing, in its place."),
    ("erase", "erase", "erase_", "Erase a subject: out of archive, tables, quarantine, history and what is still to come."),
    ("held", "held", "app", "Candidates that a gate did not admit."),
    ("gates", "gates", "app", "What gates ask of a table, and what they found."),
    ("drift", "drift", "app", "How far admitted rows are from their reference, and what was done about it."),
    (
        "retrain",
        "retrain",
        "retrain",
        "Ask for a new model of a product, and train, judge and promote it as far as that is allowed.",
    ),
    ("model", "model", "app", "A product's models, and which of them is the champion."),
    ("review", "review", "app", "Models that wait for a person's decision."),
    ("pause", "pause", "pause", "Stop a product's loop: nothing is retrained, promoted or rolled back by itself."),
    ("resume", "pause", "resume", "Let a product's loop go on."),
    ("tick", "tick", "tick", "A product's sensors (no schedule), and what they ask for, here and now: the loop without a daemon."),
    ("trace", "trace", "trace", "What a prediction rests on, back to the delivered file; or on from a file."),
    ("replay", "replay", "app", "Lay real data down as landing files."),
)


def _add(name: str, module: str, attribute: str, text: str) -> None:
    """Add a command whose module is imported when it is called: --help and `validate` do not wait for the lakehouse."""

    @app.command(
        name,
        help=text,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False},
    )
    def run(context: typer.Context) -> None:
        found = getattr(importlib.import_module(f"readiness_pipelines.cli.{module}"), attribute)
        if not isinstance(found, typer.Typer):
            command, found = found, typer.Typer(pretty_exceptions_enable=False, add_completion=False)
            found.command(name, help=text)(command)
        code = found(args=context.args, prog_name=f"readiness {name}", standalone_mode=False)
        raise typer.Exit(code if isinstance(code, int) else 0)


for _command in _COMMANDS:
    _add(*_command)


def main() -> None:
    """Run the command line. Errors that we raise on purpose are told in their own words, without a traceback."""
    try:
        app()
    except ReadinessError as error:
        sys.stderr.write(f"readiness: {error}\n")
        sys.exit(2)
