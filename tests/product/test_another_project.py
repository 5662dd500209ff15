"""The package used from elsewhere: from its wheel, in a fresh folder, by the very commands of docs/first_product.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.served import Served, wait_for
from tests.warm import BIN, Warm, warmed

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, unpacked where nothing else is."""
    root = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", root], cwd=PROJECT, check=True, capture_output=True
    )
    (wheel,) = root.glob("*.whl")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", root / "site", wheel]
    subprocess.run(install, check=True, capture_output=True)
    return root / "site"


def environment_of(site: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("READINESS_", "DAGSTER_"))}
    return {**kept, "PYTHONPATH": str(site), "PATH": f"{BIN}{os.pathsep}{kept['PATH']}"}


@pytest.fixture
def environment(site: Path) -> dict[str, str]:
    return environment_of(site)


@pytest.fixture(scope="module")
def warm(site: Path) -> Iterator[Warm]:
    """The wheel's Dagster, imported already: for tests of what `dg` answers, not of how it finds the package."""
    with warmed(environment_of(site), site.parent) as found:
        yield found


def blocks(document: Path) -> Iterator[str]:
    """Yield the `sh` blocks of a document that people follow, the installation left out: the wheel is there already."""
    for block in re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), flags=re.DOTALL):
        yield "\n".join(line for line in block.splitlines() if not re.match(r"python3 -m venv|pip install", line))


