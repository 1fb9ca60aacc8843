"""TFLite metadata in the encoder's file: what its input and output are, its training classes, its licence.

Read it with tflite-support's MetadataDisplayer, or as a zip file: the classes are in labels.txt.
"""

import ctypes
import io
import zipfile

import flatbuffers
import libusb_package

from tfodcl.data import Dataset

# tflite-support is linked against the system's libusb, which many machines lack; this one comes from PyPI.
ctypes.CDLL(str(libusb_package.get_library_path()), mode=ctypes.RTLD_GLOBAL)
from tensorflow_lite_support.metadata import metadata_schema_py_generated as schema  # noqa: E402
from tensorflow_lite_support.metadata.python import metadata  # noqa: E402

LABELS_FILE = "labels.txt"


def describe(model: bytes, dataset: Dataset, name: str) -> bytes:
    """The .tflite `model` with metadata about its normalisation, classes of `dataset` and licence."""
    front_end = dataset.front_end
    if front_end["kind"] == "image":
        mean, deviation = [0.0], [1 / front_end["scale"]]
    else:
        mean, deviation = front_end["mean"], front_end["std"]
    normalization = schema.ProcessUnitT()
    normalization.optionsType = schema.ProcessUnitOptions.NormalizationOptions
    normalization.options = schema.NormalizationOptionsT()
    normalization.options.mean, normalization.options.std = mean, deviation
    source = tensor(
        "sample",
        f"{front_end['kind']} {dataset.input_shape}, normalised as (value - mean) / std before quantization",
    )
    source.processUnits = [normalization]
    labels = schema.AssociatedFileT()
    labels.name = LABELS_FILE
    labels.description = "Names of the classes that the encoder was trained on."
    labels.type = schema.AssociatedFileType.DESCRIPTIONS
    graph = schema.SubGraphMetadataT()
    graph.inputTensorMetadata = [source]
    graph.outputTensorMetadata = [tensor("latent", "Input of the stage that is trained on the device.")]
    graph.associatedFiles = [labels]
    whole = schema.ModelMetadataT()
    whole.name = name
    whole.description = f"Frozen encoder of a continual learner, trained on {dataset.name}."
    whole.license = f"Model: Apache-2.0. Data: {dataset.licence}"
    whole.subgraphMetadata = [graph]
    builder = flatbuffers.Builder(0)
    builder.Finish(whole.Pack(builder), metadata.MetadataPopulator.METADATA_FILE_IDENTIFIER)
    populator = metadata.MetadataPopulator.with_model_buffer(model)
    populator.load_metadata_buffer(bytes(builder.Output()))
    names = "\n".join(dataset.class_names[label] for label in dataset.split.meta_train)
    populator.load_associated_file_buffers({LABELS_FILE: names.encode()})
    populator.populate()
    return without_time(bytes(populator.get_model_buffer()))


def without_time(model: bytes) -> bytes:
    """The same with the files behind the model dated 1980, so that equal encoders are equal bytes."""
    with zipfile.ZipFile(io.BytesIO(model)) as archive:
        files = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
        start = min(entry.header_offset for entry in archive.infolist())
    undated = io.BytesIO()
    undated.write(model[:start])
    with zipfile.ZipFile(undated, "a") as archive:
        for name, content in files:
            archive.writestr(zipfile.ZipInfo(name), content)
    return undated.getvalue()


def tensor(name: str, description: str) -> schema.TensorMetadataT:
    described = schema.TensorMetadataT()
    described.name, described.description = name, description
    return described
