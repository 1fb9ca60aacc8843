"""Quantize-aware fine-tuning with tensorflow-model-optimization.

The int8 twin is taught to give the latents of the float encoder (its teacher) on the meta-train samples. A
classification loss would undo what the meta-training made: latents that a head can learn from one by one.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras as keras
from tensorflow_model_optimization.python.core.quantization.keras.default_8bit import (
    default_8bit_quantize_configs,
)
from tensorflow_model_optimization.python.core.quantization.keras.quantize_layer import QuantizeLayer

from tfodcl.data import Dataset, as_float
from tfodcl.meta.loop import run_steps
from tfodcl.streams import index_meta_train

quantization = tfmot.quantization.keras
OutputQuantizeConfig = default_8bit_quantize_configs.Default8BitOutputQuantizeConfig
CALIBRATION_SAMPLES = 512


def fine_tune(
    teacher: keras.Model,
    dataset: Dataset,
    num_steps: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    checkpoint: Path,
    logs: Path,
    description: str,
) -> tuple[keras.Model, float]:
    """Returns the quantize-aware twin of `teacher` after `num_steps` of distillation, and seconds.

    Loss: |z_twin - z_teacher|^2 / |z_teacher|^2 over a batch; Adam, cosine decay. Batch-norm statistics stay
    those of the teacher.
    """
    indices = index_meta_train(dataset).all
    rng = np.random.default_rng([seed, 3])
    calibration = as_float(dataset.x_train[rng.permutation(indices)[:CALIBRATION_SAMPLES]])
    twin = quantize(teacher, calibration)
    trained = twin.trainable_variables
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(learning_rate, max(num_steps, 1)))
    optimizer.build(trained)

    @tf.function(autograph=False)
    def update(x: tf.Tensor) -> dict[str, tf.Tensor]:
        target = teacher(x, training=False)
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(twin(x, training=True) - target)) / tf.reduce_sum(tf.square(target))
        optimizer.apply_gradients(zip(tape.gradient(loss, trained), trained, strict=True))
        return {"latent_error": loss}

    def step(number: int) -> dict[str, tf.Tensor]:
        batch = np.random.default_rng([seed, 4, number]).choice(indices, batch_size)
        return update(as_float(dataset.x_train[batch]))

    seconds = run_steps(step, [*twin.variables, *optimizer.variables], num_steps, checkpoint, logs, description)
    return twin, seconds


def quantize(model: keras.Model, calibration: np.ndarray) -> keras.Model:
    """The quantize-aware twin of a functional model, every range set from its weights and `calibration` samples.

    tensorflow-model-optimization starts all ranges at [-6, 6]. Those of activations move by 0.1 % a step, too slow
    for a short fine-tuning; and it has no default for Multiply (the mask), whose output is quantized here.
    """

    def annotate(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.layers.Multiply):
            return quantization.quantize_annotate_layer(layer, OutputQuantizeConfig())
        return layer

    annotated = quantization.quantize_annotate_model(keras.models.clone_model(model, clone_function=annotate))
    annotated.set_weights(model.get_weights())
    with quantization.quantize_scope({"Default8BitOutputQuantizeConfig": OutputQuantizeConfig}):
        twin = quantization.quantize_apply(annotated)
    for layer in twin.layers:
        if isinstance(getattr(layer, "layer", None), keras.layers.BatchNormalization):
            layer.trainable = False
    twin(calibration[:1], training=True)  # sets the weights' ranges; those of activations follow
    for name, low, high in output_ranges(model, calibration):
        for variable in twin.get_layer(f"quant_{name}").variables:
            kind = variable.name.split("/")[-1].split(":")[0]
            if kind.startswith("pre_activation"):  # of a sigmoid: what is quantized is its input
                value = logit(low if kind.endswith("min") else high)
            else:
                value = low if kind.endswith("min") else high
            if kind.endswith(("activation_min", "output_min")):
                variable.assign(min(0.0, value))
            if kind.endswith(("activation_max", "output_max")):
                variable.assign(max(0.0, value))
    (source,) = (layer for layer in twin.layers if isinstance(layer, QuantizeLayer))
    for variable in source.variables:
        if variable.name.endswith("_min:0"):
            variable.assign(min(0.0, float(calibration.min())))
        if variable.name.endswith("_max:0"):
            variable.assign(max(0.0, float(calibration.max())))
    return twin


def output_ranges(model: keras.Model, samples: np.ndarray) -> Iterator[tuple[str, float, float]]:
    """Name, least and greatest value of every layer's output over `samples`."""
    quantized = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    probe = keras.Model(model.input, [layer.output for layer in quantized])
    outputs = probe.predict(samples, batch_size=64, verbose=0)
    for layer, output in zip(quantized, outputs, strict=True):
        yield layer.name, float(output.min()), float(output.max())


def logit(probability: float) -> float:
    """The input of a sigmoid that gives `probability`, within [-8, 8], beyond which int8 outputs do not change."""
    return float(np.clip(np.log(probability + 1e-9) - np.log1p(1e-9 - probability), -8, 8))
