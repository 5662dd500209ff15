"""S3 as a filesystem for DuckDB, over the same client as everything else, so that no extension is fetched."""

from __future__ import annotations

import threading
from typing import Any

import pyarrow as pa
import pyarrow.fs as pafs
from fsspec.implementations.arrow import ArrowFSWrapper


class DuckFiles(ArrowFSWrapper):  # type: ignore[misc]  # fsspec ships no types
    """Files by `s3://bucket/key`, for `register_filesystem`. Several threads may read one open file."""

    def __init__(self, s3: pafs.S3FileSystem) -> None:
        super().__init__(s3)

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode == "rb":
            return ReadableTogether(self.fs.open_input_file(self._strip_protocol(path)))
        return super()._open(path, mode, **options)


class ReadableTogether:
    """An open file in which every thread reads where it has sought itself.

    DuckDB's threads share one handle, and each says `seek` and then `read`. With one position for all, one thread would
    get the bytes that another has sought: seen as broken compression under load, and not bound to be seen at all.
    """

    def __init__(self, file: pa.NativeFile) -> None:
        self._file = file
        self._sought = threading.local()
        self._next = 0  # where a read goes that follows no seek

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to an offset: from the start (0), from the next byte (1), or from the end (2)."""
        self._sought.at = offset + (0, self._next, self.size())[whence]
        return int(self._sought.at)

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes (default: all) from where this thread has sought."""
        at = self._sought.__dict__.pop("at", self._next)
        found: bytes = self._file.read_at(self.size() - at if size < 0 else size, at)
        self._next = at + len(found)
        return found

    def tell(self) -> int:
        return int(self._sought.__dict__.get("at", self._next))

    def size(self) -> int:
        return int(self._file.size())

    def close(self) -> None:
        self._file.close()
