// Waits for a byte, then runs every training kernel at sizes of a MobileNet's last blocks, and writes a line for each:
//   layer part count ticks crc
// and "end". count: multiply-accumulates, or elements where a kernel has none; crc: CRC-32 of the result. Data are
// pseudo-random and the same everywhere, so that results can be compared between cores.

#include <cstring>

#include "base/arena.h"
#include "base/crc32.h"
#include "ports/port.h"
#include "training/average_pool.h"
#include "training/batch_renorm.h"
#include "training/conv.h"
#include "training/depthwise_conv.h"
#include "training/fully_connected.h"
#include "training/relu.h"
#include "training/sgd.h"
#include "training/softmax_cross_entropy.h"

namespace tfodcl {
namespace {

const Device* device;
uint32_t random_state = 1;

void Write(const char* text) { device->write(Bytes(reinterpret_cast<const uint8_t*>(text), std::strlen(text))); }

// A number and what comes after it. (newlib's printf wants a heap.)
void Write(uint64_t number, const char* after) {
  char digits[21];
  char* first = digits + sizeof(digits) - 1;
  *first = '\0';
  do {
    *--first = static_cast<char>('0' + number % 10);
  } while (number /= 10);
  Write(first);
  Write(after);
}

// Values in -1 .. 1 of a linear congruential generator.
Span<float> Random(Arena* arena, size_t count) {
  Span<float> values;
  if (arena->Allocate(count, &values) != Status::kOk) Write("error: the arena is too small\n");
  for (float& value : values) {
    random_state = random_state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int32_t>(random_state) >> 8) / 8388608.0f;
  }
  return values;
}

template <typename Kernel>
void Measure(const char* layer, const char* part, uint64_t count, Span<const float> result, const Kernel& kernel) {
  const uint64_t begin = device->ticks();
  kernel();
  const uint64_t ticks = device->ticks() - begin;
  const Bytes bytes(reinterpret_cast<const uint8_t*>(result.data()), result.size() * sizeof(float));
  Write(layer);
  Write(" ");
  Write(part);
  Write(" ");
  Write(count, " ");
  Write(ticks, " ");
  Write(Crc32(bytes), "\n");
}

struct Layer {
  const char* name;
  int32_t batch;
  int32_t size;  // height and width of input and output
  int32_t channels;
  int32_t window;
  int32_t outputs;
};

ConvShape ShapeOf(const Layer& layer) {
  const int32_t pad = layer.window / 2;
  return {layer.batch,
          {layer.size, layer.size, layer.channels},
          {layer.window, layer.window, 1, 1, pad, pad},
          {layer.size, layer.size, layer.outputs}};
}

constexpr uint64_t kScratchBytes = 32 * 1024;

void MeasureConv(const Layer& layer) {
  Arena arena(device->arena);
  const ConvShape shape = ShapeOf(layer);
  const ConvTiling tiling = PlanConvTiling(shape, kScratchBytes);
  const Span<float> input = Random(&arena, shape.batch * shape.input_size());
  const Span<float> kernel = Random(&arena, shape.num_taps() * shape.input.channels * shape.output.channels);
  const Span<float> output = Random(&arena, shape.batch * shape.output_size());
  const Span<float> scratch = Random(&arena, ConvScratchBytes(shape, tiling) / sizeof(float));
  const uint64_t macs = uint64_t{shape.num_pixels()} * kernel.size();
  Measure(layer.name, "forward", macs, output,
          [&] { ConvForwardF32(shape, tiling, input.data(), kernel.data(), scratch, output.data()); });
  Measure(layer.name, "weight_gradient", macs, kernel,
          [&] { ConvWeightGradientF32(shape, tiling, input.data(), output.data(), scratch, kernel.data()); });
  Measure(layer.name, "error", macs, input,
          [&] { ConvErrorF32(shape, tiling, output.data(), kernel.data(), scratch, input.data()); });
}

// Counted with the products at the edges of an image that padding leaves out.
void MeasureDepthwiseConv(const Layer& layer) {
  Arena arena(device->arena);
  const ConvShape shape = ShapeOf(layer);
  const Span<float> input = Random(&arena, shape.batch * shape.input_size());
  const Span<float> kernel = Random(&arena, shape.num_taps() * shape.input.channels);
  const Span<float> output = Random(&arena, shape.batch * shape.output_size());
  const uint64_t macs = uint64_t{shape.num_pixels()} * kernel.size();
  Measure(layer.name, "forward", macs, output,
          [&] { DepthwiseConvForwardF32(shape, input.data(), kernel.data(), output.data()); });
  Measure(layer.name, "weight_gradient", macs, kernel,
          [&] { DepthwiseConvWeightGradientF32(shape, input.data(), output.data(), kernel.data()); });
  Measure(layer.name, "error", macs, input,
          [&] { DepthwiseConvErrorF32(shape, output.data(), kernel.data(), input.data()); });
}

void MeasureFullyConnected(const char* name, const FullyConnectedShape& shape) {
  Arena arena(device->arena);
  const Span<float> input = Random(&arena, shape.batch * shape.inputs);
  const Span<float> weights = Random(&arena, shape.inputs * shape.outputs);
  const Span<float> bias = Random(&arena, shape.outputs);
  const Span<float> output = Random(&arena, shape.batch * shape.outputs);
  const uint64_t macs = uint64_t{shape.batch} * weights.size();
  Measure(name, "forward", macs, output,
          [&] { FullyConnectedForwardF32(shape, input.data(), weights.data(), bias.data(), output.data()); });
  Measure(name, "weight_gradient", macs, weights,
          [&] { FullyConnectedWeightGradientF32(shape, input.data(), output.data(), weights.data(), bias.data()); });
  Measure(name, "error", macs, input,
          [&] { FullyConnectedErrorF32(shape, output.data(), weights.data(), input.data()); });
}

void MeasureBatchRenorm(const char* name, size_t rows, size_t channels) {
  Arena arena(device->arena);
  const BatchRenorm renorm = {1e-3f, 0.99f, 1.25f, 0.5f};
  const Span<float> values = Random(&arena, rows * channels);
  const Span<float> gradient = Random(&arena, rows * channels);
  const Span<float> gamma = Random(&arena, channels), beta = Random(&arena, channels);
  const Span<float> mean = Random(&arena, channels), variance = Random(&arena, channels);
  for (float& one : variance) one += 1.0f;
  const Span<float> inverse = Random(&arena, channels), r = Random(&arena, channels), d = Random(&arena, channels);
  const Span<float> scale = Random(&arena, channels), offset = Random(&arena, channels);
  const Span<float> sums = Random(&arena, 3 * channels);
  const Span<float> output = Random(&arena, rows * channels);
  const BatchRenormWeights weights = {gamma.data(), beta.data()};
  const BatchRenormMoving moving = {mean.data(), variance.data()};
  const BatchRenormSaved saved = {inverse.data(), r.data(), d.data()};
  const ChannelMap map = {scale.data(), offset.data()};
  Measure(name, "normalize", values.size(), values,
          [&] { BatchRenormNormalizeF32(renorm, rows, channels, values.data(), moving, saved); });
  Measure(name, "map", values.size(), output, [&] {
    BatchRenormTrainingMapF32(channels, weights, saved, map);
    ChannelMapF32(rows, channels, map, values.data(), output.data());
  });
  Measure("relu", "forward", values.size(), output, [&] { ReluForwardF32(output); });
  Measure("relu", "error", values.size(), gradient, [&] { ReluErrorF32(output, gradient); });
  Measure(name, "error", values.size(), gradient, [&] {
    BatchRenormErrorF32(rows, channels, weights, saved, values.data(), sums.data(), gradient.data(), gamma.data(),
                        beta.data());
  });
}

void MeasureAveragePool(const char* name, const AveragePoolShape& shape) {
  Arena arena(device->arena);
  const Span<float> input = Random(&arena, shape.batch * shape.pixels * shape.channels);
  const Span<float> output = Random(&arena, shape.batch * shape.channels);
  Measure(name, "forward", input.size(), output, [&] { AveragePoolForwardF32(shape, input.data(), output.data()); });
  Measure(name, "error", input.size(), input, [&] { AveragePoolErrorF32(shape, output.data(), input.data()); });
}

void MeasureLossAndStep() {
  Arena arena(device->arena);
  constexpr size_t kClasses = 50;
  static const uint16_t labels[] = {0, 7, 49, 7, 13, 21, 3, 30};
  static uint8_t known[kClasses];
  std::memset(known, 1, sizeof(known));
  const Span<float> logits = Random(&arena, 8 * kClasses);
  Measure("softmax_cross_entropy", "both", logits.size(), logits,
          [&] { static_cast<void>(SoftmaxCrossEntropyF32(known, labels, logits.data())); });
  const Span<float> weights = Random(&arena, 16'384), velocities = Random(&arena, 16'384);
  const Sgd sgd = {3e-4f, 0.9f, 5e-4f};
  Measure("sgd", "begin", weights.size(), velocities, [&] { SgdBeginStepF32(sgd, weights, velocities); });
  Measure("sgd", "end", weights.size(), weights, [&] { SgdEndStepF32(sgd, velocities, weights); });
}

void MeasureAll() {
  MeasureConv({"pointwise_8x8x128_to_128", 8, 8, 128, 1, 128});
  MeasureConv({"pointwise_4x4x256_to_256", 8, 4, 256, 1, 256});
  MeasureConv({"pointwise_8x8x64_to_128", 8, 8, 64, 1, 128});
  MeasureConv({"pointwise_2x2x512_to_512", 8, 2, 512, 1, 512});
  MeasureConv({"conv_3x3_8x8x32_to_64", 8, 8, 32, 3, 64});
  MeasureConv({"conv_3x3_4x4x128_to_128", 8, 4, 128, 3, 128});
  MeasureDepthwiseConv({"depthwise_3x3_8x8x128", 8, 8, 128, 3, 128});
  MeasureDepthwiseConv({"depthwise_3x3_4x4x256", 8, 4, 256, 3, 256});
  MeasureFullyConnected("fully_connected_256_to_50", {8, 256, 50});
  MeasureFullyConnected("fully_connected_1024_to_50", {32, 1024, 50});
  MeasureBatchRenorm("batch_renorm_8x8x128", 8 * 64, 128);
  MeasureAveragePool("average_pool_4x4x256", {8, 16, 256});
  MeasureLossAndStep();
  Write("end\n");
}

}  // namespace
}  // namespace tfodcl

int main(int argc, char** argv) {
  tfodcl::device = &tfodcl::InitializeBoard(argc, argv);
  static uint8_t byte[1];
  for (;;) {
    tfodcl::device->read(tfodcl::Span<uint8_t>(byte));
    tfodcl::MeasureAll();
  }
}
