from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import numpy as np
import pandas as pd
import pytest

from readiness_pipelines.errors import DeclarationError, NotTheArtifact, ServiceUnreachable
from readiness_pipelines.flow import ModelVersion, TableVersion, TrainingSet
from readiness_pipelines.lakehouse import steps
from readiness_pipelines.models.registry import ALIASES, Registry, _masked
from readiness_pipelines.models.scores import score
from readiness_pipelines.models.train import Trained, fit
from readiness_pipelines.settings import Settings
from tests.models.learned import learned, spec_of
from tests.services import free_port, settings_at

pytestmark = pytest.mark.usefixtures("mlflow")

SPEC = spec_of(estimator="logistic", parameters={"C": 0.5}, seed=4, decide_at=0.3)


def rows(seed: int) -> pd.DataFrame:
    frame, labels = learned(300, seed=seed)
    return frame.assign(label=labels)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return fit(SPEC, rows(0), rows(1))


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry.open(settings_at(tmp_path, {}))


def training_set(days: int = 2) -> TrainingSet:
    versions = [TableVersion(f"shop.silver.{t}", f"d{i:05d}", f"{t}{i}", i) for t in ("orders", "returns") for i in range(days)]
    return TrainingSet("shop", "s", "d00001", tuple(versions), 700, "a", "b", "c", 300, 300, 80, 75, {"no_label_yet": 100})


def recorded(registry: Registry, trained: Trained, number: int) -> ModelVersion:
    """Return a model that is recorded and registered under this number."""
    made = registry.record(SPEC, training_set(), trained, by="ada")
    numbered = ModelVersion(**{**vars(made), "number": number})
    registry.number(numbered)
    return numbered


def test_a_run_says_how_the_model_was_made_and_how_good_it_is(registry: Registry, trained: Trained) -> None:
    made = registry.record(SPEC, training_set(), trained, by="ada")
    assert (made.product, made.number, made.training_set, made.trained_by) == ("shop", 0, training_set().id, "ada")
    assert (made.recipe, made.code, made.scores, made.decide_at) == (SPEC.recipe, trained.code, trained.scores, 0.3)
    run = registry.client.get_run(made.run)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {**trained.metrics, "rows_train": 300, "rows_holdout": 300}
    assert run.data.params["parameters.C"] == "0.5"
    assert {name: run.data.params[name] for name in ("estimator", "seed", "balance", "metric", "decide_at", "features")} == {
        **{"estimator": "logistic", "seed": "4", "balance": "False", "metric": "roc_auc", "decide_at": "0.3"},
        "features": "amount, age, channel, region",
    }
    assert run.data.tags["artifact"] == made.artifact and run.data.tags["recipe"] == SPEC.recipe
    assert registry.client.get_experiment(run.info.experiment_id).name == "shop"


def test_a_run_names_the_versions_it_was_trained_on(registry: Registry, trained: Trained, tmp_path: Path) -> None:
    from mlflow.data.dataset_source_registry import get_dataset_source_from_json

    made = registry.record(SPEC, training_set(), trained, by="ada")
    (given,) = registry.client.get_run(made.run).inputs.dataset_inputs
    assert json.loads(given.dataset.profile) == {"rows": 700, "rows_train": 300, "rows_holdout": 300}
    assert training_set().id.startswith(given.dataset.digest) and len(given.dataset.digest) == 36
    source: Any = get_dataset_source_from_json(given.dataset.source, given.dataset.source_type)
    assert source.load()["training_set"] == training_set().id
    assert [(each["table"], each["versions"], each["first"], each["last"]) for each in source.load()["tables"]] == [
        ("shop.silver.orders", 2, "d00000", "d00001"),
        ("shop.silver.returns", 2, "d00000", "d00001"),
    ]
    kept = registry.client.download_artifacts(made.run, "training_set.json", str(tmp_path))
    assert TrainingSet.from_json(Path(kept).read_text(encoding="utf-8")) == training_set()


def test_a_year_of_hours_can_be_recorded(registry: Registry, trained: Trained) -> None:
    assert registry.record(SPEC, training_set(days=8_760), trained, by="ada").run


