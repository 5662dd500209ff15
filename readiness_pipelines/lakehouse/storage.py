"""The warehouse's files: the one place that opens, measures, lists and deletes them.

A file is named by its absolute path, or by `s3://bucket/key`. Reading what is not there raises FileNotFoundError, also on
S3, where a file appears whole or not at all: when the last byte of its upload has arrived.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs
import pyarrow.parquet as pq

from readiness_pipelines.errors import ReadinessError, ServiceUnreachable
from readiness_pipelines.settings import Settings

_S3 = "s3://"


@dataclass(frozen=True)
class Listed:
    """One file of a listing: how it is named here, its size, and when it was last written (UTC)."""

    path: str
    bytes: int
    changed_at: datetime.datetime


@dataclass(frozen=True)
class Storage:
    """The files of one warehouse."""

    warehouse: str
    s3_endpoint: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Storage:
        """Return the storage of these settings. Raises ReadinessError for a warehouse that is neither folder nor S3."""
        found = settings.warehouse
        if "://" in found and not found.startswith(_S3):
            raise ReadinessError(f"READINESS_WAREHOUSE is {found!r}, expected a folder, or s3://bucket/prefix")
        return cls(found, settings.s3_endpoint)

    @property
    def is_local(self) -> bool:
        return not self.warehouse.startswith(_S3)

    @property
    def s3(self) -> pafs.S3FileSystem:
        """The S3 client; keys and region are found as AWS's own tools find them."""
        return _s3(self.s3_endpoint, os.getpid())

    @property
    def catalog_properties(self) -> dict[str, str]:
        """Return what PyIceberg must be told to reach the same files: never a key, which it finds by itself."""
        if self.is_local:
            return {}
        endpoint = {"s3.endpoint": self.s3_endpoint} if self.s3_endpoint else {}
        return {"s3.region": self.s3.region, **endpoint}

    def make_ready(self) -> None:
        """Make the warehouse's folder, or see that its bucket is there. Raises ServiceUnreachable if it is not."""
        if self.is_local:
            self.make_folder(self.warehouse)
            return
        try:
            bucket = self.s3.get_file_info(_key(self.warehouse).split("/")[0])
        except OSError as error:
            raise self._unreachable(str(error).split("\n")[0]) from None
        if bucket.type is pafs.FileType.NotFound:
            raise self._unreachable("there is no such bucket")

    def _unreachable(self, why: str) -> ServiceUnreachable:
        return ServiceUnreachable(
            f"warehouse unreachable at {self.warehouse}: {why[:300]}; see that it is there and the AWS_* variables are right",
            service="warehouse",
        )

    def make_folder(self, path: str) -> None:
        """Make the folder of files to come, where folders exist."""
        if self.is_local:
            Path(path).mkdir(parents=True, exist_ok=True)

    def size(self, path: str) -> int | None:
        """Return the file's size in bytes, or None if there is no such file (a folder is none)."""
        if self.is_local:
            return Path(path).stat().st_size if Path(path).is_file() else None
        found = self.s3.get_file_info(_key(path))
        return int(found.size) if found.type is pafs.FileType.File else None

    def sha256(self, path: str) -> str:
        """Return the sha256 of the file's bytes, as hex. Raises FileNotFoundError."""
        with self.open(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def open(self, path: str) -> Any:
        """Return the file, open for reading bytes; it is a context manager. Raises FileNotFoundError."""
        return Path(path).open("rb") if self.is_local else self.s3.open_input_file(_key(path))

    def footer(self, path: str) -> pq.FileMetaData:
        """Return the Parquet file's metadata. Raises FileNotFoundError, and pyarrow's ArrowInvalid if it is not whole."""
        return pq.read_metadata(path) if self.is_local else pq.read_metadata(_key(path), filesystem=self.s3)

    def delete(self, path: str) -> None:
        """Delete the file, and its folder if nothing else is in it; what is not there is no error."""
        if not self.is_local:
            with suppress(FileNotFoundError):
                self.s3.delete_file(_key(path))
                self._delete_marker(os.path.dirname(_key(path)))
            return
        Path(path).unlink(missing_ok=True)
        with suppress(OSError):
            Path(path).parent.rmdir()

    def holds(self, path: str) -> bool:
        """Return whether a file of this name, as `real_path` gives it, lies in the warehouse, be it there or not."""
        return path.startswith(f"{real_path(self.warehouse)}/")

    def _delete_marker(self, folder: str) -> None:
        """Delete the empty object `folder/` that pyarrow leaves where a deleted file was the last of its folder.

        Whoever deletes the last file of an attempt's folder is the last to use it: nothing is being written there. Its
        partition's folder is another matter, so one such object stays where a partition has no file at all.
        """
        if not self.s3.get_file_info(pafs.FileSelector(folder, allow_not_found=True)):
            self.s3.delete_dir(folder)

    def listed(self, folder: str) -> Iterator[Listed]:
        """Yield every file below the folder, at any depth, in no promised order; none if there is no such folder.

        A file that goes away meanwhile is left out.
        """
        if self.is_local:
            yield from _listed_locally(folder)
            return
        selector = pafs.FileSelector(_key(folder), recursive=True, allow_not_found=True)
        for info in self.s3.get_file_info(selector):
            if info.type is pafs.FileType.File:
                yield Listed(_S3 + info.path, int(info.size), info.mtime.astimezone(datetime.UTC))


def real_path(path: str) -> str:
    """Return the name by which a file is compared: its folder's links are followed, as ledgers may know it by another way."""
    if "://" in path:
        return path
    folder, name = os.path.split(path)
    return os.path.join(os.path.realpath(folder), name)


def _listed_locally(folder: str) -> Iterator[Listed]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with suppress(FileNotFoundError):
                found = os.stat(path)
                yield Listed(path, found.st_size, datetime.datetime.fromtimestamp(found.st_mtime, datetime.UTC))


def _key(uri: str) -> str:
    return uri.removeprefix(_S3)


@functools.lru_cache(maxsize=4)
def _s3(endpoint: str | None, _process: int) -> pafs.S3FileSystem:  # a forked process must not use its parent's threads
    return pafs.S3FileSystem(endpoint_override=endpoint)
