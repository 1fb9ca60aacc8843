// The adaptive stage: the layers behind the latent, which a device trains (QLR-CL, arXiv 2110.10486).
//
// What a step keeps of a convolution is xhat, its normalised output, and nothing else. Its activation is a multiply-add
// and a comparison away, and is computed where it is read: by the next layer, forward and for its weight gradient. The
// gradient of a layer's output takes the place of its xhat, which is then not needed any longer. So one working map, as
// large as the largest output, serves all activations and errors; gradients of arrays are added to their velocities.
//
// All results have the same bits on every core, and whatever the scratch (training/conv.h).

#ifndef TFODCL_STAGE_ADAPTIVE_STAGE_H_
#define TFODCL_STAGE_ADAPTIVE_STAGE_H_

#include "base/arena.h"
#include "stage/network_section.h"
#include "training/conv.h"
#include "training/sgd.h"

namespace tfodcl {

// What a stage must agree with, and how large it may be.
struct StageSettings {
  uint32_t latent_dim;     // of the package
  uint32_t capacity;       // of the package: classes
  float rate;              // learning rate, above 0
  uint32_t max_batch;      // most samples of a mini-batch, 1..65,535
  uint32_t scratch_bytes;  // most for what convolutions copy; those that need more work in tiles
};

// Bytes of an arena, by part.
struct StageMemory {
  uint64_t weights = 0;      // all arrays
  uint64_t velocities = 0;   // of those that SGD changes
  uint64_t activations = 0;  // of a mini-batch: what is kept of every layer, the working map, values of channels
  uint64_t scratch = 0;      // copies of tiles
  uint64_t other = 0;        // descriptions of layers, known classes

  uint64_t total() const { return weights + velocities + activations + scratch + other; }
};

class AdaptiveStage {
 public:
  // What Prepare takes, to the byte. `section` is that of a package (NetworkSection::Read).
  // Errors: those of NetworkSection::Read; kInvalidPackage: latent_dim or capacity is another; kInvalidArgument: the
  // rate or max_batch is out of range, or scratch_bytes do not suffice for a pixel of some layer.
  static Status RequiredBytes(Bytes section, const StageSettings& settings, StageMemory* memory);

  // Copies the arrays; velocities are 0, and no class is known. Nothing refers to `section` afterwards; the arena's
  // memory must outlive the stage. The errors of RequiredBytes, and kArenaTooSmall: nothing is taken then.
  Status Prepare(Bytes section, const StageSettings& settings, Arena* arena);

  // The arrays are again those of `section`, which Prepare was given; velocities are 0, and no class is known.
  void Reset(Bytes section);

  const StageMemory& memory() const { return memory_; }
  size_t num_features() const { return head().is.input.channels; }  // inputs of the head

  // Replaces the head by rows (capacity, num_features), one a class; classes whose `known` (capacity,) is not 0 are
  // those that it decides among. All velocities become 0.
  void SetHead(Span<const float> rows, Span<const uint8_t> known);
  // The head's row of a class, to row (num_features,).
  void CopyRow(uint32_t label, Span<float> row) const;

  // One step of SGD on a mini-batch: latents (n, latent_dim) of `labels` (n,), which are known; 1 <= n <= max_batch.
  // The mean cross-entropy over the known classes, before the step.
  float Step(Span<const float> latents, Span<const uint16_t> labels);

  // Logits (n, capacity) of latents (n, latent_dim), 1 <= n <= max_batch, with the moving statistics; the least there
  // is for classes that are not known. Valid until the stage is used again.
  Span<const float> Logits(Span<const float> latents);

  // All arrays, layer by layer, each as in the section, without gaps.
  Span<float> arrays() { return arrays_; }

 private:
  struct Layer {
    NetworkLayer is;
    ConvTiling tiling;
    float* arrays;  // kernel, gamma, beta, moving mean, moving variance
    float* velocities;
    float*
        kept;  // (max_batch, output): xhat, then the output's gradient; of pool and head the output, then its gradient
    BatchRenormSaved saved;

    size_t kernel_size() const { return static_cast<size_t>(is.kernel_size()); }
    size_t channels() const { return is.output.channels; }
    size_t pixels() const { return static_cast<size_t>(is.output.height) * is.output.width; }
    BatchRenormWeights norm() const { return {arrays + kernel_size(), arrays + kernel_size() + channels()}; }
    BatchRenormMoving moving() const {
      return {arrays + kernel_size() + 2 * channels(), arrays + kernel_size() + 3 * channels()};
    }
    Span<float> trained() const { return {arrays, static_cast<size_t>(is.trained_size())}; }
    Span<float> trained_velocities() const { return {velocities, static_cast<size_t>(is.trained_size())}; }
  };

  static Status Measure(const NetworkSection& section, const StageSettings& settings, StageMemory* memory);
  // `source` is an Arena or an ArenaMeasure.
  template <typename Source>
  Status TakeMemory(const NetworkSection& section, const StageSettings& settings, Source* source);
  void Begin(const NetworkSection& section);
  void Place(const NetworkSection& section);

  const Layer& head() const { return layers_[layers_.size() - 1]; }
  ChannelMap map() const { return {channel_values_.data(), channel_values_.data() + channel_values_.size() / 3}; }

  void Convolve(const Layer& layer, size_t n, const float* input);
  const float* ForwardTraining(const Layer& layer, size_t n, const float* input);
  const float* ForwardInference(const Layer& layer, size_t n, const float* input);
  // What the layer gave in ForwardTraining: kept, or computed again into the working map.
  const float* Output(const Layer& layer, size_t n);
  // From the gradient of the layer's output in the working map to that of its convolution's in `kept`.
  void BackwardOutput(const Layer& layer, size_t n);
  void AddWeightGradient(const Layer& layer, size_t n, const float* input);
  // From the gradient in `kept` to that of the layer's input in the working map.
  void BackwardInput(const Layer& layer, size_t n);

  StageSettings settings_{};
  Sgd sgd_{};
  BatchRenorm renorm_{};
  StageMemory memory_;
  Span<Layer> layers_;
  Span<uint8_t> known_;         // (capacity,)
  Span<float> arrays_;          // of all layers
  Span<float> velocities_;      // of all layers
  Span<float> kept_;            // of all layers
  Span<float> working_;         // (max_batch, the largest output but the head's)
  Span<float> saved_;           // of all layers: (3, channels) each
  Span<float> channel_values_;  // (3, the most channels): a map, or sums
  Span<float> scratch_;
};

}  // namespace tfodcl

#endif  // TFODCL_STAGE_ADAPTIVE_STAGE_H_
