"""All that Dagster loads. It assembles, and decides nothing."""

from pathlib import Path

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """Return every product under `defs/`, run in one process unless a run says otherwise (imports cost ~5 s a process)."""
    products = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
    return dg.Definitions.merge(products, dg.Definitions(executor=dg.in_process_executor))
