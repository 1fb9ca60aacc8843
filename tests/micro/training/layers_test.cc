// Layers without a window, by hand or by properties. The gradients against TensorFlow's: tests/parity.

#include <gtest/gtest.h>

#include <cmath>

#include "random.h"
#include "training/average_pool.h"
#include "training/fully_connected.h"
#include "training/relu.h"

namespace tfodcl {
namespace {

TEST(FullyConnected, OfTwoSamplesIsAsByHand) {
  const FullyConnectedShape shape = {2, 2, 3};
  const float input[] = {1, 2, 3, 4}, weights[] = {1, 10, 100, 2, 20, 200}, bias[] = {0.5f, 0.25f, 0.125f};
  float output[6];
  FullyConnectedForwardF32(shape, input, weights, bias, output);
  EXPECT_EQ(std::vector<float>(output, output + 6),
            std::vector<float>({5.5f, 50.25f, 500.125f, 11.5f, 110.25f, 1100.125f}));

  const float output_gradient[] = {1, 0, -1, 0, 2, 1};
  float input_gradient[4];
  FullyConnectedErrorF32(shape, output_gradient, weights, input_gradient);
  EXPECT_EQ(std::vector<float>(input_gradient, input_gradient + 4), std::vector<float>({-99, -198, 120, 240}));

  float weights_gradient[] = {100, 0, 0, 0, 0, 0}, bias_gradient[] = {0, 0, 100};
  FullyConnectedWeightGradientF32(shape, input, output_gradient, weights_gradient, bias_gradient);
  EXPECT_EQ(std::vector<float>(weights_gradient, weights_gradient + 6), std::vector<float>({101, 6, 2, 2, 8, 2}));
  EXPECT_EQ(std::vector<float>(bias_gradient, bias_gradient + 3), std::vector<float>({1, 2, 100}));
}

TEST(AveragePool, IsTheMeanAndSpreadsItsGradient) {
  const AveragePoolShape shape = {2, 4, 1};
  const float input[] = {1, 2, 3, 6, -1, -1, -1, -1};
  float output[2], input_gradient[8];
  AveragePoolForwardF32(shape, input, output);
  EXPECT_EQ(output[0], 3.0f);
  EXPECT_EQ(output[1], -1.0f);
  AveragePoolErrorF32(shape, output, input_gradient);
  EXPECT_EQ(std::vector<float>(input_gradient, input_gradient + 8),
            std::vector<float>({0.75f, 0.75f, 0.75f, 0.75f, -0.25f, -0.25f, -0.25f, -0.25f}));
}

TEST(Relu, LetsPositiveValuesThroughAndNothingElse) {
  float values[] = {-1, 0, -0.0f, 2, NAN};
  ReluForwardF32(values);
  EXPECT_EQ(std::vector<float>(values, values + 5), std::vector<float>({0, 0, 0, 2, 0}));
  float gradient[] = {1, 2, 3, 4, 5};
  ReluErrorF32(Span<const float>(values, 5), gradient);
  EXPECT_EQ(std::vector<float>(gradient, gradient + 5), std::vector<float>({0, 0, 0, 4, 0}));
}

TEST(Relu, HasTheErrorOfAMappedOutputThatIsNotThere) {
  std::mt19937 random(1);
  const size_t rows = 50, channels = 7;
  const std::vector<float> from = RandomF32(&random, rows * channels);
  std::vector<float> scale = RandomF32(&random, channels), offset = RandomF32(&random, channels);
  offset[0] = 0.0f;
  const ChannelMap map = {scale.data(), offset.data()};
  std::vector<float> output(from.size()), expected = RandomF32(&random, from.size()), gradient = expected;
  ChannelMapF32(rows, channels, map, from.data(), output.data());
  ReluForwardF32(SpanOf(output));
  ReluErrorF32(SpanOf(output), SpanOf(expected));
  MappedReluErrorF32(rows, channels, map, from.data(), gradient.data());
  EXPECT_EQ(gradient, expected);
}

}  // namespace
}  // namespace tfodcl
