"""What breaks under a step, told in one line: what broke, of which partition, and what to do. Never a row's value."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from readiness_pipelines.errors import ModelFailed, StorageFailed

_COMPUTED = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)
# What DuckDB says of a file's bytes, in errors of several classes.
_HARMED = ("no magic bytes found", "too small to be a parquet file", "failed to read file", "tprotocolexception")
_MOST = 300  # characters of what the tool itself said
_FULL = ("no space left", "disk is full", "disk quota", "file too large")


@contextmanager
def told(place: str, *, sql: str | None, left: str = "nothing was published") -> Iterator[None]:
    """Run a step; a disk, a file system, or memory that fails under it becomes StorageFailed, which names `place`, and says in
    what state things were `left`.

    `sql` (the file's name, None where the step has none) that cannot be computed for some row becomes ModelFailed: what the
    engine says of it quotes the row. Errors raised on purpose pass (a database that fails is one of them), and so does what
    no operator can mend.
    """
    try:
        yield
    except (OSError, duckdb.Error, pa.ArrowException) as error:
        next_step = _next_step(error)
        if next_step is not None:
            raise StorageFailed(f"{place}: {_said(error)}; {left}: {next_step}") from error
        if sql is None or not isinstance(error, _COMPUTED):
            raise
        raise ModelFailed(
            f"{place}: {sql} (or a drop_where beside it) cannot be computed for some row ({type(error).__name__}); nothing was "
            "published: write TRY_CAST where a cast can fail, and CASE where a row can be out of range, and run it again"
        ) from None


def _next_step(error: Exception) -> str | None:
    """Return what an operator does about it, or None if it is no failure of disk, file system or memory."""
    said = str(error).lower()
    if isinstance(error, duckdb.Error) and any(words in said for words in _HARMED):
        return "`readiness doctor` names the files that are harmed"
    if isinstance(error, duckdb.OutOfMemoryException):
        return "raise READINESS_MEMORY, or free disk below the state folder, where larger work is laid down, and run it again"
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or any(word in said for word in _FULL):
        return "free disk space, and run it again"
    if isinstance(error, pa.ArrowException) and "parquet" not in said and "file" not in said:
        return None
    if isinstance(error, duckdb.Error) and not isinstance(error, duckdb.IOException):
        return None
    return "see that it can be read and written, and run it again"


def _said(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:_MOST]
