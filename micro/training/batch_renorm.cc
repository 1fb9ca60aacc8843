#include "training/batch_renorm.h"

#include <cmath>

namespace tfodcl {
namespace {

// IEEE 754 rounds the square root exactly: it is the same on every core.
float Deviation(float variance, float epsilon) { return std::sqrt(variance + epsilon); }

float Clip(float value, float least, float most) { return value < least ? least : value > most ? most : value; }

float Move(float moving, float towards, float momentum) { return momentum * moving + (1.0f - momentum) * towards; }

// mean = each channel's mean over the rows.
void Mean(size_t rows, size_t channels, const float* x, float* mean) {
  for (size_t c = 0; c < channels; ++c) mean[c] = 0.0f;
  for (size_t row = 0; row < rows; ++row, x += channels) {
    for (size_t c = 0; c < channels; ++c) mean[c] += x[c];
  }
  for (size_t c = 0; c < channels; ++c) mean[c] /= static_cast<float>(rows);
}

// x loses its mean; variance = the mean of the squares that it then has.
void Center(size_t rows, size_t channels, const float* mean, float* x, float* variance) {
  for (size_t c = 0; c < channels; ++c) variance[c] = 0.0f;
  for (size_t row = 0; row < rows; ++row, x += channels) {
    for (size_t c = 0; c < channels; ++c) {
      x[c] -= mean[c];
      variance[c] += x[c] * x[c];
    }
  }
  for (size_t c = 0; c < channels; ++c) variance[c] /= static_cast<float>(rows);
}

}  // namespace

void BatchRenormNormalizeF32(const BatchRenorm& renorm, size_t rows, size_t channels, float* x,
                             const BatchRenormMoving& moving, const BatchRenormSaved& saved) {
  float* const mean = saved.d;  // until d and the inverse deviation take their places
  float* const variance = saved.inverse_deviation;
  Mean(rows, channels, x, mean);
  Center(rows, channels, mean, x, variance);
  for (size_t c = 0; c < channels; ++c) {
    const float deviation = Deviation(variance[c], renorm.epsilon);
    const float moving_deviation = Deviation(moving.variance[c], renorm.epsilon);
    saved.r[c] = Clip(deviation / moving_deviation, 1.0f / renorm.r_max, renorm.r_max);
    const float d = Clip((mean[c] - moving.mean[c]) / moving_deviation, -renorm.d_max, renorm.d_max);
    moving.mean[c] = Move(moving.mean[c], mean[c], renorm.momentum);
    moving.variance[c] = Move(moving.variance[c], variance[c], renorm.momentum);
    saved.d[c] = d;
    saved.inverse_deviation[c] = 1.0f / deviation;
  }
  for (size_t row = 0; row < rows; ++row, x += channels) {
    for (size_t c = 0; c < channels; ++c) x[c] *= saved.inverse_deviation[c];
  }
}

void BatchRenormTrainingMapF32(size_t channels, const BatchRenormWeights& weights, const BatchRenormSaved& saved,
                               const ChannelMap& map) {
  for (size_t c = 0; c < channels; ++c) {
    map.scale[c] = weights.gamma[c] * saved.r[c];
    map.offset[c] = weights.gamma[c] * saved.d[c] + weights.beta[c];
  }
}

void BatchRenormInferenceMapF32(const BatchRenorm& renorm, size_t channels, const BatchRenormWeights& weights,
                                const BatchRenormMoving& moving, const ChannelMap& map) {
  for (size_t c = 0; c < channels; ++c) {
    map.scale[c] = weights.gamma[c] / Deviation(moving.variance[c], renorm.epsilon);
    map.offset[c] = weights.beta[c] - moving.mean[c] * map.scale[c];
  }
}

void ChannelMapF32(size_t rows, size_t channels, const ChannelMap& map, const float* from, float* to) {
  for (size_t row = 0; row < rows; ++row, from += channels, to += channels) {
    for (size_t c = 0; c < channels; ++c) to[c] = from[c] * map.scale[c] + map.offset[c];
  }
}

// With s = the sum of dy and t = the sum of dy xhat over n rows:
//   dbeta = s,  dgamma = r t + d s,  dx = gamma r / sigma_B (dy - s / n - xhat t / n).
void BatchRenormErrorF32(size_t rows, size_t channels, const BatchRenormWeights& weights, const BatchRenormSaved& saved,
                         const float* xhat, float* sums, float* gradient, float* gamma_gradient, float* beta_gradient) {
  float* const s = sums;
  float* const t = sums + channels;
  for (size_t c = 0; c < 2 * channels; ++c) sums[c] = 0.0f;
  for (size_t i = 0; i < rows * channels; i += channels) {
    for (size_t c = 0; c < channels; ++c) {
      s[c] += gradient[i + c];
      t[c] += gradient[i + c] * xhat[i + c];
    }
  }
  for (size_t c = 0; c < channels; ++c) {
    beta_gradient[c] += s[c];
    gamma_gradient[c] += saved.r[c] * t[c] + saved.d[c] * s[c];
    s[c] /= static_cast<float>(rows);
    t[c] /= static_cast<float>(rows);
  }
  for (size_t i = 0; i < rows * channels; i += channels) {
    for (size_t c = 0; c < channels; ++c) {
      const float factor = weights.gamma[c] * saved.r[c] * saved.inverse_deviation[c];
      gradient[i + c] = factor * (gradient[i + c] - s[c] - xhat[i + c] * t[c]);
    }
  }
}

}  // namespace tfodcl
