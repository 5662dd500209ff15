"""What can be wrong under `model:` although each of its words is allowed."""

from __future__ import annotations

from readiness_pipelines.declarations.shape import Shape


def model_table(shape: Shape) -> str:
    """Return the leaf name that `model.table` says, also where another word of the model is wrong; '' for none."""
    raw = shape.attribute("model")
    name = raw.get("table") if isinstance(raw, dict) else None
    return name if isinstance(name, str) else ""
