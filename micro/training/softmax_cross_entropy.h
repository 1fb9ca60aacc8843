// Mean softmax cross-entropy of a mini-batch, float32: loss and gradient.

#ifndef TFODCL_TRAINING_SOFTMAX_CROSS_ENTROPY_H_
#define TFODCL_TRAINING_SOFTMAX_CROSS_ENTROPY_H_

#include "base/span.h"

namespace tfodcl {

// The mean over the batch of -log p, p = the softmax probability of a sample's label among the classes that are known.
// logits (batch, num_classes) become the gradient of that mean with respect to them, (softmax - onehot) / batch, and 0
// for classes that are not known.
//
// known (num_classes,): not 0 where a class is; labels (batch,): places of known classes, batch at least 1. The
// exponentials are those of ExpF32 of the logits less the greatest known one of the sample, summed in order.
float SoftmaxCrossEntropyF32(Span<const uint8_t> known, Span<const uint16_t> labels, float* logits);

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_SOFTMAX_CROSS_ENTROPY_H_
