#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "random.h"
#include "training/sgd.h"
#include "training/softmax_cross_entropy.h"

namespace tfodcl {
namespace {

TEST(SoftmaxCrossEntropy, OfEqualLogitsIsTheLogarithmOfTheirNumber) {
  const uint8_t known[] = {1, 1, 0, 1, 1};
  const uint16_t labels[] = {3};
  float logits[] = {2, 2, 100, 2, 2};
  EXPECT_FLOAT_EQ(SoftmaxCrossEntropyF32(known, labels, logits), std::log(4.0f));
  EXPECT_EQ(std::vector<float>(logits, logits + 5), std::vector<float>({0.25f, 0.25f, 0, -0.75f, 0.25f}));
}

TEST(SoftmaxCrossEntropy, IsFiniteForLogitsFarApart) {
  const uint8_t known[] = {1, 1};
  const uint16_t labels[] = {0, 1};
  float logits[] = {1e30f, 0, 1e30f, 0};
  EXPECT_EQ(SoftmaxCrossEntropyF32(known, labels, logits), 0.5e30f);
  EXPECT_EQ(std::vector<float>(logits, logits + 4), std::vector<float>({0, 0, 0.5f, -0.5f}));
}

TEST(SoftmaxCrossEntropy, IsZeroWithOneKnownClass) {
  const uint8_t known[] = {0, 1};
  const uint16_t labels[] = {1};
  float logits[] = {5, -3};
  EXPECT_EQ(SoftmaxCrossEntropyF32(known, labels, logits), 0.0f);
  EXPECT_EQ(logits[0], 0.0f);
  EXPECT_EQ(logits[1], 0.0f);
}

TEST(Sgd, IsAsByHandForTwoSteps) {
  const Sgd sgd = {0.25f, 0.5f, 0.125f};
  float weights[] = {8}, velocities[] = {0};
  SgdBeginStepF32(sgd, Span<const float>(weights, 1), velocities);
  velocities[0] += 3;  // the gradient
  SgdEndStepF32(sgd, Span<const float>(velocities, 1), weights);
  EXPECT_EQ(velocities[0], 4.0f);  // 3 + 8 / 8
  EXPECT_EQ(weights[0], 7.0f);
  SgdBeginStepF32(sgd, Span<const float>(weights, 1), velocities);
  velocities[0] += 1;
  SgdEndStepF32(sgd, Span<const float>(velocities, 1), weights);
  EXPECT_EQ(velocities[0], 3.875f);  // 4 / 2 + 7 / 8 + 1
  EXPECT_EQ(weights[0], 6.03125f);
}

}  // namespace
}  // namespace tfodcl
