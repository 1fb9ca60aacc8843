"""Three programs that run an int8 encoder: the board's own on the host, TensorFlow Lite's reference kernels, and
TensorFlow Lite Micro.

Imports tfodcl, which sets TensorFlow's environment, before any test module can import TensorFlow.
"""

import subprocess
import warnings
from collections.abc import Callable

import numpy as np
import pytest

from tfodcl import plan


@pytest.fixture
def encode(micro_tests, tmp_path) -> Callable[[bytes, np.ndarray], np.ndarray]:
    """Runs samples (n, *input shape) int8 through the builtin encoder: (n, latent_dim) int8."""

    def encode_samples(tflite: bytes, samples: np.ndarray) -> np.ndarray:
        contents = {"tflite": tflite, "plan": plan.build(tflite), "samples": samples.tobytes()}
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
        files = [tmp_path / name for name in (*contents, "latents")]
        result = subprocess.run([micro_tests / "tests" / "run_encoder", *files], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return np.frombuffer(files[-1].read_bytes(), np.int8).reshape(len(samples), -1)

    return encode_samples


def _run_reference(tflite: bytes, samples: np.ndarray) -> np.ndarray:
    import tensorflow as tf

    # TensorFlow's: LiteRT 2.3 under that name rounds FULLY_CONNECTED once, so that one output in 2,000 is another.
    kernels = tf.lite.experimental.OpResolverType.BUILTIN_REF
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated", UserWarning)
        interpreter = tf.lite.Interpreter(model_content=tflite, experimental_op_resolver_type=kernels, num_threads=1)
    interpreter.allocate_tensors()
    source, sink = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]
    outputs = []
    for sample in samples:
        interpreter.set_tensor(source, sample[None])
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(sink).reshape(-1))
    return np.array(outputs)


def _run_micro(tflite: bytes, samples: np.ndarray) -> np.ndarray:
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(tflite)
    outputs = []
    for sample in samples:
        interpreter.set_input(sample[None], 0)  # before every call: its memory is reused
        interpreter.invoke()
        outputs.append(interpreter.get_output(0).reshape(-1))
    return np.array(outputs)


ORACLES = {"BUILTIN_REF": _run_reference, "tflite-micro": _run_micro}


@pytest.fixture(params=ORACLES)
def oracle(request) -> Callable[[bytes, np.ndarray], np.ndarray]:
    """Runs samples through another implementation, like `encode`."""
    return ORACLES[request.param]
