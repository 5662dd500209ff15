"""The bytes of an archived file, decompressed as its delivered name says (.gz, .zst), in a stream."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import pyarrow as pa

from readiness_pipelines.sources.reader import FileProblem

COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
_BUFFER = 1 << 18
_SMALL = 1 << 13  # of a damaged file the last piece is lost


@contextmanager
def unpacked(path: Path, *, name: str, so_far: Callable[[], int]) -> Iterator[IO[bytes]]:
    """Open `path` for reading. `so_far` says how many records were read, for the message of a FileProblem.

    Raises FileProblem, also from within the block, where the bytes end too early, go on after their end, or are damaged.
    """
    codec = next((codec for suffix, codec in COMPRESSED.items() if name.lower().endswith(suffix)), None)
    try:
        with _open(path, codec) as stream:
            yield stream
    except (EOFError, zlib.error, OSError) as error:
        if codec is None or (isinstance(error, OSError) and error.errno is not None):
            raise  # a disk's failure, and not what the file holds
        why = "it ends too early" if isinstance(error, EOFError) else str(error).splitlines()[0][:80]
        raise FileProblem(
            f"cannot be decompressed after record {so_far()} ({why}), expected one whole {codec} file: deliver it again"
        ) from error


def _open(path: Path, codec: str | None) -> IO[bytes]:
    if codec == "gzip":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if codec == "zstd":
        stream = pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        return io.BufferedReader(stream, _BUFFER)
    return path.open("rb")


def readable_part(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, decompressed if they are gzip's or zstd's, as far as they can be had: also of a damaged one."""
    with path.open("rb") as file:
        head = file.read(4)
    try:
        if head.startswith(b"\x1f\x8b"):
            with gzip.open(path, "rb") as packed:
                yield from iter(lambda: packed.read1(_SMALL), b"")
        elif head == b"\x28\xb5\x2f\xfd":
            with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
                yield from iter(lambda: stream.read(_SMALL), b"")
        else:
            with path.open("rb") as file:
                yield from iter(lambda: file.read(_BUFFER), b"")
    except (EOFError, zlib.error, OSError):
        return  # what comes after this nobody can read
