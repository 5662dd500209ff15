"""What `benchmarks/drift.py` measures of NannyML and Evidently: run by the Python of their own environment.

    <environment>/bin/python benchmarks/drift_peers.py (nannyml | evidently) FOLDER

Prints the same JSON line as drift_work.py; reading the two files is a part of the work. Imports nothing of ours: they need
an older pandas.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from pathlib import Path

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"  # it would post what it does
os.environ["DO_NOT_TRACK"] = "1"


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    warnings.simplefilter("ignore")
    cpu = time.process_time()
    import pandas  # noqa: F401

    if name == "nannyml":
        import nannyml as peer
    else:
        import evidently as peer
        import evidently.presets
    imports = time.process_time() - cpu
    cpu, begun = time.process_time(), time.monotonic()
    said = f"{peer.__version__}: {(_nannyml if name == 'nannyml' else _evidently)(folder)}"
    lines = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1000
    found = {"cpu": time.process_time() - cpu, "wall": time.monotonic() - begun, "imports": imports, "peak": peak, "said": said}
    sys.stdout.write("\n" + json.dumps(found))


def _nannyml(folder: Path) -> str:
    import nannyml
    import pandas as pd

    reference, window = (pd.read_parquet(folder / f"{side}.parquet") for side in ("reference", "window"))
    found = nannyml.UnivariateDriftCalculator(
        column_names=list(reference.columns),
        continuous_methods=["kolmogorov_smirnov", "jensen_shannon", "wasserstein"],
        categorical_methods=["chi2", "jensen_shannon"],
        chunk_number=10,
    )
    result = found.fit(reference).calculate(window).to_df()
    alarms = [column for column in result.columns if column[-1] == "alert"]
    return f"{len({column[0] for column in alarms if result[column][-10:].any()})} of {len(reference.columns)} columns alert"


def _evidently(folder: Path) -> str:
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    reference, window = (pd.read_parquet(folder / f"{side}.parquet") for side in ("reference", "window"))
    texts = [column for column in reference.columns if column.startswith("category")]
    numbers = [column for column in reference.columns if column not in texts]
    said = DataDefinition(numerical_columns=numbers, categorical_columns=texts)
    sides = [Dataset.from_pandas(each, data_definition=said) for each in (window, reference)]
    found = Report([DataDriftPreset(num_method="ks", cat_method="chisquare")]).run(*sides).dict()
    drifted = next(m["value"] for m in found["metrics"] if isinstance(m["value"], dict) and "count" in m["value"])
    return f"{drifted['count']:.0f} of {len(reference.columns)} columns drifted"


if __name__ == "__main__":
    main()
