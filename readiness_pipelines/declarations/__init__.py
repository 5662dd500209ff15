"""A product as it is declared: defs.yaml, contract, SQL models and suites, read once, checked as a whole, then frozen.

`load` is where it begins: `shape` reads defs.yaml, `matching` finds each table in the contract, `feeds`, `upstream`,
`sql_models`, `suites`, `drift_problems` and `model_problems` check one kind of declaration each, `tables`, `monitors` and
`model_spec` hold what comes out, together a `Product`; `words` says which keys there are.
"""

from readiness_pipelines.declarations.load import load_product
from readiness_pipelines.declarations.model_spec import Feature, ModelSpec
from readiness_pipelines.declarations.monitors import Monitor, Watched
from readiness_pipelines.declarations.product import Product
from readiness_pipelines.declarations.sql_models import SCORED
from readiness_pipelines.declarations.tables import Bronze, Gold, Silver, TableDeclaration
from readiness_pipelines.declarations.words import ProductDeclaration

__all__ = [
    "SCORED",
    "Bronze",
    "Feature",
    "Gold",
    "ModelSpec",
    "Monitor",
    "Product",
    "ProductDeclaration",
    "Silver",
    "TableDeclaration",
    "Watched",
    "load_product",
]
