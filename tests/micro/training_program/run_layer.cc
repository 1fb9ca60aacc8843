// Runs the kernels of one layer: run_layer LAYER NUMBER.. The numbers are its shape; its arrays, float32, come one
// after another from standard input, and what is computed goes to standard output. Gradients of weights are added to
// arrays that are given. For tests in Python that compare them with TensorFlow's.
//
//   conv, depthwise_conv   batch, input height, width, channels, window height, width, strides, pads top and left,
//                          output height, width, channels, pixels of a tile
//     input, kernel, output gradient, kernel gradient -> output, input gradient, kernel gradient
//   fully_connected        batch, inputs, outputs
//     input, weights, bias, output gradient, gradients of weights and bias -> output, input gradient, both gradients
//   average_pool           batch, pixels, channels
//     input, output gradient -> output, input gradient
//   batch_renorm           rows, channels
//     (epsilon, momentum, r_max, d_max), x, gamma, beta, moving mean, moving variance, gradient of y, gradients of
//     gamma and beta -> y, moving mean, moving variance, gradient of x, both gradients, y for inference with what has
//     moved
//   relu                   values
//     input, output gradient -> output, input gradient
//   softmax_cross_entropy  batch, classes
//     known, labels, logits -> (loss), gradient
//   sgd                    values
//     (rate, momentum, weight decay), weights, velocities, gradients -> weights, velocities

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

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

using Values = std::vector<float>;

Values Read(size_t count) {
  Values values(count);
  if (std::fread(values.data(), sizeof(float), count, stdin) != count) std::exit(3);
  return values;
}

void Write(const Values& values) { std::fwrite(values.data(), sizeof(float), values.size(), stdout); }

ConvShape ConvShapeOf(const int32_t* n) {
  return {n[0], {n[1], n[2], n[3]}, {n[4], n[5], n[6], n[7], n[8], n[9]}, {n[10], n[11], n[12]}};
}

void Conv(const int32_t* numbers) {
  const ConvShape shape = ConvShapeOf(numbers);
  const ConvTiling tiling = {static_cast<size_t>(numbers[13])};
  const Values input = Read(shape.batch * shape.input_size());
  const Values kernel = Read(shape.num_taps() * shape.input.channels * shape.output.channels);
  const Values output_gradient = Read(shape.batch * shape.output_size());
  Values gradient = Read(kernel.size()), output(output_gradient.size()), input_gradient(input.size());
  Values memory(ConvScratchBytes(shape, tiling) / sizeof(float));
  const Span<float> scratch(memory.data(), memory.size());
  ConvForwardF32(shape, tiling, input.data(), kernel.data(), scratch, output.data());
  ConvErrorF32(shape, tiling, output_gradient.data(), kernel.data(), scratch, input_gradient.data());
  ConvWeightGradientF32(shape, tiling, input.data(), output_gradient.data(), scratch, gradient.data());
  Write(output);
  Write(input_gradient);
  Write(gradient);
}

void DepthwiseConv(const int32_t* numbers) {
  const ConvShape shape = ConvShapeOf(numbers);
  const Values input = Read(shape.batch * shape.input_size());
  const Values kernel = Read(shape.num_taps() * shape.input.channels);
  const Values output_gradient = Read(shape.batch * shape.output_size());
  Values gradient = Read(kernel.size()), output(output_gradient.size()), input_gradient(input.size());
  DepthwiseConvForwardF32(shape, input.data(), kernel.data(), output.data());
  DepthwiseConvErrorF32(shape, output_gradient.data(), kernel.data(), input_gradient.data());
  DepthwiseConvWeightGradientF32(shape, input.data(), output_gradient.data(), gradient.data());
  Write(output);
  Write(input_gradient);
  Write(gradient);
}

void FullyConnected(const int32_t* numbers) {
  const FullyConnectedShape shape = {static_cast<size_t>(numbers[0]), static_cast<size_t>(numbers[1]),
                                     static_cast<size_t>(numbers[2])};
  const Values input = Read(shape.batch * shape.inputs), weights = Read(shape.inputs * shape.outputs);
  const Values bias = Read(shape.outputs), output_gradient = Read(shape.batch * shape.outputs);
  Values weights_gradient = Read(weights.size()), bias_gradient = Read(bias.size());
  Values output(output_gradient.size()), input_gradient(input.size());
  FullyConnectedForwardF32(shape, input.data(), weights.data(), bias.data(), output.data());
  FullyConnectedErrorF32(shape, output_gradient.data(), weights.data(), input_gradient.data());
  FullyConnectedWeightGradientF32(shape, input.data(), output_gradient.data(), weights_gradient.data(),
                                  bias_gradient.data());
  Write(output);
  Write(input_gradient);
  Write(weights_gradient);
  Write(bias_gradient);
}

