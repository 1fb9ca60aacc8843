// Reads the section *network* of a package in place (SPEC.md 2.8): the layers that a device trains, with their arrays.

#ifndef TFODCL_STAGE_NETWORK_SECTION_H_
#define TFODCL_STAGE_NETWORK_SECTION_H_

#include "base/bytes.h"
#include "base/span.h"
#include "base/status.h"
#include "training/batch_renorm.h"
#include "training/conv_shape.h"

namespace tfodcl {

enum class LayerKind : uint8_t { kConv = 1, kDepthwise = 2, kPointwise = 3, kPool = 4, kHead = 5 };

// One layer, within the limits of the section. The head's input has height and width 1.
struct NetworkLayer {
  LayerKind kind;
  int32_t size;
  int32_t stride;
  ImageShape input;
  ImageShape output;
  uint32_t arrays;  // where they begin in the section

  bool has_norm() const { return kind != LayerKind::kPool && kind != LayerKind::kHead; }
  // Values of its kernel, of all arrays that SGD changes (kernel, gamma, beta), and of all its arrays.
  uint64_t kernel_size() const;
  uint64_t trained_size() const;
  uint64_t arrays_size() const;

  // Of all kinds but the pool, for mini-batches of `batch`: padded as the section says.
  ConvShape Convolution(int32_t batch) const;
};

class NetworkSection {
 public:
  // Checks every byte of `section`, which outlives this object. If this fails, nothing else may be called.
  // kInvalidArgument: it does not begin at a multiple of 32 bytes. kUnsupportedNetwork: a kind of layer without a
  // kernel. kInvalidPackage: anything else that no writer writes.
  Status Read(Bytes section);

  uint16_t num_layers() const { return ReadU16(section_.data()); }
  ImageShape latent() const;
  // Most new samples of a training batch; 0: as many as a mini-batch has.
  uint16_t max_new() const { return ReadU16(section_.data() + 6); }
  float momentum() const { return ReadF32(section_.data() + 12); }
  float weight_decay() const { return ReadF32(section_.data() + 16); }
  BatchRenorm renorm() const;

  // Calls visit(layer) for all layers in order.
  template <typename Visit>
  void ForEachLayer(const Visit& visit) const {
    ImageShape shape = latent();
    for (uint16_t i = 0; i < num_layers(); ++i) {
      const NetworkLayer layer = Layer(i, shape);
      visit(layer);
      shape = layer.output;
    }
  }

  // Copies kernel, gamma, beta, moving mean and moving variance, those that there are, to `to` (arrays_size(),).
  void CopyArrays(const NetworkLayer& layer, float* to) const;

 private:
  const uint8_t* Entry(uint16_t index) const;
  NetworkLayer Layer(uint16_t index, const ImageShape& input) const;
  Status CheckHeader() const;
  Status CheckLayer(uint16_t index, const NetworkLayer& layer) const;
  // The layer's arrays must begin at `offset`, which becomes where the next ones do.
  Status CheckArrays(const NetworkLayer& layer, uint64_t* offset) const;

  Bytes section_;
};

}  // namespace tfodcl

#endif  // TFODCL_STAGE_NETWORK_SECTION_H_
