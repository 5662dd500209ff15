"""Errors, by what the operator does next. Bad data is never one of these: it is a verdict.

ReadinessError
├── DeclarationError      fix the YAML or SQL: `path:line: where: found, expected`
├── NotAdmitted           wait for, correct or waive the partition upstream that is named
├── NotApproved           approve the evidence that is named, or wait for whoever does: `readiness review`
├── AnotherChampion       look again at who is champion, and ask again if it is still to be gone back from
├── Refused               nothing to mend: train again when there are the rows, labels or features that the message asks for
├── NotTheArtifact        stop: put the model's file back from its backup, roll back, or train again
├── PublishConflict       run the partition again: another run published it meanwhile
├── VersionNotFound       ask for a version that exists: `readiness status`
│   └── VersionExpired    the same: it existed, and its files are not kept any more
├── ModelFailed           mend the SQL that is named: it cannot be computed for some row
├── StorageFailed         free the disk, or see that it can be written, and run the partition again
├── ServiceUnreachable    see that the database or store that is named runs, then do it again
├── CatalogBehindLedger   stop: the catalog is missing or older than the ledger says: `readiness doctor`
├── LedgerBehindCatalog   stop: the ledger is blank and the catalog is not: put the ledger back from its backup
├── BrokenInvariant       a bug of ours: nothing was published, report it
├── SourceUnreadable      (sources) make the landed file readable, or wait until it is complete
└── NotTheUciFile         (samples) give the file that the replay is for
"""

from __future__ import annotations


class ReadinessError(Exception):
    """Base of all errors raised on purpose. The message says what was found, what was expected, where, and what next."""


class DeclarationError(ReadinessError):
    """A declaration cannot be used as written. `problems` holds one `path:line: where: found, expected` each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class NotAdmitted(ReadinessError):
    """A partition that this step must read has no admitted version, or its newest candidate is held."""


class NotApproved(ReadinessError):
    """A model must not be promoted: no decision about its evidence lets it through. The message says what is missing."""


class AnotherChampion(ReadinessError):
    """The champion is another by now than the one that is to be gone back from; nothing was promoted."""


class Refused(ReadinessError):
    """No model can be trained on this training set: too few rows or positives, one class, a leak. The message says which."""


class NotTheArtifact(ReadinessError):
    """The file of a model is missing, not what was recorded and approved (it was not opened), or cannot be read any more."""


class PublishConflict(ReadinessError):
    """The partition moved on `main` after this candidate was computed; nothing was published."""


class VersionNotFound(ReadinessError):
    """The version that was asked for is not kept, or never existed."""


class VersionExpired(VersionNotFound):
    """The version was superseded long enough ago, nothing pinned it, and its files are not kept any more."""


class ModelFailed(ReadinessError):
    """A model's SQL cannot be computed for some row; nothing was published. The row is not told: it may be classified."""


class StorageFailed(ReadinessError):
    """A disk, a file system or memory failed under a step; nothing was published."""


class ServiceUnreachable(ReadinessError):
    """The `service` (ledger, catalog, warehouse) cannot be reached or used now. What was not committed is not there.

    `is_locked`: it can be reached, and somebody else has held it for longer than we wait.
    """

    def __init__(self, message: str, *, service: str, is_locked: bool = False) -> None:
        super().__init__(message)
        self.service, self.is_locked = service, is_locked


class CatalogBehindLedger(ReadinessError):
    """The catalog does not hold what the ledger knows was published: it is missing, or an older copy."""


class LedgerBehindCatalog(ReadinessError):
    """The catalog holds what the ledger knows nothing of: the ledger is missing, or an older copy."""


class BrokenInvariant(ReadinessError):
    """Something that must hold by construction does not. Nothing was published."""
