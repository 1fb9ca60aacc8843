"""Known chatter of the C++ libraries is dropped; everything else on stderr comes through, whole and in order."""

import os

import pytest

from tfodcl import native_log

CHATTER = [
    b"W0000 00:00:1795246303.642263   27863 computation_placer.cc:177] computation placer already registered.\n",
    b"E0000 00:00:1795246303.623855   27863 cuda_dnn.cc:8579] Unable to register cuDNN factory: Attempting to\n",
    b"fully_quantize: 0, inference_type: 6, input_inference_type: INT8, output_inference_type: INT8\n",
    b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n",
]
ERRORS = [
    b"E0000 00:00:1795246303.623855   27863 memory.cc:1] out of memory\n",
    b"loc: error: 'tf.X' op is neither a custom op\n",
]


def test_errors_come_through_and_chatter_does_not(capfd):
    with native_log.quiet():
        for line in [CHATTER[0], ERRORS[0], *CHATTER[1:], ERRORS[1]]:
            os.write(2, line)
        assert capfd.readouterr().err == ""
    os.write(2, b"after\n")

    assert capfd.readouterr().err.encode() == b"".join(ERRORS) + b"after\n"


def test_an_exception_passes_and_what_was_written_before_it_is_shown(capfd):
    with pytest.raises(RuntimeError, match="broken"), native_log.quiet():
        os.write(2, b"a reason\n")
        raise RuntimeError("broken")
    os.write(2, b"after\n")

    assert capfd.readouterr().err == "a reason\nafter\n"
