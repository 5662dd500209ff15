"""The Dagster edge: a declared product as assets, checks, a job and a schedule."""

from readiness_pipelines.product.component import DataProduct, definitions_of

__all__ = ["DataProduct", "definitions_of"]
