"""The frozen int8 encoder, run by LiteRT (TensorFlow Lite) without TensorFlow."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tfodcl import native_log
from tfodcl.errors import InputError


class TfliteEncoder:
    """x (n, h, w, c) -> int8 latents (n, latent_dim).

    Args:
      model: full-int8 .tflite, batch 1.
      reference: run LiteRT's reference kernels instead of the fast ones, whose latents differ by 1 in some elements,
        and by more behind many layers. Those of LiteRT 2.3 differ from TensorFlow 2.19's and TensorFlow Lite Micro's,
        to which the micro runtime is bit-exact, in one latent value of some 15,000.

    Raises:
      InputError: `model` is not such a model.
    """

    def __init__(self, model: bytes, reference: bool = False) -> None:
        resolver = OpResolverType.BUILTIN_REF if reference else OpResolverType.AUTO
        try:
            with native_log.quiet():
                self._interpreter = Interpreter(
                    model_content=model, experimental_op_resolver_type=resolver, num_threads=1
                )
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = str(error).rstrip(".")
            raise InputError(f"the encoder must be a .tflite model. Received: {len(model)} bytes, {reason}.") from error
        sources, sinks = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        if len(sources) != 1 or len(sinks) != 1:
            raise InputError(
                "the encoder must have one input and one output. "
                f"Received: {len(sources)} inputs, {len(sinks)} outputs."
            )
        (source,), (sink,) = sources, sinks
        if source["dtype"] != np.int8 or sink["dtype"] != np.int8:
            raise InputError(
                "the encoder must be int8 in and out. "
                f"Received: {source['dtype'].__name__} in, {sink['dtype'].__name__} out."
            )
        self._source, self._sink = source["index"], sink["index"]
        self.input_shape = tuple(int(size) for size in source["shape"][1:])
        self.input_scale, self.input_zero_point = source["quantization"]
        self.latent_scale, self.latent_zero_point = sink["quantization"]
        self.latent_dim = int(np.prod(sink["shape"][1:]))

    def quantize(self, x: np.ndarray) -> np.ndarray:
        """uint8 pixels (n, h, w, c), 255 stands for 1.0, or float32 features -> the encoder's int8 input.

        Raises InputError for samples of another shape than `input_shape`.
        """
        if x.shape[1:] != self.input_shape:
            raise InputError(f"samples must have the encoder's shape {self.input_shape}. Received: {x.shape[1:]}.")
        scale = self.input_scale * 255 if x.dtype == np.uint8 else self.input_scale
        return np.clip(np.rint(x / scale) + self.input_zero_point, -128, 127).astype(np.int8)

    def encode(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, c) uint8 or float32 -> (n, latent_dim) int8."""
        return self.encode_quantized(self.quantize(x))

    def encode_quantized(self, q: np.ndarray) -> np.ndarray:
        """(n, h, w, c) int8 as `quantize` gives -> (n, latent_dim) int8."""
        latents = np.empty((len(q), self.latent_dim), np.int8)
        for i, sample in enumerate(q):
            self._interpreter.set_tensor(self._source, sample[None])
            self._interpreter.invoke()
            latents[i] = self._interpreter.get_tensor(self._sink).reshape(-1)
        return latents
