"""Miro over latents: its memory and storage hold what a frozen int8 stage makes of samples, encoded by a codec, so that
the same RAM holds more records. A combination of Miro (arXiv 2308.06053), LightCL's freezing (arXiv 2407.10545) and
the codecs of LifeLearner (arXiv 2311.11420) and QLR-CL (arXiv 2110.10486).

    sample ─► frozen stage, once ─► codec ─► storage, stream buffer, episodic memory ─► codec ─► trained part

A sample is tested with its latent as it is. Latents are not changed at random: their records are made once, of samples
as they are. Codebooks do not count as memory, as they do not change on a device.
"""

import dataclasses

import numpy as np
import tf_keras as keras

from tfodcl.errors import InputError
from tfodcl.stages.keras_network import in_chunks
from tfodcl.task_methods.latent_records import LatentRecords
from tfodcl.task_methods.learning import Networks, TaskLearning
from tfodcl.task_methods.miro import Miro


class MiroLatent(Miro):
    """See the module.

    Args:
      networks: pretrained; cut as they say.
      learning: with a plan of its memory, which has a codec of the frozen stage's latents.
    """

    def __init__(self, networks: Networks, learning: TaskLearning, seed: int) -> None:
        if not networks.pretrained:
            raise InputError("miro_latent must have pretrained networks, whose latents mean something. Received: none.")
        if learning.memory is None or learning.memory.codec is None:
            raise InputError("miro_latent must have a plan of its memory with a codec. Received: none.")
        frozen, trained = networks.cut(networks.whole())
        self._latents = LatentRecords(frozen, learning.memory.codec, trained.input_shape[1:])
        super().__init__(_Trained(trained), dataclasses.replace(learning, augment=None), seed, self._latents)

    def scores(self, x: np.ndarray) -> np.ndarray:
        return in_chunks(lambda chunk: self.network.scores(self._latents.maps(chunk)))(x)


class _Trained:
    """Copies of the part that is trained: maps -> logits.

    Args:
      model: maps -> a tuple, logits first.
    """

    def __init__(self, model: keras.Model) -> None:
        self._model = keras.Model(model.input, model.outputs[0])

    def whole(self) -> keras.Model:
        copy = keras.models.clone_model(self._model)
        copy.set_weights(self._model.get_weights())
        return copy
