#include "stage/network_section.h"

#include <cstring>

namespace tfodcl {
namespace {

constexpr uint32_t kAlignment = 32;
constexpr uint32_t kHeaderBytes = 32;
constexpr uint32_t kLayerBytes = 16;
// Arrays of a layer in order: kernel, gamma, beta, moving mean, moving variance.
constexpr uint32_t kVariance = 4;
constexpr uint32_t kNumArrays = 5;
constexpr uint64_t kMaxValues = 1'048'576;  // of the latent and of every output
constexpr uint64_t kMaxSide = 65'535;       // height and width
constexpr int32_t kMaxClasses = 65'536;
constexpr float kNormEpsilon = 1e-3f;

uint64_t Aligned(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

bool IsZero(Bytes bytes) {
  for (const uint8_t byte : bytes) {
    if (byte != 0) return false;
  }
  return true;
}

// False for NaN.
bool IsWithin(float value, float least, float most) { return value >= least && value <= most; }

constexpr float kMaxF32 = 3.402823466e+38f;

bool IsShapeValid(uint64_t height, uint64_t width, uint64_t channels) {
  return height >= 1 && height <= kMaxSide && width >= 1 && width <= kMaxSide && channels >= 1 &&
         channels <= kMaxValues && height * width * channels <= kMaxValues;
}

int32_t RoundUp(int32_t length, int32_t stride) { return (length + stride - 1) / stride; }

// Rows of zeros before the input, of those that an output of `output` rows needs.
int32_t PadBefore(int32_t input, int32_t output, int32_t size, int32_t stride) {
  const int32_t total = (output - 1) * stride + size - input;
  return total > 0 ? total / 2 : 0;
}

uint32_t NumArrays(const NetworkLayer& layer) {
  return layer.kind == LayerKind::kPool ? 0 : layer.has_norm() ? kNumArrays : 1;
}

uint64_t ArraySize(const NetworkLayer& layer, uint32_t index) {
  return index == 0 ? layer.kernel_size() : layer.output.channels;
}

}  // namespace

uint64_t NetworkLayer::kernel_size() const {
  const uint64_t taps = static_cast<uint64_t>(size) * size;
  switch (kind) {
    case LayerKind::kPool:
      return 0;
    case LayerKind::kDepthwise:
      return taps * output.channels;
    default:
      return taps * input.channels * output.channels;
  }
}

uint64_t NetworkLayer::trained_size() const { return kernel_size() + (has_norm() ? 2 * output.channels : 0); }

uint64_t NetworkLayer::arrays_size() const {
  return kernel_size() + (has_norm() ? (kNumArrays - 1) * output.channels : 0);
}

ConvShape NetworkLayer::Convolution(int32_t batch) const {
  const Window window = {size,
                         size,
                         stride,
                         stride,
                         PadBefore(input.height, output.height, size, stride),
                         PadBefore(input.width, output.width, size, stride)};
  return {batch, input, window, output};
}

ImageShape NetworkSection::latent() const {
  const uint8_t* header = section_.data();
  return {ReadU16(header + 2), ReadU16(header + 4), static_cast<int32_t>(ReadU32(header + 8))};
}

BatchRenorm NetworkSection::renorm() const {
  const uint8_t* header = section_.data();
  return {kNormEpsilon, ReadF32(header + 28), ReadF32(header + 20), ReadF32(header + 24)};
}

const uint8_t* NetworkSection::Entry(uint16_t index) const {
  return section_.data() + kHeaderBytes + kLayerBytes * index;
}

NetworkLayer NetworkSection::Layer(uint16_t index, const ImageShape& input) const {
  const uint8_t* entry = Entry(index);
  const int32_t channels = static_cast<int32_t>(ReadU32(entry + 4));
  NetworkLayer layer = {
      static_cast<LayerKind>(entry[0]), entry[1], entry[2], input, {1, 1, channels}, ReadU32(entry + 8)};
  if (layer.kind == LayerKind::kHead) layer.input = {1, 1, input.size()};
  if (layer.has_norm() && layer.stride > 0) {
    layer.output.height = RoundUp(input.height, layer.stride);
    layer.output.width = RoundUp(input.width, layer.stride);
  }
  return layer;
}

void NetworkSection::CopyArrays(const NetworkLayer& layer, float* to) const {
  const uint8_t* from = section_.data() + layer.arrays;
  for (uint32_t i = 0; i < NumArrays(layer); ++i) {
    const size_t count = static_cast<size_t>(ArraySize(layer, i));
    std::memcpy(to, from, sizeof(float) * count);
    to += count;
    from += Aligned(sizeof(float) * count);
  }
}

Status NetworkSection::CheckHeader() const {
  if (section_.size() < kHeaderBytes) return Status::kInvalidPackage;
  const uint8_t* header = section_.data();
  const uint64_t table_end = kHeaderBytes + uint64_t{kLayerBytes} * num_layers();
  const uint64_t arrays = Aligned(table_end);
  const bool below_one = IsWithin(momentum(), 0.0f, 1.0f) && momentum() < 1.0f;
  const bool valid =
      num_layers() >= 1 && below_one && IsShapeValid(ReadU16(header + 2), ReadU16(header + 4), ReadU32(header + 8)) &&
      IsWithin(weight_decay(), 0.0f, kMaxF32) && IsWithin(renorm().r_max, 1.0f, kMaxF32) &&
      IsWithin(renorm().d_max, 0.0f, kMaxF32) && IsWithin(renorm().momentum, 0.0f, 1.0f) && arrays <= section_.size() &&
      IsZero(section_.subspan(static_cast<size_t>(table_end), static_cast<size_t>(arrays - table_end)));
  return valid ? Status::kOk : Status::kInvalidPackage;
}

Status NetworkSection::CheckLayer(uint16_t index, const NetworkLayer& layer) const {
  const uint8_t* entry = Entry(index);
  if (entry[0] < 1 || entry[0] > static_cast<uint8_t>(LayerKind::kHead)) return Status::kUnsupportedNetwork;
  const bool is_head = layer.kind == LayerKind::kHead;
  const bool keeps_channels = layer.kind == LayerKind::kDepthwise || layer.kind == LayerKind::kPool;
  const bool is_sized = layer.kind == LayerKind::kPool                   ? layer.size == 0
                        : is_head || layer.kind == LayerKind::kPointwise ? layer.size == 1
                                                                         : layer.size >= 1;
  const bool is_stepped = layer.has_norm() ? layer.stride >= 1 : layer.stride == 1;
  const bool valid = is_sized && is_stepped && entry[3] == 0 && ReadU32(entry + 12) == 0 &&
                     IsShapeValid(layer.output.height, layer.output.width, ReadU32(entry + 4)) &&
                     (!keeps_channels || layer.output.channels == layer.input.channels) &&
                     is_head == (index + 1 == num_layers()) && (!is_head || layer.output.channels <= kMaxClasses);
  return valid ? Status::kOk : Status::kInvalidPackage;
}

Status NetworkSection::CheckArrays(const NetworkLayer& layer, uint64_t* offset) const {
  if (layer.arrays != (layer.kind == LayerKind::kPool ? 0 : *offset)) return Status::kInvalidPackage;
  for (uint32_t i = 0; i < NumArrays(layer); ++i) {
    const uint64_t bytes = sizeof(float) * ArraySize(layer, i);
    if (Aligned(bytes) > section_.size() - *offset) return Status::kInvalidPackage;
    const Bytes array = section_.subspan(static_cast<size_t>(*offset), static_cast<size_t>(Aligned(bytes)));
    const float least = i == kVariance ? 0.0f : -kMaxF32;
    for (size_t at = 0; at < bytes; at += sizeof(float)) {
      if (!IsWithin(ReadF32(&array[at]), least, kMaxF32)) return Status::kInvalidPackage;
    }
    if (!IsZero(array.subspan(static_cast<size_t>(bytes), array.size() - static_cast<size_t>(bytes)))) {
      return Status::kInvalidPackage;
    }
    *offset += array.size();
  }
  return Status::kOk;
}

Status NetworkSection::Read(Bytes section) {
  if (reinterpret_cast<uintptr_t>(section.data()) % kAlignment != 0) return Status::kInvalidArgument;
  section_ = section;
  if (Status status = CheckHeader(); status != Status::kOk) return status;
  uint64_t offset = Aligned(kHeaderBytes + uint64_t{kLayerBytes} * num_layers());
  ImageShape shape = latent();
  for (uint16_t i = 0; i < num_layers(); ++i) {
    const NetworkLayer layer = Layer(i, shape);
    if (Status status = CheckLayer(i, layer); status != Status::kOk) return status;
    if (Status status = CheckArrays(layer, &offset); status != Status::kOk) return status;
    shape = layer.output;
  }
  return offset == section.size() ? Status::kOk : Status::kInvalidPackage;
}

}  // namespace tfodcl
