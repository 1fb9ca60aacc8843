// The frozen int8 network, input -> latent. Two back ends implement this header, and the link decides which one a
// program has: tfodcl_encoder_builtin executes the package's plan (SPEC.md 4) with the kernels of micro/kernels;
// tfodcl_encoder_tflm hands the .tflite to TensorFlow Lite Micro. Their latents are the same, bit for bit.

#ifndef TFODCL_ENCODER_ENCODER_H_
#define TFODCL_ENCODER_ENCODER_H_

#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

// An int8 tensor of one sample: real value = scale x (value - zero_point). Layout: height, width, channels, the last
// one changing fastest; a tensor with fewer dimensions has ones in front.
struct EncoderTensor {
  uint32_t height = 0;
  uint32_t width = 0;
  uint32_t channels = 0;
  float scale = 0;
  int32_t zero_point = 0;
};

// What Prepare took from the arena, by part.
struct EncoderMemory {
  size_t tensor_bytes = 0;     // tensors and scratch, which share bytes
  size_t parameter_bytes = 0;  // of operators, where the plan in flash does not have them
  size_t other_bytes = 0;      // the back end's own
};

class Encoder {
 public:
  // "builtin" or "tflm".
  static const char* BackEnd();

  // Bytes that Prepare takes from an arena. Exact for builtin. For tflm, which shows its needs only when it is
  // prepared, those of the plan's tensors and an estimate of the interpreter's own.
  // kNoPlan: `plan` is empty. kInvalidPackage, kUnsupportedVersion: it is not a plan that this version reads.
  static Status RequiredBytes(Bytes tflite, Bytes plan, size_t* bytes);

  // Checks the sections *encoder* and *plan* of a package, and everything that Invoke relies on, once.
  // Both stay where they are, begin at a multiple of 32 bytes and must outlive the encoder, like the arena's memory.
  // kInvalidArgument: they do not begin there. kUnsupportedOperator: an operator without a kernel. kArenaTooSmall.
  // kNoPlan, kUnsupportedVersion, kInvalidPackage: as above, or the plan belongs to other bytes than `tflite`.
  // On failure nothing but Prepare may be called, and what was taken from the arena is not given back.
  Status Prepare(Bytes tflite, Bytes plan, Arena* arena);

  // Where a sample is written before every Invoke, which may reuse its memory.
  Span<int8_t> input() const { return input_; }
  // The latent of the last Invoke, until input() is written.
  Span<const int8_t> latent() const { return latent_; }

  const EncoderTensor& input_tensor() const { return input_tensor_; }
  const EncoderTensor& latent_tensor() const { return latent_tensor_; }

  const EncoderMemory& memory() const { return memory_; }

  // input() -> latent(). With builtin, always kOk; tflm: kInvalidPackage where the interpreter fails.
  Status Invoke();

 private:
  struct State;  // the back end's own, in the arena

  State* state_ = nullptr;
  Span<int8_t> input_;
  Span<int8_t> latent_;
  EncoderTensor input_tensor_;
  EncoderTensor latent_tensor_;
  EncoderMemory memory_;
};

}  // namespace tfodcl

#endif  // TFODCL_ENCODER_ENCODER_H_