def test_the_first_product_document_works_word_by_word_from_the_wheel(
    tmp_path: Path, environment: dict[str, str], site: Path
) -> None:
    where = subprocess.run(
        [sys.executable, "-c", "import readiness_pipelines; print(readiness_pipelines.__file__)"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(site))
    script = "set -euo pipefail\n" + "\n".join(blocks(PROJECT / "docs" / "first_product.md"))
    done = subprocess.run(["bash", "-c", script], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told = done.stdout
    assert "4 records looked at: order_id integer, customer string, amount number, ordered_on date" in told
    assert "All definitions loaded successfully." in told
    assert "the run failed, as it should" in told
    assert "2 of 4 rows are bad (50.00%), more than the 5.00% that the suite allows" in told
    assert told.count("cast:amount") >= 2
    assert told.rstrip().endswith("Nothing is held or missing.")
    assert (tmp_path / "tour" / "quality_suites" / "orders" / "silver_orders.yaml").is_file()


def test_the_shipped_products_are_whole_in_the_wheel(tmp_path: Path, environment: dict[str, str], site: Path) -> None:
    done = subprocess.run([BIN / "readiness", "validate"], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "3 products, 22 tables, all right\n"
    packed = {path.name for path in (site / "readiness_pipelines" / "quality_suites").iterdir()}
    assert packed == {path.name for path in (PROJECT / "readiness_pipelines" / "defs").iterdir() if (path / "defs.yaml").exists()}


def dg(*arguments: str, environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / "dg", *arguments], env=environment, cwd=cwd, capture_output=True, text=True, timeout=120)


@pytest.fixture
def acme(tmp_path: Path, environment: dict[str, str]) -> Path:
    """A dg project with a src layout and defaults of its own, and nothing in it."""
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "acme"\nversion = "1"\n[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "acme"\n'
    )
    package = tmp_path / "src" / "acme"
    (package / "defs").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "defs" / "__init__.py").touch()
    (package / "definitions.py").write_text(
        "from pathlib import Path\nimport dagster as dg\n\n\n@dg.definitions\ndef defs():\n"
        "    mine = dg.Definitions(resources={'mine': 1}, executor=dg.multiprocess_executor)\n"
        "    return dg.Definitions.merge(dg.load_from_defs_folder(path_within_project=Path(__file__).parent), mine)\n"
    )
    environment["PYTHONPATH"] += f"{os.pathsep}{tmp_path / 'src'}"
    environment["DAGSTER_HOME"] = str(tmp_path / "home")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return tmp_path


COMPONENT = "readiness_pipelines.product.DataProduct"


def test_dg_knows_the_component_its_words_and_what_it_defines(acme: Path, environment: dict[str, str]) -> None:
    def told(*arguments: str) -> str:
        done = dg(*arguments, environment=environment, cwd=acme)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert COMPONENT in told("list", "components", "--json")
    schema = json.loads(told("utils", "inspect-component", COMPONENT, "--defs-yaml-json-schema"))
    told("scaffold", "defs", COMPONENT, "visits")
    written = yaml.load((acme / "src" / "acme" / "defs" / "visits" / "defs.yaml").read_text(), yaml.BaseLoader)
    assert list(Draft202012Validator(schema).iter_errors(written)) == []
    written["attributes"]["bronze"][0]["feed"]["flies"] = "x"
    (mistake,) = Draft202012Validator(schema).iter_errors(written)
    assert list(mistake.absolute_path) == ["attributes", "bronze", 0, "feed"] and "'flies' was unexpected" in mistake.message
    assert "All component YAML validated successfully." in told("check", "yaml")
    told("check", "defs")
    assert "visits/gold/visits_daily" in told("list", "defs", "--json")


VISITS = "Visit ID,Visitor,paid,At\n1,ann,19.90,2025-03-05 10:00:00\n2,,0.00,2025-03-05 11:30:00\n3,cem,,2025-03-05 23:59:59\n"

READ_GOLD = """
from readiness_pipelines.lakehouse import Lakehouse, relation
from readiness_pipelines.settings import Settings

lake = Lakehouse.open(Settings.from_environment())
version = lake.ledger.current_version("visits.gold.visits_daily", "2025-03-05")
with lake.connect() as con:
    print(con.execute(f"SELECT CAST(day AS VARCHAR), row_count FROM {relation(lake, [version])}").fetchall())
    print(len(lake.ledger.current_versions("visits.gold.visits_daily")), "version")
"""


def test_a_product_made_from_a_csv_is_checked_and_materialised_by_every_command_at_once(
    acme: Path, environment: dict[str, str]
) -> None:
    def told(*command: str) -> str:
        done = subprocess.run(
            [BIN / command[0], *command[1:]], env=environment, cwd=acme, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout + done.stderr

    (acme / "visits_2025-03-05.csv").write_text(VISITS)
    made = told("dg", "scaffold", "defs", COMPONENT, "visits", "--csv", "visits_2025-03-05.csv")
    assert "3 records looked at: visit_id integer, visitor string, paid number, at timestamp" in made
    assert "dg launch --job visits_job --partition 2025-03-05" in made
    assert (acme / "data" / "landing" / "visits" / "visits_2025-03-05.csv").read_text() == VISITS
    made_of = {str(p.relative_to(acme)) for root in ("src/acme/defs/visits", "quality_suites") for p in (acme / root).rglob("*.*")}
    assert made_of == {
        *(f"src/acme/defs/visits/{name}" for name in ("defs.yaml", "contract.yaml", "silver/visits.sql", "gold/visits_daily.sql")),
        *(f"quality_suites/visits/{name}.yaml" for name in ("bronze_raw_visits", "silver_visits", "gold_visits_daily")),
    }
    assert "1 products, 3 tables, all right" in told("readiness", "validate")
    assert "All component YAML validated successfully." in told("dg", "check", "yaml")
    assert "All definitions loaded successfully." in told("dg", "check", "defs")
    assert "visits/silver/visits" in told("dg", "list", "defs", "--json")
    select = ("--select", "group:visits", "--partition", "2025-03-05")
    told("dagster", "asset", "materialize", "-m", "acme.definitions", "-d", "src", *select)
    told("dg", "launch", "--assets", "group:visits", "--partition", "2025-03-05")  # again, under the project's own executor
    assert "Nothing is held or missing." in told("readiness", "status", "visits")
    assert told("python", "-c", READ_GOLD).splitlines() == ["[('2025-03-05', 3)]", "1 version"]


def scaffold(warm: Warm, acme: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return warm.run("dg", "scaffold", "defs", COMPONENT, *arguments, environment=environment, cwd=acme)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Visits"], "found the name 'Visits', expected lower case letters"),
        (["visits", "--csv", "nowhere.csv"], "nowhere.csv: found no such file"),
        (["visits", "--csv", "good.csv", "--day", "2025-02-30"], "found --day '2025-02-30', expected yyyy-mm-dd"),
        (["visits", "--csv", "good.csv", "--day", "2999-01-01"], "found the day 2999-01-01, expected one that has ended"),
        (["visits", "--csv", "empty.csv"], "empty.csv: is empty, expected a header"),
        (["visits", "--csv", "twice.csv"], "twice.csv: columns named twice (case apart): 'a', 'a'"),
        (["suited"], "quality_suites/suited, expected nothing there"),
    ],
)
def test_what_cannot_be_scaffolded_is_refused_in_one_line_and_leaves_nothing(
    acme: Path, environment: dict[str, str], warm: Warm, arguments: list[str], said: str
) -> None:
    for name, text in {"good.csv": "a\n1\n", "empty.csv": "", "twice.csv": "a,a\n1,2\n"}.items():
        (acme / name).write_text(text)
    (acme / "quality_suites" / "suited").mkdir(parents=True)
    before = sorted(str(path) for path in acme.rglob("*") if "__pycache__" not in str(path))
    done = scaffold(warm, acme, environment, *arguments)
    assert done.returncode == 1
    assert said in done.stderr and "Traceback" not in done.stderr
    assert sorted(str(path) for path in acme.rglob("*") if "__pycache__" not in str(path)) == before


def test_a_product_that_exists_is_not_written_over(acme: Path, environment: dict[str, str], warm: Warm) -> None:
    assert scaffold(warm, acme, environment, "visits", "--day", "2025-01-05").returncode == 0
    assert (acme / "data" / "landing" / "visits" / "visits_2025-01-05.csv").is_file()
    declared = acme / "src" / "acme" / "defs" / "visits" / "defs.yaml"
    declared.write_text(declared.read_text() + "# mine\n")
    assert scaffold(warm, acme, environment, "visits").returncode != 0
    assert declared.read_text().endswith("# mine\n")


def test_a_run_of_another_projects_job_is_one_process_whatever_its_executor_is(
    acme: Path, environment: dict[str, str], warm: Warm
) -> None:
    assert scaffold(warm, acme, environment, "visits", "--day", "2025-01-05").returncode == 0
    done = dg("launch", "--job", "visits_job", "--partition", "2025-01-05", environment=environment, cwd=acme)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "gold visits_daily: 1 admitted" in done.stderr + done.stdout
    assert "STEP_WORKER_START" not in done.stderr + done.stdout


class ReadinessUi(Served):
    """`readiness ui` in a project."""

    def command(self) -> list[str]:
        return [str(BIN / "readiness"), "ui", "--port", str(self.port)]


@pytest.mark.daemon
def test_readiness_ui_serves_the_project_under_dgs_name_and_runs_what_is_dropped(
    acme: Path, environment: dict[str, str], warm: Warm
) -> None:
    assert scaffold(warm, acme, environment, "visits", "--day", "2025-01-05").returncode == 0
    served = ReadinessUi(acme, environment)
    served.start()
    try:
        found = served.ask("{ workspaceOrError { ... on Workspace { locationEntries { name } } } }")
        assert found["workspaceOrError"]["locationEntries"] == [{"name": acme.name}]
        wait_for(lambda: served.materialised("visits", "gold", "visits_daily") == {"2025-01-05"}, seconds=180, what="the sensor")
    finally:
        served.stop()
    assert served.process is None or served.process.poll() is not None
    with pytest.raises(OSError):
        served.ask("{ version }")  # webserver and daemon ended with it
