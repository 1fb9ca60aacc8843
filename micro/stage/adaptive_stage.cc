#include "stage/adaptive_stage.h"

#include <algorithm>
#include <cfloat>
#include <cstring>

#include "training/average_pool.h"
#include "training/depthwise_conv.h"
#include "training/relu.h"
#include "training/softmax_cross_entropy.h"

namespace tfodcl {
namespace {

constexpr uint32_t kMaxBatch = 65'535;

// Numbers of float32 values that a network needs.
struct Sizes {
  uint64_t arrays = 0;
  uint64_t velocities = 0;
  uint64_t kept = 0;     // of one sample
  uint64_t working = 0;  // of one sample
  uint64_t saved = 0;
  uint64_t channels = 0;  // the most
  uint64_t scratch = 0;
  bool is_scratch_enough = true;
};

bool IsDense(const NetworkLayer& layer) {
  return layer.kind != LayerKind::kPool && layer.kind != LayerKind::kDepthwise;
}

AveragePoolShape PoolShape(const NetworkLayer& layer, size_t n) {
  return {n, static_cast<size_t>(layer.input.height) * layer.input.width, static_cast<size_t>(layer.input.channels)};
}

Sizes SizesOf(const NetworkSection& section, const StageSettings& settings) {
  Sizes sizes;
  section.ForEachLayer([&](const NetworkLayer& layer) {
    const uint64_t channels = layer.output.channels, output = layer.output.size();
    sizes.arrays += layer.arrays_size();
    sizes.velocities += layer.trained_size();
    sizes.kept += output;
    if (layer.kind != LayerKind::kHead) sizes.working = std::max(sizes.working, output);
    if (layer.has_norm()) {
      sizes.saved += 3 * channels;
      sizes.channels = std::max(sizes.channels, channels);
    }
    if (IsDense(layer)) {
      const ConvShape shape = layer.Convolution(static_cast<int32_t>(settings.max_batch));
      const ConvTiling tiling = PlanConvTiling(shape, settings.scratch_bytes);
      if (tiling.tile_pixels == 0) sizes.is_scratch_enough = false;
      sizes.scratch = std::max<uint64_t>(sizes.scratch, ConvScratchBytes(shape, tiling) / sizeof(float));
    }
  });
  return sizes;
}

Status CheckSettings(const NetworkSection& section, const StageSettings& settings) {
  const bool in_range =
      settings.rate > 0.0f && settings.rate <= FLT_MAX && settings.max_batch >= 1 && settings.max_batch <= kMaxBatch;
  if (!in_range) return Status::kInvalidArgument;
  uint32_t capacity = 0;
  section.ForEachLayer([&](const NetworkLayer& layer) { capacity = layer.output.channels; });
  const bool agrees =
      settings.latent_dim == static_cast<uint32_t>(section.latent().size()) && settings.capacity == capacity;
  return agrees ? Status::kOk : Status::kInvalidPackage;
}

}  // namespace

template <typename Source>
Status AdaptiveStage::TakeMemory(const NetworkSection& section, const StageSettings& settings, Source* source) {
  const Sizes sizes = SizesOf(section, settings);
  if (!sizes.is_scratch_enough) return Status::kInvalidArgument;
  Status status = Status::kOk;
  const auto take = [&](uint64_t count, auto* out, uint64_t* part) {
    const uint64_t before = source->used();
    if (status == Status::kOk) status = source->Allocate(count, out);
    *part += source->used() - before;
  };
  memory_ = StageMemory();
  take(section.num_layers(), &layers_, &memory_.other);
  take(settings.capacity, &known_, &memory_.other);
  take(sizes.arrays, &arrays_, &memory_.weights);
  take(sizes.velocities, &velocities_, &memory_.velocities);
  take(settings.max_batch * sizes.kept, &kept_, &memory_.activations);
  take(settings.max_batch * sizes.working, &working_, &memory_.activations);
  take(sizes.saved, &saved_, &memory_.activations);
  take(3 * sizes.channels, &channel_values_, &memory_.activations);
  take(sizes.scratch, &scratch_, &memory_.scratch);
  return status;
}

Status AdaptiveStage::Measure(const NetworkSection& section, const StageSettings& settings, StageMemory* memory) {
  if (Status status = CheckSettings(section, settings); status != Status::kOk) return status;
  ArenaMeasure measure;
  AdaptiveStage stage;
  const Status status = stage.TakeMemory(section, settings, &measure);
  *memory = stage.memory_;
  return status;
}

Status AdaptiveStage::RequiredBytes(Bytes section, const StageSettings& settings, StageMemory* memory) {
  NetworkSection network;
  const Status status = network.Read(section);
  return status == Status::kOk ? Measure(network, settings, memory) : status;
}

Status AdaptiveStage::Prepare(Bytes section, const StageSettings& settings, Arena* arena) {
  NetworkSection network;
  StageMemory required;
  Status status = network.Read(section);
  if (status == Status::kOk) status = Measure(network, settings, &required);
  if (status == Status::kOk && required.total() > arena->rest().size()) status = Status::kArenaTooSmall;
  if (status == Status::kOk) status = TakeMemory(network, settings, arena);
  if (status != Status::kOk) return status;
  settings_ = settings;
  sgd_ = {settings.rate, network.momentum(), network.weight_decay()};
  renorm_ = network.renorm();
  Begin(network);
  return Status::kOk;
}

void AdaptiveStage::Reset(Bytes section) {
  NetworkSection network;
  if (network.Read(section) == Status::kOk) Begin(network);
}

void AdaptiveStage::Begin(const NetworkSection& section) {
  Place(section);
  std::fill(known_.begin(), known_.end(), uint8_t{0});
  std::fill(velocities_.begin(), velocities_.end(), 0.0f);
}

void AdaptiveStage::Place(const NetworkSection& section) {
  Layer* layer = layers_.data();
  float *arrays = arrays_.data(), *velocities = velocities_.data(), *kept = kept_.data(), *saved = saved_.data();
  section.ForEachLayer([&](const NetworkLayer& is) {
    const size_t channels = is.output.channels;
    *layer = Layer{is, {}, arrays, velocities, kept, {saved, saved + channels, saved + 2 * channels}};
    if (IsDense(is)) {
      layer->tiling =
          PlanConvTiling(is.Convolution(static_cast<int32_t>(settings_.max_batch)), settings_.scratch_bytes);
    }
    section.CopyArrays(is, arrays);
    arrays += is.arrays_size();
    velocities += is.trained_size();
    kept += settings_.max_batch * static_cast<size_t>(is.output.size());
    if (is.has_norm()) saved += 3 * channels;
    ++layer;
  });
}

void AdaptiveStage::SetHead(Span<const float> rows, Span<const uint8_t> known) {
  const size_t num_classes = settings_.capacity;
  float* kernel = head().arrays;
  for (size_t feature = 0; feature < num_features(); ++feature) {
    for (size_t label = 0; label < num_classes; ++label) *kernel++ = rows[label * num_features() + feature];
  }
  std::copy(known.begin(), known.end(), known_.begin());
  std::fill(velocities_.begin(), velocities_.end(), 0.0f);
}

void AdaptiveStage::CopyRow(uint32_t label, Span<float> row) const {
  const float* weight = head().arrays + label;
  for (float& value : row) {
    value = *weight;
    weight += settings_.capacity;
  }
}

void AdaptiveStage::Convolve(const Layer& layer, size_t n, const float* input) {
  const ConvShape shape = layer.is.Convolution(static_cast<int32_t>(n));
  if (layer.is.kind == LayerKind::kDepthwise) {
    DepthwiseConvForwardF32(shape, input, layer.arrays, layer.kept);
  } else {
    ConvForwardF32(shape, layer.tiling, input, layer.arrays, scratch_, layer.kept);
  }
}

const float* AdaptiveStage::ForwardTraining(const Layer& layer, size_t n, const float* input) {
  if (layer.is.kind == LayerKind::kPool) {
    AveragePoolForwardF32(PoolShape(layer.is, n), input, layer.kept);
    return layer.kept;
  }
  Convolve(layer, n, input);
  if (layer.is.has_norm()) {
    BatchRenormNormalizeF32(renorm_, n * layer.pixels(), layer.channels(), layer.kept, layer.moving(), layer.saved);
  }
  return Output(layer, n);
}

const float* AdaptiveStage::Output(const Layer& layer, size_t n) {
  if (!layer.is.has_norm()) return layer.kept;
  const size_t rows = n * layer.pixels();
  BatchRenormTrainingMapF32(layer.channels(), layer.norm(), layer.saved, map());
  ChannelMapF32(rows, layer.channels(), map(), layer.kept, working_.data());
  ReluForwardF32(working_.subspan(0, rows * layer.channels()));
  return working_.data();
}

const float* AdaptiveStage::ForwardInference(const Layer& layer, size_t n, const float* input) {
  if (!layer.is.has_norm()) return ForwardTraining(layer, n, input);
  Convolve(layer, n, input);
  const size_t rows = n * layer.pixels();
  BatchRenormInferenceMapF32(renorm_, layer.channels(), layer.norm(), layer.moving(), map());
  ChannelMapF32(rows, layer.channels(), map(), layer.kept, layer.kept);
  ReluForwardF32({layer.kept, rows * layer.channels()});
  return layer.kept;
}

Span<const float> AdaptiveStage::Logits(Span<const float> latents) {
  const size_t n = latents.size() / settings_.latent_dim, num_classes = settings_.capacity;
  const float* input = latents.data();
  for (const Layer& layer : layers_) input = ForwardInference(layer, n, input);
  const Span<float> logits(head().kept, n * num_classes);
  for (size_t i = 0; i < logits.size(); ++i) {
    if (known_[i % num_classes] == 0) logits[i] = -FLT_MAX;
  }
  return logits;
}

float AdaptiveStage::Step(Span<const float> latents, Span<const uint16_t> labels) {
  const size_t n = labels.size();
  const float* input = latents.data();
  for (const Layer& layer : layers_) input = ForwardTraining(layer, n, input);
  const float loss = SoftmaxCrossEntropyF32(known_, labels, head().kept);
  for (size_t i = layers_.size(); i-- > 0;) {
    const Layer& layer = layers_[i];
    SgdBeginStepF32(sgd_, layer.trained(), layer.trained_velocities());
    if (layer.is.kind != LayerKind::kHead) BackwardOutput(layer, n);
    if (layer.is.kind != LayerKind::kPool) {
      AddWeightGradient(layer, n, i == 0 ? latents.data() : Output(layers_[i - 1], n));
    }
    if (i > 0) BackwardInput(layer, n);
    SgdEndStepF32(sgd_, layer.trained_velocities(), layer.trained());
  }
  return loss;
}

void AdaptiveStage::BackwardOutput(const Layer& layer, size_t n) {
  const size_t rows = n * layer.pixels(), channels = layer.channels();
  if (layer.is.has_norm()) {
    float* const gamma_gradient = layer.velocities + layer.kernel_size();
    BatchRenormTrainingMapF32(channels, layer.norm(), layer.saved, map());
    MappedReluErrorF32(rows, channels, map(), layer.kept, working_.data());
    BatchRenormErrorF32(rows, channels, layer.norm(), layer.saved, layer.kept, channel_values_.data(), working_.data(),
                        gamma_gradient, gamma_gradient + channels);
  }
  std::memcpy(layer.kept, working_.data(), sizeof(float) * rows * channels);
}

void AdaptiveStage::AddWeightGradient(const Layer& layer, size_t n, const float* input) {
  const ConvShape shape = layer.is.Convolution(static_cast<int32_t>(n));
  if (layer.is.kind == LayerKind::kDepthwise) {
    DepthwiseConvWeightGradientF32(shape, input, layer.kept, layer.velocities);
  } else {
    ConvWeightGradientF32(shape, layer.tiling, input, layer.kept, scratch_, layer.velocities);
  }
}

void AdaptiveStage::BackwardInput(const Layer& layer, size_t n) {
  if (layer.is.kind == LayerKind::kPool) {
    AveragePoolErrorF32(PoolShape(layer.is, n), layer.kept, working_.data());
    return;
  }
  const ConvShape shape = layer.is.Convolution(static_cast<int32_t>(n));
  if (layer.is.kind == LayerKind::kDepthwise) {
    DepthwiseConvErrorF32(shape, layer.kept, layer.arrays, working_.data());
  } else {
    ConvErrorF32(shape, layer.tiling, layer.kept, layer.arrays, scratch_, working_.data());
  }
}

}  // namespace tfodcl
