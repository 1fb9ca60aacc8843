"""Frames against the worked example of micro/SPEC.md 7.1 and against damage."""

import pytest

from tfodcl.device.frame import CorruptFrame, Reply, decode_reply, encode_request

ADD_CLASS = 0x20
SENT = bytes.fromhex("04 01 20 02 07 6b 61 2b 76 ea ad 00")
RECEIVED = bytes.fromhex("04 01 a0 02 01 01 01 01 02 03 01 01 05 9b 4f 4d 07 00")


def test_the_worked_example_of_the_specification():
    assert encode_request(ADD_CLASS, 2, b"ka") == SENT
    assert decode_reply(RECEIVED[:-1]) == Reply(ADD_CLASS, 2, 0, True, bytes.fromhex("00 00 03 00 00 00"))


def test_every_flipped_bit_and_every_truncation_is_found():
    sound = RECEIVED[:-1]
    for i in range(len(sound)):
        with pytest.raises(CorruptFrame):
            decode_reply(sound[:i])
        for bit in range(8):
            damaged = sound[:i] + bytes([sound[i] ^ 1 << bit]) + sound[i + 1 :]
            with pytest.raises(CorruptFrame):
                decode_reply(damaged)


def test_a_request_is_no_reply():
    with pytest.raises(CorruptFrame):
        decode_reply(SENT[:-1])
