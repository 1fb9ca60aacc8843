"""Small int8 models, tensor by tensor."""

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema


class ModelBuilder:
    """An int8 .tflite, tensor by tensor and operator by operator."""

    def __init__(self) -> None:
        self._model, self._graph = schema.ModelT(), schema.SubGraphT()
        self._model.version, self._model.subgraphs = 3, [self._graph]
        self._model.buffers, self._model.operatorCodes = [schema.BufferT()], []
        self._graph.tensors, self._graph.operators = [], []

    def tensor(self, shape, scale=1.0, zero_point=0, values=None, channel_dim=0) -> int:
        """Index of a new tensor: int8, or of the type of `values`, which make it a constant. `scale`: one or several;
        None leaves it without quantization."""
        tensor = schema.TensorT()
        tensor.name = f"tensor {len(self._graph.tensors)}".encode()
        tensor.shape = np.array(shape, np.int32)
        tensor.type = {None: schema.TensorType.INT8, "int8": schema.TensorType.INT8, "int32": schema.TensorType.INT32}[
            None if values is None else values.dtype.name
        ]
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = scales
            tensor.quantization.zeroPoint = np.full(len(scales), zero_point, np.int64)
            tensor.quantization.quantizedDimension = channel_dim
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.buffer = len(self._model.buffers)
            self._model.buffers.append(buffer)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def operator(self, name: str, inputs: list[int], output: int, version: int = 1, **options) -> int:
        """Adds an operator; `options` are its fields in the schema. Returns `output`."""
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes)
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        if kind := _OPTIONS.get(name):
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            operator.builtinOptions = getattr(schema, f"{kind}T")()
            for field, value in options.items():
                assert hasattr(operator.builtinOptions, field)
                setattr(operator.builtinOptions, field, value)
        self._model.operatorCodes.append(code)
        self._graph.operators.append(operator)
        return output

    def finish(self, source: int, sink: int) -> bytes:
        self._graph.inputs, self._graph.outputs = np.array([source], np.int32), np.array([sink], np.int32)
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


_OPTIONS = {
    "ADD": "AddOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MUL": "MulOptions",
    "PAD": "PadOptions",
    "RESHAPE": "ReshapeOptions",
    "SOFTMAX": "SoftmaxOptions",
}


@pytest.fixture
def builder() -> ModelBuilder:
    return ModelBuilder()
