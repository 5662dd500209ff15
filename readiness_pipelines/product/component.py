"""`type: readiness_pipelines.product.DataProduct` in a `defs.yaml`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel, GetJsonSchemaHandler, RootModel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from readiness_pipelines.declarations import ModelSpec, Product, ProductDeclaration, load_product
from readiness_pipelines.product.assets import build_assets
from readiness_pipelines.product.decisions import decision_jobs
from readiness_pipelines.product.keys import data_asset_keys
from readiness_pipelines.product.loop import loop_sensor, retrain_schedule
from readiness_pipelines.product.maintenance import maintenance_job, maintenance_schedule
from readiness_pipelines.product.model import build_model, retrain_job
from readiness_pipelines.product.model_decisions import promotion_job, review_job, roll_back_job
from readiness_pipelines.product.resources import READINESS
from readiness_pipelines.product.response import drift_sensor, response_job
from readiness_pipelines.product.scaffold import ProductScaffolder
from readiness_pipelines.product.schedule import partition_schedule
from readiness_pipelines.product.sensors import incidents_sensor, landed_sensor


class Attributes(RootModel[Any]):
    """What stands under `attributes`, with the JSON schema of a product for editors and `dg check yaml`.

    Nothing is validated here: Dagster would tell a mistake in its own words before ours are asked. The validator of the
    declarations reads the file itself and tells every mistake in every file of the product, with file and line.
    """

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = ProductDeclaration.model_json_schema()
        return dict(_inlined(schema, schema.pop("$defs")))


def _inlined(schema: Any, parts: Mapping[str, Any]) -> Any:
    """Return a JSON schema with its references resolved.

    dg puts it, as it is, into the schema of a whole defs.yaml, and from there no reference would lead anywhere.
    """
    if isinstance(schema, list):
        return [_inlined(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    beside = {key: _inlined(value, parts) for key, value in schema.items() if key != "$ref"}
    referred = parts[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else {}
    return {**_inlined(referred, parts), **beside} if referred else beside


@dg.scaffold_with(ProductScaffolder)
class DataProduct(dg.Component):
    """A data product: feeds into bronze, bronze into silver, silver into gold, every version behind a gate."""

    @classmethod
    def get_model_cls(cls) -> type[BaseModel]:
        return Attributes

    @classmethod
    def load(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> "DataProduct":
        return cls()

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        return definitions_of(load_product(Path(context.path), any_type=True))


def definitions_of(product: Product) -> dg.Definitions:
    """Return a checked product as Dagster definitions: its assets and checks, jobs, schedules and sensors."""
    job = dg.define_asset_job(
        f"{product.name}_job",
        selection=dg.AssetSelection.assets(*data_asset_keys(product)),
        description=f"Bring {product.name} from landing files to admitted gold, a partition or a range at a time.",
        executor_def=dg.in_process_executor,  # one step: a process of its own would only import everything again
    )
    upkeep, answers = maintenance_job(product), [response_job(product)] if product.monitors else []
    data = dg.Definitions(
        assets=[build_assets(product)],
        jobs=[job, upkeep, *answers, *decision_jobs(product)],
        schedules=[partition_schedule(product, job), maintenance_schedule(product, upkeep)],
        sensors=[landed_sensor(product, job), incidents_sensor(product), *(drift_sensor(product, each) for each in answers)],
        resources={"readiness": READINESS},
    )
    return dg.Definitions.merge(data, _model_definitions(product, product.model)) if product.model is not None else data


def _model_definitions(product: Product, spec: ModelSpec) -> dg.Definitions:
    """Return what makes, judges and promotes the product's model, beside its data and never in one job with it."""
    retrain, promotion = retrain_job(product), promotion_job(product)
    return dg.Definitions(
        assets=[build_model(product, spec)],
        jobs=[retrain, promotion, review_job(product), roll_back_job(product)],
        schedules=list(retrain_schedule(product, spec, retrain)),
        sensors=[loop_sensor(product, retrain, promotion)],
        resources={"readiness": READINESS},
    )
