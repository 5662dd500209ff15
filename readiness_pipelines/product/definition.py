"""What Dagster is told of a table before any run: description, columns and their lineage, and where its files lie."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import dagster as dg

from readiness_pipelines.declarations import SCORED, Gold, Product, Silver, TableDeclaration
from readiness_pipelines.declarations.suites import suite_folder
from readiness_pipelines.gates import Rule
from readiness_pipelines.lineage import Box, column_lineage, lineage_picture
from readiness_pipelines.product.summary import image


def describe(product: Product, table: TableDeclaration) -> str:
    """Return the table's description, its model's SQL included."""
    text = table.table.description
    if isinstance(table, Silver | Gold):
        text += f"\n\n```sql\n{table.sql.strip()}\n```"
    return text


def describe_rule(rule: Rule) -> str:
    arguments = ", ".join(f"{name}={value!r}" for name, value in rule.kwargs.items())
    if rule.elsewhere is not None:
        arguments += f", from {rule.elsewhere}"
    text = f"`{rule.expectation}`({arguments}); {rule.severity}, on failure: {rule.on_fail}"
    return text if len(text) < 500 else f"{text[:500]} ..."


def owners_of(product: Product) -> list[str]:
    owner = product.contract.owner
    return [owner] if "@" in owner or owner.startswith("team:") else [f"team:{owner}"]


def static_metadata(product: Product, table: TableDeclaration) -> Mapping[str, Any]:
    """Return what is known of the table without looking at data: columns, their meaning and lineage, contract."""
    return {
        **shape(product, table),
        **_lineage_picture(product, table),
        "dagster/code_references": dg.CodeReferencesMetadataValue(code_references=_files(product, table)),
        **({"readiness/kpi": product.declaration.kpi.column} if table.name == product.declaration.kpi.table else {}),
        "readiness/contract": f"{product.contract.name} {product.contract.version}",
        "readiness/steward": product.contract.steward,
        "readiness/suite": table.suite.name,
    }


def _files(product: Product, table: TableDeclaration) -> list[dg.LocalFileCodeReference | dg.UrlCodeReference]:
    """Return the files that a reader of the table's page may want to open."""
    suites = suite_folder(product.folder, product.name, product.declaration.suites)
    files = {
        "SQL": table.sql_path if isinstance(table, Silver | Gold) else None,
        "suite": suites / f"{table.layer}_{table.name}.yaml" if suites else None,
        "contract": product.contract.path,  # defs.yaml is added by Dagster
    }
    return [dg.LocalFileCodeReference(file_path=str(path.absolute()), label=label) for label, path in files.items() if path]


@lru_cache(maxsize=256)
def _shape_of(product_name: str, full_name: str, columns: tuple[Any, ...], lineage: tuple[Any, ...]) -> Mapping[str, Any]:
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=c.name,
                type=c.type,
                description=c.description,
                constraints=dg.TableColumnConstraints(nullable=not c.required),
                tags={"classification": c.classification},
            )
            for c in columns
        ]
    )
    deps = {
        column: [dg.TableColumnDep(asset_key=dg.AssetKey(list(key)), column_name=source) for key, source in sources]
        for column, sources in lineage
    }
    shape: dict[str, Any] = {"dagster/column_schema": schema, "dagster/table_name": full_name}
    if deps:
        shape["dagster/column_lineage"] = dg.TableColumnLineage(deps_by_column=deps)
    return shape


def shape(product: Product, table: TableDeclaration) -> Mapping[str, Any]:
    """Return the table's columns and their lineage, under Dagster's own keys."""
    return _shape_of(product.name, table.full_name, table.table.columns, _lineage(product, table))


def _lineage_picture(product: Product, table: TableDeclaration) -> Mapping[str, Any]:
    """Return the picture, for the definition alone: the UI shows no column lineage of its own."""
    edges = [(key[-1], source, column) for column, sources in _lineage(product, table) for key, source in sources]
    if not edges:
        return {}
    upstream = [_box(product.by_name[name]) for name in table.upstream if name in {edge[0] for edge in edges}]
    svg = lineage_picture(_box(table), upstream, edges)
    return {"readiness/lineage": dg.MetadataValue.md(image(svg, f"where each column of {table.name} comes from"))}


def _box(table: TableDeclaration) -> Box:
    return Box(table.name, table.layer, tuple((c.name, c.classification) for c in table.table.columns))


def _lineage(product: Product, table: TableDeclaration) -> tuple[Any, ...]:
    if not isinstance(table, Silver | Gold):
        return ()
    inputs = {name: ("row_id", "partition_key", *(c.name for c in product.by_name[name].table.columns)) for name in table.upstream}
    declared = {c.name for c in table.table.columns}
    stand_for = _scored(product, table)
    seen = {name: (*columns, *(c for t, c in stand_for if t == name)) for name, columns in inputs.items()}
    traced = _trace(table.sql, tuple(sorted(seen.items())))
    return tuple(
        (
            column,
            tuple(
                ((product.name, product.by_name[t].layer, t), source) for t, source in _columns(sources, stand_for) if t in inputs
            ),
        )
        for column, sources in traced
        if column in declared
    )


def _scored(product: Product, table: TableDeclaration) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return what a score stands for, by (table, column): the features that it is computed from. No table has it as a column."""
    spec = product.model
    if spec is None or not isinstance(table, Gold) or not table.is_scored:
        return {}
    features = tuple(feature.name for feature in spec.features)
    come_from = {"score": features, "prediction": features, "model_version": (), "input_version": ("partition_key",)}
    return {(spec.scored.name, column): come_from[column] for column in SCORED}


def _columns(sources: Sequence[tuple[str, str]], stand_for: Mapping[tuple[str, str], tuple[str, ...]]) -> list[tuple[str, str]]:
    """Return (table, column) of the columns that these stand for, sorted."""
    return sorted({(t, source) for t, column in sources for source in stand_for.get((t, column), (column,))})


@lru_cache(maxsize=64)
def _trace(sql: str, inputs: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    return tuple(column_lineage(sql, dict(inputs)).items())
