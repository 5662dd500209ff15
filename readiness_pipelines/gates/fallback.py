"""Rules that are judged by Great Expectations itself, on pandas, over the whole table.

The only module that imports it, and only when such a rule is judged: it costs some seconds and 280 MB.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from readiness_pipelines.gates.suite import Rule

if TYPE_CHECKING:
    import pandas


def judge(frame: pandas.DataFrame, rules: Sequence[Rule]) -> dict[str, dict[str, Any]]:
    """Return Great Expectations' own result of each rule, by the rule's name: success, result, exception_info.

    `unexpected_index_list` holds row positions of `frame`. A rule that it cannot judge has `raised_exception` true in
    its exception_info, and no other rule suffers.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # it would tell its makers of every use
    frame = frame.reset_index(drop=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from great_expectations.core import suite_parameters
        from great_expectations.core.batch import Batch
        from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
        from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
        from great_expectations.validator.validator import Validator

        evaluate = suite_parameters.build_suite_parameters
        found = {}
        for rule in rules:
            validator = Validator(execution_engine=PandasExecutionEngine(), batches=[Batch(data=frame)])  # type: ignore[arg-type]
            validator.metrics_calculator.show_progress_bars = False
            runtime = {"catch_exceptions": True, "result_format": {"result_format": "COMPLETE"}}
            try:
                config = ExpectationConfiguration(type=rule.expectation, kwargs=_evaluated(rule.kwargs, evaluate))
                found[rule.name] = _plain(validator.graph_validate(configurations=[config], runtime_configuration=runtime)[0])
            except Exception as error:  # noqa: BLE001 - a judge that stumbles, over whatever, has not judged
                found[rule.name] = _raised(error)
    return found


def _evaluated(kwargs: Mapping[str, Any], evaluate: Callable[..., Any]) -> dict[str, Any]:
    """Return the arguments with their suite parameters evaluated; one that needs a value from elsewhere stays."""
    return dict(evaluate(dict(kwargs), {}, True, None)[0])


def _raised(error: Exception) -> dict[str, Any]:
    info = {"raised_exception": True, "exception_message": str(error), "exception_traceback": f"{type(error).__name__}: {error}"}
    return {"success": False, "result": {}, "exception_info": info}


def _plain(result: Any) -> dict[str, Any]:
    info = result.exception_info or {}
    errors = [e for e in (info.values() if "raised_exception" not in info else [info]) if isinstance(e, dict)]
    first = next((e for e in errors if e.get("raised_exception")), None)
    raised = first or {"raised_exception": False, "exception_message": None, "exception_traceback": None}
    return {"success": bool(result.success), "result": dict(result.result or {}), "exception_info": raised}


def named(exception_info: dict[str, Any]) -> str:
    """Return the kind of error, without its message, which may hold values."""
    trace = str(exception_info.get("exception_traceback") or "").strip().splitlines()
    kind = trace[-1].split(":")[0].strip() if trace else ""
    return kind.rsplit(".", 1)[-1] if kind.replace(".", "").isidentifier() else "an error"
