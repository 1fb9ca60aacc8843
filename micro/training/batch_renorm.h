// Batch renormalisation, float32 (S. Ioffe, "Batch Renormalization: Towards Reducing Minibatch Dependence in
// Batch-Normalized Models", 2017, algorithm 1). Of each channel, with the mini-batch's mean mu_B and deviation sigma_B:
//
//   xhat = (x - mu_B) / sigma_B                         sigma_B = sqrt(mean of (x - mu_B)^2 + epsilon)
//   y = gamma (xhat r + d) + beta                       sigma = sqrt(moving variance + epsilon)
//   r = sigma_B / sigma, within 1 / r_max .. r_max      d = (mu_B - moving mean) / sigma, within -d_max .. d_max
//   moving = momentum x moving + (1 - momentum) x the mini-batch's mean, variance
//
// r and d count as constants in the gradient. r_max = 1 and d_max = 0 make it batch normalisation.
// A mini-batch is (rows, channels): one row for each pixel of each image. Sums are in order of the rows.
//
// What the backward pass needs of a mini-batch is xhat and BatchRenormSaved; y can be computed again from them.

#ifndef TFODCL_TRAINING_BATCH_RENORM_H_
#define TFODCL_TRAINING_BATCH_RENORM_H_

#include "base/span.h"

namespace tfodcl {

// epsilon above 0; momentum in 0..1; r_max at least 1; d_max at least 0.
struct BatchRenorm {
  float epsilon;
  float momentum;
  float r_max;
  float d_max;
};

// (channels,) each.
struct BatchRenormWeights {
  const float* gamma;
  const float* beta;
};

struct BatchRenormMoving {
  float* mean;
  float* variance;
};

struct BatchRenormSaved {
  float* inverse_deviation;  // 1 / sigma_B
  float* r;
  float* d;
};

// y = scale x + offset, channel by channel: the form of all that normalisation does to a row.
struct ChannelMap {
  float* scale;
  float* offset;
};

// x (rows, channels), of at least one row, becomes xhat; saved is filled in. The moving statistics that r and d are
// relative to are those from before this mini-batch; they are then moved.
void BatchRenormNormalizeF32(const BatchRenorm& renorm, size_t rows, size_t channels, float* x,
                             const BatchRenormMoving& moving, const BatchRenormSaved& saved);

// The map from xhat to y for training: scale = gamma r, offset = gamma d + beta.
void BatchRenormTrainingMapF32(size_t channels, const BatchRenormWeights& weights, const BatchRenormSaved& saved,
                               const ChannelMap& map);

// The map from x to y for inference: scale = gamma / sigma, offset = beta - moving mean x scale.
void BatchRenormInferenceMapF32(const BatchRenorm& renorm, size_t channels, const BatchRenormWeights& weights,
                                const BatchRenormMoving& moving, const ChannelMap& map);

// to (rows, channels) = scale x from + offset; `to` may be `from`.
void ChannelMapF32(size_t rows, size_t channels, const ChannelMap& map, const float* from, float* to);

// The loss's gradient with respect to y, (rows, channels), becomes that with respect to x. Those with respect to gamma
// and beta are added to gamma_gradient and beta_gradient. sums: room for 3 x channels values.
void BatchRenormErrorF32(size_t rows, size_t channels, const BatchRenormWeights& weights, const BatchRenormSaved& saved,
                         const float* xhat, float* sums, float* gradient, float* gamma_gradient, float* beta_gradient);

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_BATCH_RENORM_H_