def test_what_is_recorded_is_skops_with_signature_and_environment(registry: Registry, trained: Trained) -> None:
    from mlflow.models import get_model_info

    made = registry.record(SPEC, training_set(), trained, by="ada")
    files = {each.path for each in registry.client.list_artifacts(made.run, "model")}
    assert "model/model.skops" in files
    assert not [name for name in files if "pkl" in name or "pickle" in name]
    info = get_model_info(f"{registry.client.get_run(made.run).info.artifact_uri}/model")
    assert info.flavors["sklearn"]["serialization_format"] == "skops"
    assert info.signature.inputs.input_names() == ["amount", "age", "channel", "region"]
    assert [str(each.type) for each in info.signature.inputs] == ["DataType.double"] * 2 + ["DataType.string"] * 2
    needed = Path(registry.client.download_artifacts(made.run, "model/requirements.txt")).read_text(encoding="utf-8").split()
    assert {each.split("==")[0] for each in needed} >= {"scikit-learn", "skops", "readiness-pipelines", "numpy"}
    assert all("==" in each for each in needed)


def test_mlflow_itself_can_serve_what_is_recorded(registry: Registry, trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import pyfunc

    made = recorded(registry, trained, 1)
    (version,) = registry.client.search_model_versions("name = 'shop'")
    assert version.run_id == made.run
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")  # MLflow asks so of skops too
    served = pyfunc.load_model(version.source)
    held = rows(1)
    assert served.predict(held[["amount", "age", "channel", "region"]])[:, 1] == pytest.approx(score(trained.estimator, SPEC, held))


def test_what_is_loaded_scores_the_same(registry: Registry, trained: Trained) -> None:
    model = recorded(registry, trained, 1)
    assert np.array_equal(score(registry.load(model), SPEC, rows(1)), score(trained.estimator, SPEC, rows(1)))


def _artifact(registry: Registry, model: ModelVersion) -> Path:
    return registry.artifacts / "shop" / model.run / "artifacts" / "model" / "model.skops"


@pytest.mark.parametrize("change", ["another", "damaged", "gone", "no run"])
def test_what_is_not_the_recorded_artifact_is_not_loaded(registry: Registry, trained: Trained, change: str) -> None:
    model, other = recorded(registry, trained, 1), recorded(registry, trained, 2)
    place = _artifact(registry, model)
    match change:
        case "another":
            place.write_bytes(_artifact(registry, other).read_bytes())
        case "damaged":
            place.write_bytes(place.read_bytes()[:-1])
        case "gone":
            place.unlink()
        case "no run":
            model = ModelVersion(**{**vars(model), "run": "0" * 32})
    with pytest.raises(NotTheArtifact, match=f"{model.name}.*run {model.run}"):
        registry.load(model)


def test_each_model_is_a_version_under_the_product_s_name(registry: Registry, trained: Trained) -> None:
    first, second = recorded(registry, trained, 1), recorded(registry, trained, 2)
    tags = [
        each.tags for each in sorted(registry.client.search_model_versions("name = 'shop'"), key=lambda each: int(each.version))
    ]
    assert tags == [
        {"number": str(each.number), "artifact": each.artifact, "training_set": training_set().id} for each in (first, second)
    ]


def test_a_number_is_registered_once(registry: Registry, trained: Trained) -> None:
    model = recorded(registry, trained, 1)
    registry.number(model)
    assert len(registry.client.search_model_versions("name = 'shop'")) == 1


def test_numbers_are_the_ledger_s_whatever_mlflow_counts(registry: Registry, trained: Trained) -> None:
    recorded(registry, trained, 7)
    recorded(registry, trained, 3)
    registry.follow("shop", {"champion": 3, "previous": 7})
    assert registry.aliases("shop") == {"champion": 3, "previous": 7}
    assert int(registry.client.get_model_version_by_alias("shop", "champion").version) == 2


def test_a_product_without_models_has_no_aliases(registry: Registry) -> None:
    assert registry.aliases("shop") == {}
    registry.follow("shop", {})
    assert registry.aliases("shop") == {}


@pytest.mark.parametrize("alias", ALIASES)
def test_aliases_follow(registry: Registry, trained: Trained, alias: str) -> None:
    for number in (1, 2):
        recorded(registry, trained, number)
    registry.client.set_registered_model_alias("shop", "shadow", "1")
    registry.follow("shop", {alias: 1})
    registry.follow("shop", {alias: 2})
    assert registry.aliases("shop") == {alias: 2}
    registry.follow("shop", {})
    assert registry.aliases("shop") == {}
    assert registry.client.get_registered_model("shop").aliases == {"shadow": 1}, "an alias of somebody else stays"


def test_what_stands_already_is_not_written_again(registry: Registry, trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2):
        recorded(registry, trained, number)
    said: list[str] = []
    monkeypatch.setattr(steps, "on_reached", said.append)
    registry.follow("shop", {"champion": 2, "previous": 1})
    registry.follow("shop", {"champion": 2, "previous": 1})
    registry.follow("shop", {"champion": 2})
    assert said == ["alias_set"] * 3


def test_an_alias_of_what_the_ledger_does_not_know_is_told(registry: Registry, trained: Trained) -> None:
    model = recorded(registry, trained, 1)
    source = f"{registry.client.get_run(model.run).info.artifact_uri}/model"
    registry.client.create_model_version("shop", source, model.run)
    registry.client.set_registered_model_alias("shop", "champion", "2")
    assert registry.aliases("shop") == {"champion": 0}
    registry.follow("shop", {"champion": 1})
    assert registry.aliases("shop") == {"champion": 1}


def test_what_is_registered_by_hand_takes_no_number(registry: Registry, trained: Trained) -> None:
    model = recorded(registry, trained, 1)
    source = f"{registry.client.get_run(model.run).info.artifact_uri}/model"
    registry.client.create_model_version("shop", source, model.run, tags={"number": "2"})
    registry.client.create_model_version("shop", source, model.run, tags={"number": "1", "artifact": "x", "training_set": "y"})
    registry.follow("shop", {"champion": 1})
    assert int(registry.client.get_model_version_by_alias("shop", "champion").version) == 1
    with pytest.raises(KeyError):
        registry.follow("shop", {"champion": 2})


def test_an_alias_cannot_name_what_is_not_registered(registry: Registry, trained: Trained) -> None:
    recorded(registry, trained, 1)
    with pytest.raises(KeyError):
        registry.follow("shop", {"champion": 5})


def test_a_newer_card_takes_the_place_of_the_older(registry: Registry, trained: Trained, tmp_path: Path) -> None:
    model = recorded(registry, trained, 1)
    for text in ("<p>one</p>", "<p>zwei ü</p>"):
        registry.card(model, text)
    assert (
        Path(registry.client.download_artifacts(model.run, "card.html", str(tmp_path))).read_text(encoding="utf-8")
        == "<p>zwei ü</p>"
    )


def test_a_run_that_breaks_is_said_to_have_failed(registry: Registry) -> None:
    from sklearn.preprocessing import FunctionTransformer

    broken = Trained(FunctionTransformer(print), 0.5, "s", "c", {})
    with pytest.raises(DeclarationError, match=r"model.estimator: found .*print"):
        registry.record(SPEC, training_set(), broken, by="ada")
    experiment = registry.client.get_experiment_by_name("shop")
    assert [run.info.status for run in registry.client.search_runs([experiment.experiment_id])] == ["FAILED"]


def test_two_products_and_two_states_do_not_meet(
    registry: Registry, trained: Trained, tmp_path: Path, mlflow_database: Path
) -> None:
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri(), mlflow.active_run()
    recorded(registry, trained, 1)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mlflow.db").write_bytes(mlflow_database.read_bytes())
    other = Registry.open(Settings(state=tmp_path / "other", landing=tmp_path))
    assert other.client.search_registered_models() == []
    assert registry.aliases("bakery") == {}
    assert (mlflow.get_tracking_uri(), mlflow.get_registry_uri(), mlflow.active_run()) == before
    assert (tmp_path / "state" / "mlflow" / "shop").is_dir() and not (tmp_path / "other" / "mlflow").exists()


def test_who_records_at_once_shares_one_experiment_and_data_set(registry: Registry, trained: Trained) -> None:
    made: list[ModelVersion] = []
    tasks: list[Callable[[], None]] = [lambda: made.append(registry.record(SPEC, training_set(), trained, by="ada"))] * 4
    threads = [threading.Thread(target=task) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.run for each in made}) == 4
    assert [each.name for each in registry.client.search_experiments(filter_string="name = 'shop'")] == ["shop"]


