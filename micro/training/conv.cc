#include "training/conv.h"

#include <cstring>

#include "training/matmul.h"

namespace tfodcl {
namespace {

constexpr size_t kRowBlock = 4;  // rows that MatMulF32 takes at once: tiles of a multiple waste none

// Calls run(tile) for the tiles of every tap.
template <typename Run>
void ForEachTile(const ConvShape& shape, const ConvTiling& tiling, const Run& run) {
  const size_t num_pixels = shape.num_pixels();
  for (size_t tap = 0; tap < shape.num_taps(); ++tap) {
    for (size_t begin = 0; begin < num_pixels; begin += tiling.tile_pixels) {
      const size_t rest = num_pixels - begin;
      run(Tile{tap, begin, begin + (rest < tiling.tile_pixels ? rest : tiling.tile_pixels)});
    }
  }
}

// What the tile's tap meets: in place, or copied to scratch.
const float* ValuesOf(const ConvShape& shape, const Tile& tile, const float* input, Span<float> scratch) {
  if (ConvReadsInPlace(shape)) return input + tile.begin * shape.input.channels;
  CopyTapF32(shape, tile, input, scratch.data());
  return scratch.data();
}

// Values of a tap's part of the kernel.
size_t TapSize(const ConvShape& shape) { return static_cast<size_t>(shape.input.channels) * shape.output.channels; }

}  // namespace

bool ConvReadsInPlace(const ConvShape& shape) {
  return shape.num_taps() == 1 && shape.window.stride_height == 1 && shape.window.stride_width == 1;
}

uint64_t ConvScratchBytes(const ConvShape& shape, const ConvTiling& tiling) {
  return ConvReadsInPlace(shape) ? 0 : uint64_t{sizeof(float)} * tiling.tile_pixels * shape.input.channels;
}

ConvTiling PlanConvTiling(const ConvShape& shape, uint64_t scratch_bytes) {
  const size_t all = shape.num_pixels();
  if (ConvScratchBytes(shape, {all}) <= scratch_bytes) return {all};
  const size_t fitting = static_cast<size_t>(scratch_bytes / ConvScratchBytes(shape, {1}));
  return {fitting < kRowBlock ? fitting : fitting / kRowBlock * kRowBlock};
}

void ConvForwardTileF32(const ConvShape& shape, const Tile& tile, const float* values, const float* kernel,
                        float* output) {
  const size_t inputs = shape.input.channels, outputs = shape.output.channels;
  MatMulF32({tile.size(), outputs, inputs}, values, kernel + tile.tap * TapSize(shape),
            tile.tap == 0 ? SumFrom::kZero : SumFrom::kResult, output + tile.begin * outputs);
}

void ConvWeightGradientTileF32(const ConvShape& shape, const Tile& tile, const float* values,
                               const float* output_gradient, float* kernel_gradient) {
  const size_t inputs = shape.input.channels, outputs = shape.output.channels;
  MatMulTransposedAF32({inputs, outputs, tile.size()}, values, output_gradient + tile.begin * outputs, SumFrom::kResult,
                       kernel_gradient + tile.tap * TapSize(shape));
}

void ConvForwardF32(const ConvShape& shape, const ConvTiling& tiling, const float* input, const float* kernel,
                    Span<float> scratch, float* output) {
  ForEachTile(shape, tiling, [&](const Tile& tile) {
    ConvForwardTileF32(shape, tile, ValuesOf(shape, tile, input, scratch), kernel, output);
  });
}

void ConvErrorF32(const ConvShape& shape, const ConvTiling& tiling, const float* output_gradient, const float* kernel,
                  Span<float> scratch, float* input_gradient) {
  const size_t inputs = shape.input.channels, outputs = shape.output.channels;
  const bool in_place = ConvReadsInPlace(shape);
  if (!in_place) std::memset(input_gradient, 0, sizeof(float) * shape.batch * shape.input_size());
  ForEachTile(shape, tiling, [&](const Tile& tile) {
    MatMulTransposedBF32({tile.size(), inputs, outputs}, output_gradient + tile.begin * outputs,
                         kernel + tile.tap * TapSize(shape), SumFrom::kZero,
                         in_place ? input_gradient + tile.begin * inputs : scratch.data());
    if (!in_place) AddTapF32(shape, tile, scratch.data(), input_gradient);
  });
}

void ConvWeightGradientF32(const ConvShape& shape, const ConvTiling& tiling, const float* input,
                           const float* output_gradient, Span<float> scratch, float* kernel_gradient) {
  ForEachTile(shape, tiling, [&](const Tile& tile) {
    ConvWeightGradientTileF32(shape, tile, ValuesOf(shape, tile, input, scratch), output_gradient, kernel_gradient);
  });
}

}  // namespace tfodcl
