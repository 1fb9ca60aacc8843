"""AIM: attentive independent mechanisms, an adaptive stage of competing experts (Lee et al. 2021).

For a latent z (width,), M mechanisms with weights V_m (width, width) and queries q_m, of which the K with the
highest scores are active:
    s_m = <z W, q_m> / sqrt(attention_dim)          attention; slow, learnt by the meta-training only
    a_m = sigmoid(s_m) if m is among the top K, else 0      (against a null key, whose score is 0)
    h   = sum_m a_m relu(z V_m)                     logits = h K
The fast weights are the V_m of the active mechanisms and the classifier's kernel K. The published sizes are
not all known: 64 mechanisms on a width of 1,024 reproduce the published 81.4 M parameters of ANML+AIM for CIFAR.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfodcl.meta.linear import ClassKernel


class AimStage(ClassKernel):
    """The adaptive stage of OML+AIM and ANML+AIM. Its arrays go to the package under the names of `weights()`."""

    def __init__(
        self,
        width: int,
        num_classes: int,
        num_mechanisms: int,
        num_active: int,
        attention_dim: int,
        rng: np.random.Generator,
        dtype: tf.DType = tf.float32,
    ) -> None:
        def draw(std: float, *shape: int) -> tf.Variable:
            return tf.Variable(rng.normal(0, std, shape), dtype=dtype)

        key = draw(np.sqrt(1.0 / width), width, attention_dim)
        query = draw(1.0, num_mechanisms, attention_dim)
        mechanisms = draw(np.sqrt(2.0 / width), num_mechanisms, width, width)
        # Small, or the first errors, which are those of random classes, are large enough to spoil the mechanisms.
        super().__init__(width, num_classes, 0.1 * np.sqrt(2.0 / width), rng, dtype)
        self.num_active = num_active
        self.key, self.query, self.mechanisms = key, query, mechanisms

    def weights(self) -> dict[str, np.ndarray]:
        """What deployment starts from: attention and mechanisms; the classifier starts anew there."""
        return {
            "key": self.key.numpy(),
            "query": self.query.numpy(),
            "mechanisms": self.mechanisms.numpy(),
            "num_active": np.array([self.num_active], np.float32),
        }

    def attend(self, z: tf.Tensor) -> tf.Tensor:
        """z (n, width) -> attention (n, num_mechanisms): sigmoid(score) of the active ones, 0 elsewhere."""
        scores = tf.matmul(z @ self.key, self.query, transpose_b=True) / np.sqrt(self.key.shape[1])
        _, active = tf.math.top_k(scores, self.num_active)  # (n, num_active)
        mask = tf.reduce_sum(tf.one_hot(active, scores.shape[1], dtype=z.dtype), axis=1)
        return tf.sigmoid(scores) * mask

    def propose(self, z: tf.Tensor) -> tf.Tensor:
        """z (n, width) -> pre-activations of all mechanisms (n, num_mechanisms, width)."""
        return tf.einsum("nd,mdo->nmo", z, self.mechanisms)

    def __call__(self, z: tf.Tensor) -> tf.Tensor:
        return mix(self.attend(z), self.propose(z)) @ self.kernel

    def adapt(
        self, z: tf.Tensor, label: tf.Tensor, inner_lr: float, second_order: bool
    ) -> Callable[[tf.Tensor], tf.Tensor]:
        """Takes len(z) inner SGD steps on V and K, batch 1; returns the adapted z -> logits.

        Both layers are linear, so their updates are outer products and stay implicit as in `LinearStage.adapt`:
            u_t = z_t V - inner_lr * sum_{i<t} <z_t, z_i> g_i ,   g_i = dloss_i/du_i (num_mechanisms, width)
            K'x = K x  - inner_lr * sum_{i<t} h_i <e_i, x>
        """
        attention, slow = self.attend(z), self.propose(z)
        gram = tf.linalg.matmul(z, z, transpose_b=True)
        target = tf.one_hot(label, self.kernel.shape[1], dtype=z.dtype)
        gradients: list[tf.Tensor] = []  # g (num_mechanisms, width) of the steps so far
        hiddens: list[tf.Tensor] = []  # h (width,)
        errors: list[tf.Tensor] = []  # e (num_classes,)
        for t in range(z.shape[0]):
            u = slow[t]
            if t:
                u -= inner_lr * tf.einsum("i,imo->mo", gram[t, :t], tf.stack(gradients))
            h = mix(attention[t], u)
            logits = tf.linalg.matvec(self.kernel, h, transpose_a=True)
            if t:
                past_h, past_e = tf.stack(hiddens), tf.stack(errors)
                logits -= inner_lr * tf.linalg.matvec(past_e, tf.linalg.matvec(past_h, h), transpose_a=True)
            e = tf.nn.softmax(logits) - target
            dh = tf.linalg.matvec(self.kernel, e)
            if t:
                dh -= inner_lr * tf.linalg.matvec(past_h, tf.linalg.matvec(past_e, e), transpose_a=True)
            gradients.append(attention[t][:, None] * dh[None, :] * tf.cast(u > 0, z.dtype))
            hiddens.append(h)
            errors.append(e)
        directions, history = z, [tf.stack(gradients), tf.stack(hiddens), tf.stack(errors)]
        if not second_order:
            directions, history = tf.stop_gradient(z), [tf.stop_gradient(part) for part in history]
        all_g, all_h, all_e = history

        def adapted(query: tf.Tensor) -> tf.Tensor:
            overlap = tf.matmul(query, directions, transpose_b=True)  # (n, steps)
            u = self.propose(query) - inner_lr * tf.einsum("ni,imo->nmo", overlap, all_g)
            h = mix(self.attend(query), u)
            return h @ self.kernel - inner_lr * tf.matmul(h, all_h, transpose_b=True) @ all_e

        return adapted


def mix(attention: tf.Tensor, proposals: tf.Tensor) -> tf.Tensor:
    """sum_m attention[..., m] relu(proposals[..., m, :]) -> (..., width)."""
    return tf.reduce_sum(attention[..., None] * tf.nn.relu(proposals), axis=-2)
