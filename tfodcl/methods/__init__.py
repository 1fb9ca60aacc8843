"""The methods, by name.

Those of METHODS learn class after class from one package: learn(task), predict(x). Those of BATCH_METHODS learn
training batches, which bring samples of one class or several, new or known: learn(batch), predict(x). Those of
TASK_METHODS learn tasks of several classes with a whole network, and TensorFlow: learn(task), scores(x); their
classes are in tfodcl.task_methods, since devices have no TensorFlow to import them.
"""

from typing import ClassVar, Protocol

import numpy as np

from tfodcl.compress.record import Codec
from tfodcl.errors import InputError
from tfodcl.methods.anml import Anml
from tfodcl.methods.anml_aim import AnmlAim
from tfodcl.methods.latent_replay import LatentReplay
from tfodcl.methods.lifelearner import LifeLearner
from tfodcl.methods.oml import Oml
from tfodcl.methods.oml_aim import OmlAim
from tfodcl.methods.oracle import Oracle
from tfodcl.methods.pq_replay import PqReplay
from tfodcl.methods.pretrained import Pretrained
from tfodcl.methods.qlr import Qlr
from tfodcl.methods.raw_replay import RawReplay
from tfodcl.package import Learning, Package
from tfodcl.replay.policy import ClassBalancedMemory
from tfodcl.stages.classifier import Classifier, Encoder
from tfodcl.streams import Task


class Method(Protocol):
    """What a learner is.

    Attributes:
      RECIPE: of its package: the training of its encoder, a key of meta.recipes.RECIPES, or "anml_pq".
      RATES: the learning rates it uses, of "inner" and "outer".
      classifier: encoder and adaptive stage.
      memory: of its replays; None where it has none.
      codec: of its replays; None where they are raw or there are none.
    """

    RECIPE: ClassVar[str]
    RATES: ClassVar[tuple[str, ...]]

    @property
    def classifier(self) -> Classifier: ...

    @property
    def memory(self) -> ClassBalancedMemory | None: ...

    @property
    def codec(self) -> Codec | None: ...

    def __init__(self, package: Package, encoder: Encoder, learning: Learning, seed: int) -> None: ...

    def learn(self, task: Task) -> None:
        """Learns the next class; labels count up from 0."""

    def predict(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, c) -> (n,) int64 labels of the classes learnt so far."""


METHODS: dict[str, type[Method]] = {
    "pretrained": Pretrained,
    "oml": Oml,
    "anml": Anml,
    "oml_aim": OmlAim,
    "anml_aim": AnmlAim,
    "oracle": Oracle,
    "raw_replay": RawReplay,
    "latent_replay": LatentReplay,
    "pq_replay": PqReplay,
    "lifelearner": LifeLearner,
}
BATCH_METHODS = {"qlr": Qlr}
TASK_METHODS = (
    "naive",
    "joint",
    "ewc",
    "pnn",
    "fdr",
    "er",
    "derpp",
    "sparcl",
    "sparcl_derpp",
    "lightcl_freezing",
    "lightcl",
    "lightcl_sparse",
    "icarl",
    "bic",
    "miro",
    "miro_latent",
)


def parse_methods(text: str) -> list[str]:
    """ "all" or names with commas -> names in the order of METHODS, BATCH_METHODS or TASK_METHODS, each once.

    Raises InputError for unknown names, and for names of two of these: they learn streams of different kinds.
    """
    if text == "all":
        return list(METHODS)
    kinds = {"classes": list(METHODS), "training batches": list(BATCH_METHODS), "tasks": list(TASK_METHODS)}
    names = text.split(",")
    known = [name for kind in kinds.values() for name in kind]
    for name in names:
        if name not in known:
            raise InputError(f"--methods must be all or of {','.join(known)}. Received: {name!r}.")
    learnt = [what for what, kind in kinds.items() if not set(names).isdisjoint(kind)]
    if len(learnt) > 1:
        raise InputError(f"--methods must learn streams of one kind: run them apart. Received: {' and '.join(learnt)}.")
    return [name for name in known if name in names]
