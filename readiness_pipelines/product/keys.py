"""The asset keys of a product."""

import dagster as dg

from readiness_pipelines.declarations import Product, TableDeclaration


def asset_key(table: TableDeclaration) -> dg.AssetKey:
    return dg.AssetKey([table.product, table.layer, table.name])


def quarantine_key(table: TableDeclaration) -> dg.AssetKey:
    return dg.AssetKey([table.product, table.layer, f"{table.name}_quarantine"])


def drift_key(product: Product) -> dg.AssetKey:
    return dg.AssetKey([product.name, "drift", f"{product.name}_drift"])


def training_set_key(product: Product) -> dg.AssetKey:
    return dg.AssetKey([product.name, "model", f"{product.name}_training_set"])


def challenger_key(product: Product) -> dg.AssetKey:
    return dg.AssetKey([product.name, "model", f"{product.name}_challenger"])


def champion_key(product: Product) -> dg.AssetKey:
    return dg.AssetKey([product.name, "model", f"{product.name}_champion"])


def data_asset_keys(product: Product) -> list[dg.AssetKey]:
    """Return the keys of the product's tables and quarantines, of its drift if it is watched, and nothing else."""
    tables = [key for table in product.tables for key in (asset_key(table), quarantine_key(table))]
    return [*tables, drift_key(product)] if product.monitors else tables


def model_asset_keys(product: Product) -> list[dg.AssetKey]:
    """Return the keys of what a retrain makes, none for a product without a model. No data job, and no group of it, has them."""
    return [training_set_key(product), challenger_key(product), champion_key(product)] if product.model is not None else []
