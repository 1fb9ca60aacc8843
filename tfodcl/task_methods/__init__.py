"""The methods that learn tasks of several classes with a whole network, and TensorFlow, by name.

Each is a learning.TaskMethod: learn(task), scores(x).
"""

from tfodcl.task_methods.bic import Bic
from tfodcl.task_methods.derpp import Derpp
from tfodcl.task_methods.er import Er
from tfodcl.task_methods.ewc import Ewc
from tfodcl.task_methods.fdr import Fdr
from tfodcl.task_methods.icarl import Icarl
from tfodcl.task_methods.joint import Joint
from tfodcl.task_methods.learning import TaskMethod
from tfodcl.task_methods.lightcl import LightCl
from tfodcl.task_methods.lightcl_freezing import LightClFreezing
from tfodcl.task_methods.miro import Miro
from tfodcl.task_methods.miro_latent import MiroLatent
from tfodcl.task_methods.naive import Naive
from tfodcl.task_methods.pnn import Pnn
from tfodcl.task_methods.sparcl import Sparcl
from tfodcl.task_methods.sparcl_derpp import SparclDerpp

CLASSES: dict[str, type[TaskMethod]] = {
    "naive": Naive,
    "joint": Joint,
    "ewc": Ewc,
    "pnn": Pnn,
    "fdr": Fdr,
    "er": Er,
    "derpp": Derpp,
    "sparcl": Sparcl,
    "sparcl_derpp": SparclDerpp,
    "lightcl_freezing": LightClFreezing,
    "lightcl": LightCl,
    "lightcl_sparse": LightCl,
    "icarl": Icarl,
    "bic": Bic,
    "miro": Miro,
    "miro_latent": MiroLatent,
}
