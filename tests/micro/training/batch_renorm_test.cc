#include "training/batch_renorm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "random.h"

namespace tfodcl {
namespace {

struct Channels {
  explicit Channels(size_t count)
      : gamma(count, 1),
        beta(count),
        mean(count),
        variance(count, 1),
        inverse(count),
        r(count),
        d(count),
        scale(count),
        offset(count) {}

  BatchRenormWeights weights() { return {gamma.data(), beta.data()}; }
  BatchRenormMoving moving() { return {mean.data(), variance.data()}; }
  BatchRenormSaved saved() { return {inverse.data(), r.data(), d.data()}; }
  ChannelMap map() { return {scale.data(), offset.data()}; }

  std::vector<float> gamma, beta, mean, variance, inverse, r, d, scale, offset;
};

// Two rows of one channel, 0 and 2 x mean: their mean is `mean`, their variance mean^2.
TEST(BatchRenorm, ClipsRAndDAsByHand) {
  const BatchRenorm renorm = {1e-6f, 0.75f, 1.25f, 0.5f};
  for (const float mean : {0.5f, 0.9f, 4.0f, -4.0f}) {
    Channels one(1);
    float x[] = {0.0f, 2 * mean};
    BatchRenormNormalizeF32(renorm, 2, 1, x, one.moving(), one.saved());
    EXPECT_NEAR(x[1], mean > 0 ? 1.0f : -1.0f, 1e-5f);
    EXPECT_EQ(x[0], -x[1]);
    EXPECT_NEAR(one.r[0], std::abs(mean) == 4.0f ? 1.25f : mean == 0.5f ? 0.8f : 0.9f, 1e-5f);
    EXPECT_NEAR(one.d[0], mean < 0 ? -0.5f : 0.5f, 1e-5f);
    EXPECT_EQ(one.mean[0], 0.25f * mean);
    EXPECT_NEAR(one.variance[0], 0.75f + 0.25f * mean * mean, 1e-6f);
  }
}

TEST(BatchRenorm, WithoutRoomForRAndDIsBatchNormalisation) {
  std::mt19937 random(1);
  const size_t rows = 50, channels = 3;
  Channels three(channels);
  std::vector<float> x = RandomF32(&random, rows * channels);
  for (float& value : x) value = 5 * value + 3;
  BatchRenormNormalizeF32({1e-6f, 0.9f, 1.0f, 0.0f}, rows, channels, x.data(), three.moving(), three.saved());
  BatchRenormTrainingMapF32(channels, three.weights(), three.saved(), three.map());
  ChannelMapF32(rows, channels, three.map(), x.data(), x.data());
  for (size_t c = 0; c < channels; ++c) {
    double sum = 0, squares = 0;
    for (size_t row = 0; row < rows; ++row) {
      sum += x[row * channels + c];
      squares += static_cast<double>(x[row * channels + c]) * x[row * channels + c];
    }
    EXPECT_NEAR(sum / rows, 0, 1e-6);
    EXPECT_NEAR(squares / rows, 1, 1e-5);
  }
}

// Where nothing is clipped, renormalisation is normalisation with the moving statistics.
TEST(BatchRenorm, TrainsWhatInferenceWillCompute) {
  std::mt19937 random(2);
  const size_t rows = 40, channels = 9;
  Channels nine(channels);
  nine.gamma = RandomF32(&random, channels);
  nine.beta = RandomF32(&random, channels);
  for (size_t c = 0; c < channels; ++c) nine.mean[c] = 0.1f * static_cast<float>(c);
  const BatchRenorm renorm = {1e-3f, 1.0f, 100.0f, 100.0f};  // momentum 1: the moving statistics stay
  const std::vector<float> x = RandomF32(&random, rows * channels);
  std::vector<float> trained = x, inferred(x.size());
  BatchRenormNormalizeF32(renorm, rows, channels, trained.data(), nine.moving(), nine.saved());
  BatchRenormTrainingMapF32(channels, nine.weights(), nine.saved(), nine.map());
  ChannelMapF32(rows, channels, nine.map(), trained.data(), trained.data());
  BatchRenormInferenceMapF32(renorm, channels, nine.weights(), nine.moving(), nine.map());
  ChannelMapF32(rows, channels, nine.map(), x.data(), inferred.data());
  for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(trained[i], inferred[i], 2e-5f);
}

}  // namespace
}  // namespace tfodcl
