"""Runs, artifacts and aliases in MLflow: the only module that knows it. The ledger is the truth; MLflow follows.

A product is an experiment, and a registered model of the same name; a trained model is a run, and a version that is tagged with
the number that the ledger has given it. Everything goes through a client of its own: MLflow's global state (tracking URI,
active run) is neither read nor changed.
"""

from __future__ import annotations

import json
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from readiness_pipelines.declarations import ModelSpec
from readiness_pipelines.errors import NotTheArtifact, ServiceUnreachable
from readiness_pipelines.flow import ModelVersion, TrainingSet, digest
from readiness_pipelines.lakehouse import reached
from readiness_pipelines.models import artifact
from readiness_pipelines.models.train import Trained
from readiness_pipelines.settings import Settings

ALIASES = ("champion", "previous", "challenger")  # those that follow the ledger; others are their owners'
_FOLDER, _FILE = "model", "model.skops"  # as MLflow's own scikit-learn flavor names them
_ENVIRONMENT = ("numpy", "pandas", "readiness-pipelines", "scikit-learn", "scipy", "skops", "threadpoolctl")
_LONGEST = 6000  # characters of a parameter, MLflow's limit
_DIGEST = 36  # characters of a data set's digest, MLflow's limit
_TOLD = 300  # characters of what MLflow said
_PASSWORDS = (re.compile("://[^:/@]*:([^@]*)@"), re.compile("://[^:/@]*:(.*)@"))  # of a URI, also where an @ of it is not encoded