def test_a_place_that_is_no_mlflow_is_told_without_its_password(tmp_path: Path) -> None:
    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(403, "hush-1234 is not let in")

        do_POST = do_GET

        def log_message(self, *said: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Refuses)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = Settings(tmp_path, tmp_path, mlflow_uri=f"http://ada:hush-1234@127.0.0.1:{server.server_port}")
    try:
        with pytest.raises(
            ServiceUnreachable, match=f"MLflow unreachable at http://ada:...@127.0.0.1:{server.server_port}"
        ) as told:
            Registry.open(settings).aliases("shop")
    finally:
        server.shutdown()
        server.server_close()
    assert "hush-1234" not in str(told.value)
    assert "hush-1234" not in repr(settings)


PASSWORDS = ["hush-money", "hush@swordfish/xyzzy 5%", "hush+swordfish:xyzzy", "hüsh#plugh"]


@pytest.mark.parametrize("password", PASSWORDS)
def test_nothing_of_a_password_that_needs_encoding_is_in_what_is_told_or_in_its_causes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    encoded = quote(password, safe="")
    with socket.socket() as nobody:  # bound, and listening to nobody
        nobody.bind(("127.0.0.1", 0))
        settings = Settings(tmp_path, tmp_path, mlflow_uri=f"http://ada:{encoded}@127.0.0.1:{nobody.getsockname()[1]}")
        with pytest.raises(ServiceUnreachable, match=r"MLflow unreachable at http://ada:\*\*\*@127") as told:
            Registry.open(settings).aliases("shop")
    whole = "".join(traceback.format_exception(told.value))
    assert "http://ada:***@" in whole.partition("unreachable at ")[2].partition(": ")[2], "what MLflow said of it is told too"
    assert [part for part in (password, encoded, *re.split(r"\W", password)) if len(part) > 3 and part in whole] == []


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("write", [str, partial(quote, safe=""), quote, quote_plus])
def test_a_password_is_masked_as_anybody_may_write_it(password: str, write: Callable[[str], str]) -> None:
    for given in (quote(password, safe=""), quote_plus(password), password.replace("%", "%25").replace("+", "%2B")):
        said = _masked(f"no {write(password)} here, nor {given}", f"postgresql://ada:{given}@db/mlflow")
        assert said == "no *** here, nor ***", given


