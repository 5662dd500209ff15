"""The keys of a candidate and of what comes of it: with the erasures that it was made with, and plain, without them.

Versions are told apart by the first. Decisions about versions go by the second, so that the erasure of a row, by which
no person has decided anything else, does not let them lapse.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from readiness_pipelines.declarations import Product
from readiness_pipelines.flow import GateVerdict, TableVersion
from readiness_pipelines.lakehouse import Lakehouse
from readiness_pipelines.layers.corrections import Corrections
from readiness_pipelines.layers.erasures import is_touched
from readiness_pipelines.layers.inputs import Inputs

_DETAIL = "plain"  # in the details of a verdict whose keys differ


@dataclass(frozen=True)
class Keys:
    """`candidate`: inputs, logic and rows corrected. `version`: of it and of the rules waived. Each also plain."""

    candidate: str
    version: str
    plain_candidate: str
    plain_version: str

    @classmethod
    def of(cls, corrections: Corrections, base: str, *, plain: str) -> Keys:
        """Return the keys of what is proposed from inputs and logic with the key `base`, without erasures `plain`."""
        candidate, plain_candidate = corrections.candidate_key(base), corrections.candidate_key(plain)
        return cls(
            candidate,
            corrections.version_key(candidate, plain=plain_candidate),
            plain_candidate,
            corrections.version_key(plain_candidate, plain=plain_candidate),
        )

    @classmethod
    def in_verdict(cls, verdict: GateVerdict) -> Keys:
        """Return the keys of the candidate that a verdict is about."""
        key = verdict.version_key
        candidate, plain = str(verdict.details.get("candidate", key)), verdict.details.get(_DETAIL, {})
        return cls(candidate, key, str(plain.get("candidate", candidate)), str(plain.get("version", key)))

    @property
    def details(self) -> Mapping[str, Any]:
        """What a verdict keeps of them beside its version key: nothing in the usual case."""
        found: dict[str, Any] = {} if self.candidate == self.version else {"candidate": self.candidate}
        if self.plain_candidate != self.candidate:
            found[_DETAIL] = {"candidate": self.plain_candidate, "version": self.plain_version}
        return found


def plain_identity(lake: Lakehouse, product: Product, inputs: Inputs) -> Any:
    """Return the identity of the inputs as if nobody had been erased from any of them."""
    if not is_touched(lake, product):
        return inputs.identity
    return inputs.identity_by({version: plain_key(lake, version) for version in inputs.all})


def plain_key(lake: Lakehouse, version: TableVersion) -> str:
    """Return the key that a version would have if nobody had been erased."""
    verdict = lake.ledger.verdict_of(version.table, version.partition, version.version_key)
    return Keys.in_verdict(verdict).plain_version if verdict is not None else version.version_key
