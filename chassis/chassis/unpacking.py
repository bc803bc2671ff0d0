"""How large a batch may become when it is unpacked: the broker weighs it as it was sent, memory as it is read."""

import sys
from collections.abc import Callable
from gzip import GzipFile
from io import BytesIO
from types import ModuleType

import cramjam
from aiokafka.record.default_records import DefaultRecordBatch

LARGEST = 1 << 24
"""Bytes of an unpacked batch."""
TIMES = 64
"""And by how much it may be larger than it was sent. Four thousand withdrawals and nothing else become twenty times
as large; one letter, written a million times, a thousand times and more."""


class TooLarge(Exception):
    """A batch that would be unpacked to more than that."""


def bound() -> None:
    """Have every consumer of this process raise where a batch becomes larger. Snappy makes nothing small enough."""
    reads = sys.modules[DefaultRecordBatch.__module__]
    decoders = {"gzip_decode": _gzip, "lz4_decode": _by(cramjam.lz4), "zstd_decode": _by(cramjam.zstd)}
    for name, decode in decoders.items():
        assert hasattr(reads, name), "aiokafka unpacks elsewhere"
        setattr(reads, name, decode)


def _most(packed: bytes) -> int:
    return min(LARGEST, TIMES * len(packed))


def _gzip(packed: bytes) -> bytes:
    most = _most(packed)
    with GzipFile(fileobj=BytesIO(packed)) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise TooLarge
    return found


def _by(codec: ModuleType) -> Callable[[bytes], bytes]:
    def decode(packed: bytes) -> bytes:
        room = bytearray(_most(packed))
        try:
            size = codec.decompress_into(packed, room)
        except cramjam.DecompressionError as error:
            # Or it is none of this codec: the library says the same of both.
            raise TooLarge from error
        return bytes(memoryview(room)[:size])

    return decode