void AveragePool(const int32_t* numbers) {
  const AveragePoolShape shape = {static_cast<size_t>(numbers[0]), static_cast<size_t>(numbers[1]),
                                  static_cast<size_t>(numbers[2])};
  const Values input = Read(shape.batch * shape.pixels * shape.channels);
  const Values output_gradient = Read(shape.batch * shape.channels);
  Values output(output_gradient.size()), input_gradient(input.size());
  AveragePoolForwardF32(shape, input.data(), output.data());
  AveragePoolErrorF32(shape, output_gradient.data(), input_gradient.data());
  Write(output);
  Write(input_gradient);
}

void Renorm(const int32_t* numbers) {
  const size_t rows = numbers[0], channels = numbers[1];
  const Values settings = Read(4);
  const BatchRenorm renorm = {settings[0], settings[1], settings[2], settings[3]};
  const Values x = Read(rows * channels), gamma = Read(channels), beta = Read(channels);
  Values mean = Read(channels), variance = Read(channels), gradient = Read(x.size());
  Values gamma_gradient = Read(channels), beta_gradient = Read(channels);
  Values inverse(channels), r(channels), d(channels), scale(channels), offset(channels), sums(3 * channels);
  Values xhat = x, y(x.size());
  const BatchRenormWeights weights = {gamma.data(), beta.data()};
  const BatchRenormMoving moving = {mean.data(), variance.data()};
  const BatchRenormSaved saved = {inverse.data(), r.data(), d.data()};
  const ChannelMap map = {scale.data(), offset.data()};
  BatchRenormNormalizeF32(renorm, rows, channels, xhat.data(), moving, saved);
  BatchRenormTrainingMapF32(channels, weights, saved, map);
  ChannelMapF32(rows, channels, map, xhat.data(), y.data());
  BatchRenormErrorF32(rows, channels, weights, saved, xhat.data(), sums.data(), gradient.data(), gamma_gradient.data(),
                      beta_gradient.data());
  for (const Values& values : {y, mean, variance, gradient, gamma_gradient, beta_gradient}) Write(values);
  BatchRenormInferenceMapF32(renorm, channels, weights, moving, map);
  ChannelMapF32(rows, channels, map, x.data(), y.data());
  Write(y);
}

void Relu(const int32_t* numbers) {
  Values values = Read(numbers[0]), gradient = Read(numbers[0]);
  ReluForwardF32({values.data(), values.size()});
  ReluErrorF32(Span<const float>(values.data(), values.size()), {gradient.data(), gradient.size()});
  Write(values);
  Write(gradient);
}

void SoftmaxCrossEntropy(const int32_t* numbers) {
  const Values known = Read(numbers[1]), labels = Read(numbers[0]);
  const std::vector<uint8_t> known_bytes(known.begin(), known.end());
  const std::vector<uint16_t> label_words(labels.begin(), labels.end());
  Values logits = Read(labels.size() * known.size());
  Write(
      {SoftmaxCrossEntropyF32({known_bytes.data(), known.size()}, {label_words.data(), labels.size()}, logits.data())});
  Write(logits);
}

void SgdStep(const int32_t* numbers) {
  const Values settings = Read(3);
  const Sgd sgd = {settings[0], settings[1], settings[2]};
  Values weights = Read(numbers[0]), velocities = Read(numbers[0]);
  const Values gradients = Read(numbers[0]);
  const Span<float> weights_span(weights.data(), weights.size()), velocities_span(velocities.data(), weights.size());
  SgdBeginStepF32(sgd, weights_span, velocities_span);
  for (size_t i = 0; i < gradients.size(); ++i) velocities[i] += gradients[i];
  SgdEndStepF32(sgd, velocities_span, weights_span);
  Write(weights);
  Write(velocities);
}

struct Layer {
  const char* name;
  int num_numbers;
  void (*run)(const int32_t* numbers);
};

constexpr Layer kLayers[] = {
    {"conv", 14, Conv},
    {"depthwise_conv", 14, DepthwiseConv},
    {"fully_connected", 3, FullyConnected},
    {"average_pool", 3, AveragePool},
    {"batch_renorm", 2, Renorm},
    {"relu", 1, Relu},
    {"softmax_cross_entropy", 2, SoftmaxCrossEntropy},
    {"sgd", 1, SgdStep},
};

}  // namespace
}  // namespace tfodcl

int main(int argc, char** argv) {
  std::vector<int32_t> numbers;
  for (int i = 2; i < argc; ++i) numbers.push_back(std::atoi(argv[i]));
  for (const tfodcl::Layer& layer : tfodcl::kLayers) {
    if (argc < 2 || std::strcmp(argv[1], layer.name) != 0) continue;
    if (argc != 2 + layer.num_numbers) return 2;
    layer.run(numbers.data());
    return 0;
  }
  return 2;
}