@dataclass(frozen=True)
class Registry:
    """One MLflow tracking server, or database, and what of it belongs to products. `client` is MLflow's."""

    uri: str
    artifacts: Path
    client: Any

    @classmethod
    def open(cls, settings: Settings) -> Registry:
        """Return the registry of these settings. A database that does not exist is made, which takes MLflow some seconds.

        Raises ServiceUnreachable if it cannot be reached.
        """
        settings.state.mkdir(parents=True, exist_ok=True)
        mlflow = _mlflow()
        try:
            return cls(settings.mlflow, settings.mlflow_artifacts, mlflow.MlflowClient(settings.mlflow, settings.mlflow))
        except mlflow.exceptions.MlflowException as error:
            raise _unreachable(settings.mlflow, error) from None  # whose text has the URI, with its password

    def record(self, spec: ModelSpec, training_set: TrainingSet, trained: Trained, *, by: str) -> ModelVersion:
        """Record a run and its artifact, and return the model version without its number: the ledger gives it (0 until then).

        The run holds parameters, metrics, the training set as a data set with its versions, the artifact with its signature
        and environment. Done twice, it is two runs with two artifacts. `by` is who trained it.
        Raises DeclarationError where the estimator cannot be saved (see `artifact.save`).
        """
        with self._reaching():
            run = self._run(spec.product, f"{training_set.cut_off} {training_set.id[:12]}")
            with self._ended(run.info.run_id), tempfile.TemporaryDirectory() as folder:
                sha256 = _laid_out(spec, trained, Path(folder) / _FOLDER)
                self.client.log_artifacts(run.info.run_id, str(Path(folder) / _FOLDER), _FOLDER)
                self._log(run.info.run_id, spec, training_set, trained, sha256)
        made = (spec.recipe, trained.code, sha256, trained.scores, float(trained.decide_at), run.info.run_id)
        return ModelVersion(spec.product, 0, training_set.id, *made, by)

    def number(self, model: ModelVersion) -> None:
        """Register a model that the ledger has numbered, as a version under the product's name. What is registered adds nothing."""
        with self._reaching():
            if model.number in self._versions(model.product):
                return
            self._ensure_registered(model.product)
            source = f"{self.client.get_run(model.run).info.artifact_uri.rstrip('/')}/{_FOLDER}"
            tags = {"number": str(model.number), "artifact": model.artifact, "training_set": model.training_set}
            self.client.create_model_version(model.product, source, model.run, tags=tags)

    def load(self, model: ModelVersion) -> Any:
        """Return the model's estimator, read from its run's artifact.

        Raises NotTheArtifact if that is missing or not the file whose sha256 the model has, which is not opened then, or cannot be
        read.
        """
        with self._reaching(), tempfile.TemporaryDirectory() as folder:
            path = self._fetched(model, Path(folder))
            try:
                return artifact.load(path, sha256=model.artifact)
            except NotTheArtifact as error:  # whose path is that of a copy, another one each time
                said = str(error).removeprefix(f"{path}: ")
                raise NotTheArtifact(f"{model.name}, of MLflow's run {model.run}: {said}") from error

    def aliases(self, product: str) -> dict[str, int]:
        """Return which of the product's models the three aliases name, by the ledger's number; 0: one it has not numbered."""
        with self._reaching():
            numbers = {version: number for number, version in self._versions(product).items()}
            return {alias: numbers.get(version, 0) for alias, version in self._aliases(product).items() if alias in ALIASES}

    def follow(self, product: str, wanted: Mapping[str, int]) -> None:
        """Let the three aliases name the models with these numbers, and those that are not wanted name none.

        Other aliases stay. What is so already is not written again. Raises KeyError for a number that is not registered.
        """
        with self._reaching():
            versions, standing = self._versions(product), self._aliases(product)
            for alias in ALIASES:
                if alias in wanted and standing.get(alias) != versions[wanted[alias]]:
                    self.client.set_registered_model_alias(product, alias, versions[wanted[alias]])
                    reached("alias_set")
                elif alias not in wanted and alias in standing:
                    self.client.delete_registered_model_alias(product, alias)
                    reached("alias_set")

    def card(self, model: ModelVersion, html: str) -> str:
        """Keep the model's card beside its artifact, as `card.html`, and return where; a newer one takes its place."""
        with self._reaching():
            self.client.log_text(model.run, html, "card.html")
            return f"{self.client.get_run(model.run).info.artifact_uri}/card.html"

    def _run(self, product: str, name: str) -> Any:
        exceptions = _mlflow().exceptions
        found = self.client.get_experiment_by_name(product)
        if found is None:
            place = None if self.uri.startswith("http") else str(self.artifacts / product)  # a server keeps them itself
            try:
                return self.client.create_run(self.client.create_experiment(product, place), run_name=name)
            except exceptions.MlflowException:  # another process made it meanwhile
                found = self.client.get_experiment_by_name(product)
                if found is None:
                    raise
        return self.client.create_run(found.experiment_id, run_name=name)

    @contextmanager
    def _ended(self, run: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.client.set_terminated(run, "FAILED")
            raise
        self.client.set_terminated(run, "FINISHED")

    def _log(self, run: str, spec: ModelSpec, training_set: TrainingSet, trained: Trained, sha256: str) -> None:
        entities, words = _mlflow().entities, spec.words
        params: dict[str, Any] = {f"parameters.{name}": value for name, value in words.parameters.items()}
        params |= words.model_dump(mode="json", include={"estimator", "balance", "seed", "metric", "holdout_days", "train_days"})
        params |= {"features": ", ".join(each.name for each in spec.features), "decide_at": trained.decide_at}
        tags = {"product": spec.product, "training_set": training_set.id, "artifact": sha256, "scores": trained.scores}
        tags |= {"recipe": spec.recipe, "code": trained.code}
        counted = {"rows_train": training_set.rows_train, "rows_holdout": training_set.rows_holdout}
        self.client.log_batch(
            run,
            [entities.Metric(name, float(value), 0, 0) for name, value in {**trained.metrics, **counted}.items()],
            [entities.Param(name, str(value)[:_LONGEST]) for name, value in params.items()],
            [entities.RunTag(name, value) for name, value in tags.items()],
        )
        self.client.log_text(run, training_set.to_json(), "training_set.json")
        try:
            self.client.log_inputs(run, [_dataset(training_set)])
        except _mlflow().exceptions.MlflowException:  # another run names the same data set at this moment: it is there now
            self.client.log_inputs(run, [_dataset(training_set)])

    def _versions(self, product: str) -> dict[int, str]:
        """Return MLflow's version of each number that is registered.

        A version that somebody has registered by hand, without the tags of ours, has none; of two with one number the first has it.
        """
        found: list[Any] = []
        token = None
        while True:
            page = self.client.search_model_versions(f"name = '{product}'", page_token=token)
            found += [each for each in page if {"number", "artifact", "training_set"} <= set(each.tags)]
            token = page.token
            if not token:
                break
        return {int(each.tags["number"]): str(each.version) for each in sorted(found, key=lambda each: -int(each.version))}

    def _aliases(self, product: str) -> dict[str, str]:
        for found in self.client.search_registered_models(f"name = '{product}'"):
            return {alias: str(version) for alias, version in found.aliases.items()}
        return {}

    def _ensure_registered(self, product: str) -> None:
        try:
            self.client.create_registered_model(product)
        except _mlflow().exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _fetched(self, model: ModelVersion, folder: Path) -> Path:
        name = f"{_FOLDER}/{_FILE}"
        try:
            is_there = any(each.path == name for each in self.client.list_artifacts(model.run, _FOLDER))
        except _mlflow().exceptions.MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            is_there = False
        if not is_there:
            raise NotTheArtifact(
                f"{model.name}: found no {name} in MLflow's run {model.run}, expected one with sha256 {model.artifact[:12]}"
            )
        return Path(self.client.download_artifacts(model.run, name, str(folder)))

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Say of what MLflow could not do where that was, without a password."""
        try:
            yield
        except _mlflow().exceptions.MlflowException as error:
            raise _unreachable(self.uri, error) from None


def _unreachable(uri: str, error: Exception) -> ServiceUnreachable:
    said = (_masked(str(error), uri) or type(error).__name__).splitlines()[0][:_TOLD]
    return ServiceUnreachable(f"MLflow unreachable at {_masked(uri, uri)}: {said}", service="mlflow")


def _masked(text: str, uri: str) -> str:
    """Return the text without the URI's password: as it is written there, as it is meant, and as whoever sends it may write it."""
    written = {password for found in _PASSWORDS if (at := found.search(uri)) and (password := at[1])}
    meant = {unquote(each) for each in written} | {unquote_plus(each) for each in written}
    sent = {quote(each, safe=safe) for each in meant for safe in ("", "/", "!~*'()/")} | {quote_plus(each) for each in meant}
    for each in sorted(written | meant | sent, key=len, reverse=True):
        text = text.replace(each, "***")
    return text


@contextmanager
def _silent() -> Iterator[None]:
    """Let no warning of MLflow's own code, or of what it imports, be told: there is nothing in it for anybody to do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@cache
def _mlflow() -> Any:
    """Return MLflow, which tells nobody what it is used for, and us only what is wrong."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it is read when it is imported
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    with _silent():
        import mlflow
    for name in ("mlflow", "alembic"):  # each migration of a new database is told otherwise
        logging.getLogger(name).setLevel(logging.WARNING)
    return mlflow


def _laid_out(spec: ModelSpec, trained: Trained, folder: Path) -> str:
    """Write the model into a new folder as MLflow's flavor would, the artifact in it by us, and return the artifact's sha256."""
    written = folder.with_suffix(".skops")
    sha256 = artifact.save(trained.estimator, written)
    with _silent():
        _mlflow().sklearn.save_model(
            trained.estimator,
            str(folder),
            serialization_format="skops",
            skops_trusted_types=list(artifact.TRUSTED),
            signature=_signature(spec),
            pip_requirements=[
                f"{name}=={metadata.version(name)}" for name in _ENVIRONMENT
            ],  # else it looks for them, half a minute
            pyfunc_predict_fn="predict_proba",
        )
    written.replace(folder / _FILE)
    return sha256


def _signature(spec: ModelSpec) -> Any:
    import numpy as np

    types = _mlflow().types
    kinds = {"number": types.DataType.double, "category": types.DataType.string}
    features = [types.ColSpec(kinds[each.kind], each.name, required=False) for each in spec.features]
    scores = types.TensorSpec(np.dtype("float64"), (-1, 2))
    return _mlflow().models.ModelSignature(types.Schema(features), types.Schema([scores]))


def _dataset(training_set: TrainingSet) -> Any:
    """Return the training set as an input of a run: what it was computed from, table by table."""
    entities = _mlflow().entities
    source = _source_kind()(_source(training_set))
    profile = {"rows_train": training_set.rows_train, "rows_holdout": training_set.rows_holdout, "rows": training_set.rows}
    made = entities.Dataset(
        f"{training_set.product}.training_set",
        training_set.id[:_DIGEST],
        source._get_source_type(),
        source.to_json(),
        profile=json.dumps(profile),
    )
    return entities.DatasetInput(made, [entities.InputTag("mlflow.data.context", "training")])


def _source(training_set: TrainingSet) -> dict[str, Any]:
    """Return what names the versions: their number is not bounded, what MLflow keeps is; `training_set.json` has each."""
    tables = []
    for table in sorted({version.table for version in training_set.versions}):
        versions = sorted((v.partition, v.version_key) for v in training_set.versions if v.table == table)
        told = {"versions": len(versions), "digest": digest(versions), "first": versions[0][0], "last": versions[-1][0]}
        tables.append({"table": table, **told})
    said = {"product": training_set.product, "training_set": training_set.id, "cut_off": training_set.cut_off}
    return {**said, "tables": tables}


@cache
def _source_kind() -> Any:
    """Return our kind of data set source, registered with MLflow once."""
    _mlflow()
    from mlflow.data.dataset_source import DatasetSource
    from mlflow.data.dataset_source_registry import register_dataset_source

    class AdmittedVersions(DatasetSource):  # type: ignore[misc]  # MLflow ships no types
        """The admitted versions that a training set was selected from."""

        def __init__(self, said: dict[str, Any]) -> None:
            self.said = said

        @staticmethod
        def _get_source_type() -> str:
            return "readiness_training_set"

        def load(self) -> dict[str, Any]:
            """Return what names the versions. The rows are read from the lakehouse, at exactly these."""
            return self.said

        @staticmethod
        def _can_resolve(raw_source: Any) -> bool:
            return isinstance(raw_source, dict) and "training_set" in raw_source

        @classmethod
        def _resolve(cls, raw_source: dict[str, Any]) -> AdmittedVersions:
            return cls(raw_source)

        def to_dict(self) -> dict[str, Any]:
            return self.said

        @classmethod
        def from_dict(cls, source_dict: dict[str, Any]) -> AdmittedVersions:
            return cls(source_dict)

    register_dataset_source(AdmittedVersions)
    return AdmittedVersions
