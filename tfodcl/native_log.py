"""Hides what TensorFlow's and LiteRT's C++ code prints on stderr in every normal run.

TF_CPP_MIN_LOG_LEVEL does not reach these lines: some are written while the libraries load, some straight to the
stream. All else, errors above all, still comes through, when the block ends.
"""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

_NORMAL = re.compile(
    rb"[IW]\d{4} \d\d:\d\d:\d\d"  # absl's information and warnings
    rb"|WARNING: All log messages before absl::InitializeLog"
    rb"|E\d{4} .* Unable to register cu\w+ factory"  # two copies of CUDA's registration in one TensorFlow
    rb"|fully_quantize: "
    rb"|INFO: Created TensorFlow Lite XNNPACK delegate"
)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Holds the process's stderr back during the block, and then passes on what is not known to be normal."""
    sys.stderr.flush()
    stream = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stream, 2)
            os.close(stream)
            held.seek(0)
            for line in held:
                if not _NORMAL.match(line):
                    os.write(2, line)
