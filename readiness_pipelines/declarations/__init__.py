"""A product as it is declared: defs.yaml, contract, SQL models and suites, read once, checked as a whole, then frozen."""

from readiness_pipelines.declarations.load import Gold, Product, Silver, TableDeclaration, load_product
from readiness_pipelines.declarations.product import ProductDeclaration

__all__ = ["Gold", "Product", "ProductDeclaration", "Silver", "TableDeclaration", "load_product"]
