"""All that Dagster loads. It assembles, and decides nothing."""

from pathlib import Path

import dagster as dg

from readiness_pipelines.product.loading import load_defs


@dg.definitions
def defs() -> dg.Definitions:
    """Return every product under `defs/`, run in one process unless a run says otherwise (imports cost ~5 s a process)."""
    here = Path(__file__).parent
    products = load_defs(here, defs_folder=here / "defs")
    return dg.Definitions.merge(products, dg.Definitions(executor=dg.in_process_executor))