@pytest.mark.parametrize("uri", ["sqlite:////state/mlflow.db", "http://host:5000", "http://ada@host/a:b", "/a/folder"])
def test_without_a_password_nothing_is_masked(uri: str) -> None:
    assert _masked(f"API request to {uri} failed", uri) == f"API request to {uri} failed"


@contextmanager
def _serving(folder: Path, database: Path) -> Iterator[str]:
    """A tracking server of MLflow's that keeps artifacts itself, on loopback, until the end of the block."""
    folder.mkdir()
    shutil.copy(database, folder / "server.db")
    port = free_port()
    places = ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", str(folder / "kept")]
    command = [sys.executable, "-m", "mlflow", "server", *places, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}, start_new_session=True
        )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                break
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


@pytest.mark.slow
def test_a_tracking_server_serves_as_well(
    trained: Trained, tmp_path: Path, mlflow_database: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with _serving(tmp_path / "server", mlflow_database) as uri:
        registry = Registry.open(Settings(tmp_path / "client", tmp_path, mlflow_uri=uri))
        first, second = recorded(registry, trained, 1), recorded(registry, trained, 2)
        registry.follow("shop", {"champion": 2, "previous": 1})
        assert registry.aliases("shop") == {"champion": 2, "previous": 1}
        assert np.array_equal(score(registry.load(first), SPEC, rows(1)), score(trained.estimator, SPEC, rows(1)))
        (kept,) = (path for path in (tmp_path / "server" / "kept").rglob("model.skops") if second.run in str(path))
        kept.unlink()
        with pytest.raises(NotTheArtifact, match="found no model/model.skops"):
            registry.load(second)
    assert list((tmp_path / "client").iterdir()) == [], "nothing of it lies here"
    assert capfd.readouterr() == ("", "")


_QUIET = """\
import socket, sys
from pathlib import Path
reached = []
meant = socket.socket.connect
socket.socket.connect = lambda self, address: reached.append(address) or meant(self, address)
from readiness_pipelines.models.registry import Registry
from readiness_pipelines.models.train import fit
from readiness_pipelines.settings import Settings
from tests.models.test_registry import SPEC, recorded, rows

registry = Registry.open(Settings(Path(sys.argv[1]), Path(sys.argv[1])))
model = recorded(registry, fit(SPEC, rows(0), rows(1)), 1)
registry.follow("shop", {"champion": 1})
registry.load(model)
assert not reached, reached
from mlflow.telemetry import get_telemetry_client
assert get_telemetry_client() is None
"""


@pytest.mark.slow
def test_mlflow_says_nothing_and_asks_nobody(tmp_path: Path) -> None:
    """A new database, so all its migrations; outside of tests and CI, where MLflow is quiet by itself."""
    noisy = ("PYTEST_CURRENT_TEST", "CI", "GITHUB_ACTIONS", "GITLAB_CI")
    environment = {name: value for name, value in os.environ.items() if name not in noisy and not name.startswith("MLFLOW")}
    command = [sys.executable, "-W", "error::UserWarning", "-c", _QUIET, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_uri_can_be_declared(tmp_path: Path) -> None:
    named = Settings.from_environment({"READINESS_STATE": str(tmp_path), "READINESS_MLFLOW": "https://mlflow.example.com"})
    assert named.mlflow == "https://mlflow.example.com"
    assert settings_at(tmp_path, {}).mlflow == f"sqlite:///{tmp_path}/state/mlflow.db"
