#include "training/conv.h"

#include <gtest/gtest.h>

#include "random.h"
#include "training/depthwise_conv.h"

namespace tfodcl {
namespace {

// A layer with random arrays. Kernel gradients are added to `kernel_gradient`.
struct Layer {
  Layer(const ConvShape& shape, std::mt19937* random)
      : shape(shape),
        input(RandomF32(random, shape.batch * shape.input_size())),
        kernel(RandomF32(random, shape.num_taps() * shape.input.channels * shape.output.channels)),
        output_gradient(RandomF32(random, shape.batch * shape.output_size())),
        kernel_gradient(RandomF32(random, kernel.size())) {}

  ConvShape shape;
  std::vector<float> input, kernel, output_gradient, kernel_gradient;
};

struct Results {
  std::vector<float> output, input_gradient, kernel_gradient;

  bool operator==(const Results& other) const {
    return output == other.output && input_gradient == other.input_gradient && kernel_gradient == other.kernel_gradient;
  }
};

// With exactly the scratch that the tiling needs: AddressSanitizer watches its end.
Results Compute(const Layer& layer, const ConvTiling& tiling) {
  std::vector<float> scratch(ConvScratchBytes(layer.shape, tiling) / sizeof(float));
  Results results = {std::vector<float>(layer.output_gradient.size()), std::vector<float>(layer.input.size()),
                     layer.kernel_gradient};
  ConvForwardF32(layer.shape, tiling, layer.input.data(), layer.kernel.data(), SpanOf(scratch), results.output.data());
  ConvErrorF32(layer.shape, tiling, layer.output_gradient.data(), layer.kernel.data(), SpanOf(scratch),
               results.input_gradient.data());
  ConvWeightGradientF32(layer.shape, tiling, layer.input.data(), layer.output_gradient.data(), SpanOf(scratch),
                        results.kernel_gradient.data());
  return results;
}

const ConvShape kShapes[] = {
    {2, {5, 7, 3}, {3, 3, 1, 1, 1, 1}, {5, 7, 4}},  {1, {5, 6, 2}, {3, 2, 2, 3, 1, 0}, {3, 2, 7}},
    {3, {4, 4, 5}, {1, 1, 1, 1, 0, 0}, {4, 4, 6}},  {2, {5, 5, 4}, {1, 1, 2, 2, 0, 0}, {3, 3, 3}},
    {2, {2, 2, 1}, {5, 5, 1, 1, 2, 2}, {2, 2, 1}},  {1, {1, 1, 9}, {3, 3, 2, 2, 1, 1}, {1, 1, 13}},
    {2, {6, 4, 1}, {3, 3, 1, 1, 0, 0}, {4, 2, 12}},
};

TEST(Conv, GivesTheSameBitsForEveryTiling) {
  std::mt19937 random(1);
  for (const ConvShape& shape : kShapes) {
    const Layer layer(shape, &random);
    const Results all_at_once = Compute(layer, {shape.num_pixels()});
    for (size_t pixels = 1; pixels < shape.num_pixels(); ++pixels) EXPECT_EQ(Compute(layer, {pixels}), all_at_once);
  }
}

TEST(Conv, GivesTheSameBitsWhenTheNextTileIsCopiedBeforeOneIsMultiplied) {
  std::mt19937 random(2);
  const Layer layer(kShapes[1], &random);
  const ConvShape& shape = layer.shape;
  std::vector<Tile> tiles;
  for (size_t tap = 0; tap < shape.num_taps(); ++tap) {
    for (size_t begin = 0; begin < shape.num_pixels(); begin += 2) tiles.push_back({tap, begin, begin + 2});
  }
  std::vector<float> buffers[2] = {std::vector<float>(2 * shape.input.channels),
                                   std::vector<float>(2 * shape.input.channels)};
  std::vector<float> output(layer.output_gradient.size()), kernel_gradient = layer.kernel_gradient;
  CopyTapF32(shape, tiles[0], layer.input.data(), buffers[0].data());
  for (size_t i = 0; i < tiles.size(); ++i) {
    if (i + 1 < tiles.size()) CopyTapF32(shape, tiles[i + 1], layer.input.data(), buffers[(i + 1) % 2].data());
    const float* values = buffers[i % 2].data();
    ConvForwardTileF32(shape, tiles[i], values, layer.kernel.data(), output.data());
    ConvWeightGradientTileF32(shape, tiles[i], values, layer.output_gradient.data(), kernel_gradient.data());
  }
  const Results one_by_one = Compute(layer, {2});
  EXPECT_EQ(output, one_by_one.output);
  EXPECT_EQ(kernel_gradient, one_by_one.kernel_gradient);
}

TEST(Conv, OfOnePixelIsAProductByHand) {
  const ConvShape shape = {1, {1, 2, 2}, {1, 1, 1, 1, 0, 0}, {1, 2, 1}};
  const float input[] = {1, 2, 3, 4}, kernel[] = {10, 100}, output_gradient[] = {1, -2};
  float output[2], input_gradient[4], kernel_gradient[] = {1000, 2000};
  ConvForwardF32(shape, {2}, input, kernel, {}, output);
  ConvErrorF32(shape, {2}, output_gradient, kernel, {}, input_gradient);
  ConvWeightGradientF32(shape, {2}, input, output_gradient, {}, kernel_gradient);
  EXPECT_EQ(std::vector<float>(output, output + 2), std::vector<float>({210, 430}));
  EXPECT_EQ(std::vector<float>(input_gradient, input_gradient + 4), std::vector<float>({10, 100, -20, -200}));
  EXPECT_EQ(std::vector<float>(kernel_gradient, kernel_gradient + 2), std::vector<float>({1000 + 1 - 6, 2000 + 2 - 8}));
}

TEST(PlanConvTiling, TakesTheLargestTilesThatFit) {
  const ConvShape shape = {1, {3, 5, 2}, {3, 3, 1, 1, 1, 1}, {3, 5, 4}};  // 15 pixels of 8 bytes
  EXPECT_EQ(PlanConvTiling(shape, 7).tile_pixels, 0u);
  EXPECT_EQ(PlanConvTiling(shape, 8).tile_pixels, 1u);
  EXPECT_EQ(PlanConvTiling(shape, 31).tile_pixels, 3u);
  EXPECT_EQ(PlanConvTiling(shape, 119).tile_pixels, 12u);  // 14 would fit: whole blocks of 4 are faster
  EXPECT_EQ(PlanConvTiling(shape, 120).tile_pixels, 15u);
  EXPECT_EQ(PlanConvTiling(shape, 1 << 20).tile_pixels, 15u);
  for (const uint64_t bytes : {8, 31, 119, 120}) {
    EXPECT_LE(ConvScratchBytes(shape, PlanConvTiling(shape, bytes)), bytes);
  }
}

TEST(PlanConvTiling, NeedsNoMemoryWhereNothingIsCopied) {
  const ConvShape shape = {2, {3, 5, 2}, {1, 1, 1, 1, 0, 0}, {3, 5, 4}};
  EXPECT_EQ(PlanConvTiling(shape, 0).tile_pixels, 30u);
  EXPECT_EQ(ConvScratchBytes(shape, {30}), 0u);
}

// A kernel (taps, channels, channels) that lets every channel through to itself alone.
std::vector<float> Diagonal(const std::vector<float>& depthwise, size_t channels) {
  std::vector<float> kernel(depthwise.size() * channels);
  for (size_t i = 0; i < depthwise.size(); ++i) kernel[i * channels + i % channels] = depthwise[i];
  return kernel;
}

std::vector<float> DiagonalOf(const std::vector<float>& kernel, size_t channels) {
  std::vector<float> depthwise(kernel.size() / channels);
  for (size_t i = 0; i < depthwise.size(); ++i) depthwise[i] = kernel[i * channels + i % channels];
  return depthwise;
}

TEST(DepthwiseConv, IsAConvolutionWithADiagonalKernel) {
  std::mt19937 random(3);
  for (ConvShape shape : kShapes) {
    for (const int32_t channels : {1, 7, 8, 19}) {
      shape.input.channels = shape.output.channels = channels;
      Layer layer(shape, &random);
      const std::vector<float> kernel = DiagonalOf(layer.kernel, channels);
      std::vector<float> gradient = DiagonalOf(layer.kernel_gradient, channels);
      layer.kernel = Diagonal(kernel, channels);
      std::vector<float> output(layer.output_gradient.size()), input_gradient(layer.input.size());
      DepthwiseConvForwardF32(shape, layer.input.data(), kernel.data(), output.data());
      DepthwiseConvErrorF32(shape, layer.output_gradient.data(), kernel.data(), input_gradient.data());
      DepthwiseConvWeightGradientF32(shape, layer.input.data(), layer.output_gradient.data(), gradient.data());
      // The convolution's other products are zeros: the same sums, in the same orders.
      const Results expected = Compute(layer, {shape.num_pixels()});
      EXPECT_EQ(output, expected.output);
      EXPECT_EQ(input_gradient, expected.input_gradient);
      EXPECT_EQ(gradient, DiagonalOf(expected.kernel_gradient, channels));
    }
  }
}

}  // namespace
}  // namespace tfodcl
