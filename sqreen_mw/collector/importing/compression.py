"""Decompress a file by its first bytes: gzip and Zstandard."""

import gzip
import io
import sys
from importlib import import_module
from typing import Final

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_MODULE: Final = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"


def decompressed(file: io.BufferedReader) -> io.BufferedReader:
    """Return a stream of the plain bytes of a file. A plain file is returned as it is."""
    magic = file.peek(4)[:4]
    if magic.startswith(_GZIP):
        return io.BufferedReader(gzip.GzipFile(fileobj=file))
    if magic == _ZSTD:
        opened: io.RawIOBase = import_module(_MODULE).ZstdFile(file)
        return io.BufferedReader(opened)
    return file


def decompression_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions of a damaged or shortened file."""
    return (EOFError, OSError, import_module("zlib").error, import_module(_MODULE).ZstdError)
