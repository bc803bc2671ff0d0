"""What is sent packed is not unpacked without end."""

from random import Random

import pytest
from aiokafka.record import MemoryRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder

import chassis.broker  # noqa: F401 - every process that reads the stream has it
from chassis.unpacking import LARGEST, TIMES, TooLarge

CODECS = {"gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
BOUND = ["gzip", "lz4", "zstd"]
"""By snappy nothing becomes so small."""


def packed(value: bytes, codec: str) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=CODECS[codec],
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=2 * LARGEST,
    )
    builder.append(0, timestamp=0, key=b"k", value=value, headers=[])
    return bytes(builder.build())


def values_in(batch: bytes) -> list[bytes]:
    found = MemoryRecords(batch).next_batch()
    assert found
    return [record.value for record in found]


@pytest.mark.parametrize("codec", CODECS)
def test_a_batch_is_what_it_was_before_it_was_packed(codec: str) -> None:
    forms = b"".join(b'{"reference":"KA-%06d","kind":"withdraw"}' % number for number in range(4000))
    assert values_in(packed(forms, codec)) == [forms]


@pytest.mark.parametrize("codec", BOUND)
def test_one_that_becomes_far_larger_than_it_was_sent_is_refused(codec: str) -> None:
    bomb = packed(b" " * 1_000_000, codec)
    assert len(bomb) < 1_000_000 / TIMES
    with pytest.raises(TooLarge):
        values_in(bomb)


@pytest.mark.parametrize("codec", BOUND)
def test_so_is_one_that_becomes_larger_than_any_may(codec: str) -> None:
    random = Random(1)
    value = b"".join(random.randbytes(1000) * 30 for _ in range(LARGEST // 30_000 + 1))
    bomb = packed(value, codec)
    assert len(bomb) > len(value) / TIMES
    with pytest.raises(TooLarge):
        values_in(bomb)
