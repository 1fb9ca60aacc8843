"""Metadata in the .tflite is what tflite-support's own reader finds, and the model still runs."""

import io
import json
import time
import zipfile

import numpy as np
import pytest

from tfodcl.quantize.metadata import LABELS_FILE, describe, metadata
from tfodcl.stages.tflite import TfliteEncoder


@pytest.fixture(scope="module")
def described(quantized) -> bytes:
    return describe(quantized.tflite, quantized.dataset, "anml")


def test_normalisation_and_licence_read_back(quantized, described):
    found = json.loads(metadata.MetadataDisplayer.with_model_buffer(described).get_metadata_json())

    graph = found["subgraph_metadata"][0]
    unit = graph["input_tensor_metadata"][0]["process_units"][0]
    front_end = quantized.dataset.front_end
    assert unit["options_type"] == "NormalizationOptions"
    if front_end["kind"] == "image":
        assert unit["options"]["mean"] == [0]
        assert unit["options"]["std"] == pytest.approx([255])
    else:
        assert unit["options"]["mean"] == front_end["mean"]
        assert unit["options"]["std"] == front_end["std"]
    assert found["name"] == "anml"
    assert "Apache-2.0" in found["license"] and "noise: CC0" in found["license"]
    assert graph["output_tensor_metadata"][0]["name"] == "latent"


def test_the_labels_are_the_classes_that_the_encoder_was_trained_on(described):
    displayer = metadata.MetadataDisplayer.with_model_buffer(described)
    assert displayer.get_packed_associated_file_list() == [LABELS_FILE]
    expected = [f"class {i}" for i in range(5)]
    assert displayer.get_associated_file_buffer(LABELS_FILE).decode().splitlines() == expected
    with zipfile.ZipFile(io.BytesIO(described)) as archive:
        assert archive.read(LABELS_FILE).decode().splitlines() == expected


def test_the_model_runs_as_before(quantized, described):
    x = quantized.dataset.x_train[:3]
    np.testing.assert_array_equal(
        TfliteEncoder(described).encode(x), TfliteEncoder(quantized.tflite).encode(x)
    )


def test_equal_encoders_are_equal_bytes_at_any_time(quantized, described, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 1e9)
    assert describe(quantized.tflite, quantized.dataset, "anml") == described
