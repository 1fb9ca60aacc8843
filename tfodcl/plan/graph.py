"""What a plan needs of an int8 .tflite file: its tensors and operators, and where constants lie in the file."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from tfodcl.errors import InputError

_OPERATOR_NAMES = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
_TYPE_NAMES = {code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)}
_DTYPES: dict[int, np.dtype] = {schema.TensorType.INT8: np.dtype("<i1"), schema.TensorType.INT32: np.dtype("<i4")}
_MAX_DIMS = 4


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of the graph.

    Attributes:
      index: in the graph.
      name: for messages.
      dims: its shape, batch included.
      type: a name of schema.TensorType.
      scales: float32, one, or one a channel; empty where it is not quantized.
      zero_points: as many as scales.
      channel_dim: the dimension that several scales belong to.
      offset: where its values begin in the file; None where they are computed.
      values: those values, in the shape of `dims`; None likewise.
    """

    index: int
    name: str
    dims: tuple[int, ...]
    type: str
    scales: np.ndarray
    zero_points: np.ndarray
    channel_dim: int
    offset: int | None
    values: np.ndarray | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of one sample, ones in front where dimensions are missing."""
        height, width, channels = (1,) * (3 - len(self.dims[-3:])) + self.dims[-3:]
        return height, width, channels

    @property
    def num_bytes(self) -> int:
        return int(np.prod(self.dims, dtype=np.int64))

    @property
    def scale(self) -> float:
        return float(self.scales[0])

    @property
    def zero_point(self) -> int:
        return int(self.zero_points[0])


@dataclass(frozen=True, eq=False)
class Operator:
    """One operator: its name in schema.BuiltinOperator, its place in the graph, its tensors and options."""

    index: int
    name: str
    inputs: tuple[Tensor | None, ...]
    output: Tensor
    options: Any


@dataclass(frozen=True, eq=False)
class Graph:
    """The operators of an encoder in the order of their execution."""

    input: Tensor
    output: Tensor
    operators: tuple[Operator, ...]


def read(tflite: bytes) -> Graph:
    """The graph of a .tflite file.

    Raises:
      InputError: it is none, or has more than one graph, input or output.
    """
    if tflite[4:8] != b"TFL3":
        raise InputError(f"the encoder must be a .tflite flatbuffer, TFL3 at byte 4. Received: {tflite[:8].hex(' ')}.")
    try:
        model = schema.Model.GetRootAs(tflite, 0)
        unpacked = schema.ModelT.InitFromObj(model)
        return _convert(model, unpacked)
    except (struct.error, IndexError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the encoder must be a complete .tflite file. Received: {len(tflite)} bytes.") from error


def _convert(model: Any, unpacked: Any) -> Graph:
    if len(unpacked.subgraphs) != 1:
        raise InputError(f"the encoder must have one graph. Received: {len(unpacked.subgraphs)}.")
    graph = unpacked.subgraphs[0]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise InputError(
            "the encoder must have one input and one output. "
            f"Received: {len(graph.inputs)} inputs, {len(graph.outputs)} outputs."
        )
    tensors = [_convert_tensor(model, i, tensor) for i, tensor in enumerate(graph.tensors)]
    operators = []
    for i, operator in enumerate(graph.operators):
        code = unpacked.operatorCodes[operator.opcodeIndex]
        builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
        name = _OPERATOR_NAMES.get(builtin, str(builtin))
        if len(operator.outputs) != 1:
            raise InputError(f"operator {i} ({name}) must have one output. Received: {len(operator.outputs)}.")
        inputs = tuple(tensors[index] if index >= 0 else None for index in operator.inputs)
        operators.append(Operator(i, name, inputs, tensors[operator.outputs[0]], operator.builtinOptions))
    return Graph(tensors[graph.inputs[0]], tensors[graph.outputs[0]], tuple(operators))


def _convert_tensor(model: Any, index: int, tensor: Any) -> Tensor:
    name = (tensor.name or b"").decode("utf-8", "replace") or f"tensor {index}"
    dims = tuple(int(size) for size in (() if tensor.shape is None else tensor.shape))
    quantization = tensor.quantization
    scales = zero_points = np.empty(0)
    if quantization is not None and quantization.scale is not None:
        scales = np.asarray(quantization.scale, np.float32)
        found = quantization.zeroPoint
        zero_points = np.zeros(len(scales), np.int64) if found is None else np.asarray(found, np.int64)
    offset = values = None
    buffer = model.Buffers(tensor.buffer)
    if buffer.DataLength() > 0 and tensor.type in _DTYPES:
        offset = buffer._tab.Vector(buffer._tab.Offset(4))
        values = np.frombuffer(buffer.DataAsNumpy().tobytes(), _DTYPES[tensor.type]).reshape(dims)
    return Tensor(
        index,
        name,
        dims,
        _TYPE_NAMES.get(tensor.type, str(tensor.type)),
        scales,
        zero_points,
        0 if quantization is None else quantization.quantizedDimension,
        offset,
        values,
    )


def check_values(tensor: Tensor, where: str) -> None:
    """Raises InputError unless the board can hold `tensor` as values of one sample: int8, batch 1, one scale."""
    described = f"Received: {tensor.name!r}, {tensor.type}, shape={tensor.dims}"
    if tensor.type != "INT8":
        raise InputError(f"{where}: tensors must be int8. {described}.")
    if len(tensor.dims) > _MAX_DIMS or min(tensor.dims, default=1) < 1:
        raise InputError(f"{where}: tensors must have at most {_MAX_DIMS} known dimensions. {described}.")
    if len(tensor.dims) == _MAX_DIMS and tensor.dims[0] != 1:
        raise InputError(f"{where}: the batch must be 1. {described}.")
    if len(tensor.scales) != 1 or not tensor.scale > 0 or not -128 <= tensor.zero_point <= 127:
        raise InputError(f"{where}: tensors must have one scale above 0 and an int8 zero point. {described}.")
    if max(tensor.shape[:2]) > 0xFFFF:
        raise InputError(f"{where}: height and width must be at most 65535. {described}.")
