"""Terms that hold a network to what it knew: of its logits, its feature maps."""

from collections.abc import Sequence

import tensorflow as tf


def logit_distance(logits: tf.Tensor, earlier: tf.Tensor) -> tf.Tensor:
    """Mean over samples and classes of the squared difference, (n, num_classes) each (DER++, arXiv 2004.07211)."""
    return tf.reduce_mean(tf.square(logits - earlier))


def function_distance(logits: tf.Tensor, earlier: tf.Tensor) -> tf.Tensor:
    """Mean over samples of the Euclidean distance between the softmax outputs of logits (n, num_classes) (FDR, Benjamin
    et al. 2019, arXiv 1805.08289). A root has no gradient at 0, so 1e-12 is added under it."""
    squares = tf.reduce_sum(tf.square(tf.nn.softmax(logits) - tf.nn.softmax(earlier)), axis=1)
    return tf.reduce_mean(tf.sqrt(squares + 1e-12))


def pattern_distance(
    maps: Sequence[tf.Tensor], earlier: Sequence[tf.Tensor], important: Sequence[tf.Tensor]
) -> tf.Tensor:
    """Sum of the squared differences of feature maps (n, .., channels) in the channels that are important, (channels,)
    0 or 1 float32 (LightCL, arXiv 2407.10545)."""
    return tf.add_n(
        [
            tf.reduce_sum(tf.square(now - before) * channels)
            for now, before, channels in zip(maps, earlier, important, strict=True)
        ]
    )
