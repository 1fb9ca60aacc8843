#include "training/batch_renorm.h"

#include <cmath>

#include "training/channel_blocks.h"
#include "training/multiply_add.h"

namespace tfodcl {
namespace {

// IEEE 754 rounds the square root exactly: it is the same on every core.
float Deviation(float variance, float epsilon) { return std::sqrt(variance + epsilon); }

float Clip(float value, float least, float most) { return value < least ? least : value > most ? most : value; }

float Move(float moving, float towards, float momentum) { return momentum * moving + (1.0f - momentum) * towards; }

constexpr int kBlock = 4;

// mean = each channel's mean over the rows.
void Mean(size_t rows, size_t channels, const float* x, float* mean) {
  ForChannelBlocks<kBlock>(channels, [=](size_t channel, auto count) {
    constexpr int kCount = decltype(count)::value;
    float sums[kCount] = {};
    const float* at = x + channel;
    for (size_t row = rows; row > 0; --row, at += channels) {
#pragma GCC unroll 4
      for (int i = 0; i < kCount; ++i) sums[i] += at[i];
    }
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) mean[channel + i] = sums[i] / static_cast<float>(rows);
  });
}

// x loses its mean; variance = the mean of the squares that it then has.
void Center(size_t rows, size_t channels, const float* mean, float* x, float* variance) {
  ForChannelBlocks<kBlock>(channels, [=](size_t channel, auto count) {
    constexpr int kCount = decltype(count)::value;
    float means[kCount], sums[kCount] = {};
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) means[i] = mean[channel + i];
    float* at = x + channel;
    for (size_t row = rows; row > 0; --row, at += channels) {
#pragma GCC unroll 4
      for (int i = 0; i < kCount; ++i) {
        const float centered = at[i] - means[i];
        MultiplyAdd(centered, centered, &sums[i]);
        at[i] = centered;
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) variance[channel + i] = sums[i] / static_cast<float>(rows);
  });
}

// x = scale x.
void Scale(size_t rows, size_t channels, const float* scale, float* x) {
  ForChannelBlocks<kBlock>(channels, [=](size_t channel, auto count) {
    constexpr int kCount = decltype(count)::value;
    float scales[kCount];
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) scales[i] = scale[channel + i];
    float* at = x + channel;
    for (size_t row = rows; row > 0; --row, at += channels) {
#pragma GCC unroll 4
      for (int i = 0; i < kCount; ++i) at[i] *= scales[i];
    }
  });
}

// s = the sums of `gradient`, t = those of gradient x xhat, over the rows.
void GradientSums(size_t rows, size_t channels, const float* xhat, const float* gradient, float* s, float* t) {
  ForChannelBlocks<kBlock>(channels, [=](size_t channel, auto count) {
    constexpr int kCount = decltype(count)::value;
    float plain[kCount] = {}, weighted[kCount] = {};
    const float* value = xhat + channel;
    const float* at = gradient + channel;
    for (size_t row = rows; row > 0; --row, at += channels, value += channels) {
#pragma GCC unroll 4
      for (int i = 0; i < kCount; ++i) {
        plain[i] += at[i];
        MultiplyAdd(at[i], value[i], &weighted[i]);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) {
      s[channel + i] = plain[i];
      t[channel + i] = weighted[i];
    }
  });
}

// gradient = scale (gradient - s - xhat t).
void ProjectGradient(size_t rows, size_t channels, const float* scale, const float* s, const float* t,
                     const float* xhat, float* gradient) {
  ForChannelBlocks<kBlock>(channels, [=](size_t channel, auto count) {
    constexpr int kCount = decltype(count)::value;
    float scales[kCount], plain[kCount], weighted[kCount];
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) {
      scales[i] = scale[channel + i];
      plain[i] = s[channel + i];
      weighted[i] = t[channel + i];
    }
    const float* value = xhat + channel;
    float* at = gradient + channel;
    for (size_t row = rows; row > 0; --row, at += channels, value += channels) {
#pragma GCC unroll 4
      for (int i = 0; i < kCount; ++i) at[i] = scales[i] * ((at[i] - plain[i]) - value[i] * weighted[i]);
    }
  });
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
  Scale(rows, channels, saved.inverse_deviation, x);
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
  ForChannelBlocks<kBlock>(channels, [=](size_t channel, auto count) {
    constexpr int kCount = decltype(count)::value;
    float scales[kCount], offsets[kCount];
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) {
      scales[i] = map.scale[channel + i];
      offsets[i] = map.offset[channel + i];
    }
    const float* in = from + channel;
    float* out = to + channel;
    for (size_t row = rows; row > 0; --row, in += channels, out += channels) {
#pragma GCC unroll 4
      for (int i = 0; i < kCount; ++i) out[i] = in[i] * scales[i] + offsets[i];
    }
  });
}

// With s = the sum of dy and t = the sum of dy xhat over n rows:
//   dbeta = s,  dgamma = r t + d s,  dx = gamma r / sigma_B (dy - s / n - xhat t / n).
void BatchRenormErrorF32(size_t rows, size_t channels, const BatchRenormWeights& weights, const BatchRenormSaved& saved,
                         const float* xhat, float* sums, float* gradient, float* gamma_gradient, float* beta_gradient) {
  float* const s = sums;
  float* const t = sums + channels;
  float* const scale = sums + 2 * channels;
  GradientSums(rows, channels, xhat, gradient, s, t);
  for (size_t c = 0; c < channels; ++c) {
    beta_gradient[c] += s[c];
    gamma_gradient[c] += saved.r[c] * t[c] + saved.d[c] * s[c];
    s[c] /= static_cast<float>(rows);
    t[c] /= static_cast<float>(rows);
    scale[c] = weights.gamma[c] * saved.r[c] * saved.inverse_deviation[c];
  }
  ProjectGradient(rows, channels, scale, s, t, xhat, gradient);
}

}  // namespace tfodcl
