// The plan of an encoder (SPEC.md 4), read in place: header, tensors, and what operators need of the arrays behind
// them. Bytes are little-endian, as on every board and host, so that arrays are used where they lie.

#ifndef TFODCL_ENCODER_BUILTIN_GRAPH_H_
#define TFODCL_ENCODER_BUILTIN_GRAPH_H_

#include "base/bytes.h"
#include "base/span.h"
#include "base/status.h"
#include "encoder/plan_header.h"
#include "kernels/window.h"

namespace tfodcl {

// A tensor where it lies. Constants are in the encoder section, all others in the arena.
struct PlanTensor {
  ImageShape shape;
  int8_t zero_point;
  bool is_constant;
  uint32_t offset;
  float scale;
};

// One entry of the plan's operators; fields by their offset in it.
class PlanOperator {
 public:
  explicit PlanOperator(const uint8_t* bytes) : bytes_(bytes) {}

  uint8_t kind() const { return bytes_[0]; }
  uint32_t num_bytes() const { return 4u * bytes_[1]; }
  int8_t low() const { return static_cast<int8_t>(bytes_[2]); }
  int8_t high() const { return static_cast<int8_t>(bytes_[3]); }
  uint16_t input() const { return U16(4); }
  uint16_t output() const { return U16(6); }

  uint8_t U8(size_t offset) const { return bytes_[offset]; }
  int8_t I8(size_t offset) const { return static_cast<int8_t>(bytes_[offset]); }
  uint16_t U16(size_t offset) const { return ReadU16(bytes_ + offset); }
  uint32_t U32(size_t offset) const { return ReadU32(bytes_ + offset); }
  int32_t I32(size_t offset) const { return static_cast<int32_t>(ReadU32(bytes_ + offset)); }

  const uint8_t* begin() const { return bytes_; }
  const uint8_t* end() const { return bytes_ + num_bytes(); }

 private:
  const uint8_t* bytes_;
};

// A plan with its encoder section and arena. Everything but Check relies on Check.
class Graph {
 public:
  Graph(Bytes tflite, Bytes plan, const PlanHeader& header, Span<int8_t> arena)
      : tflite_(tflite), plan_(plan), header_(header), arena_(arena) {}

  // The CRC-32 and all tensors; operators are checked by themselves. kInvalidPackage.
  Status Check() const;

  const PlanHeader& header() const { return header_; }
  PlanTensor Tensor(uint16_t index) const;
  PlanOperator FirstOperator() const;
  const uint8_t* end() const { return plan_.end(); }

  const int8_t* Input(const PlanTensor& tensor) const;
  int8_t* Memory(uint32_t offset) const { return arena_.data() + offset; }

  bool HasArena(uint32_t offset, uint64_t num_bytes) const { return offset + num_bytes <= arena_.size(); }
  bool HasWeights(uint32_t offset, uint64_t num_bytes) const { return offset + num_bytes <= tflite_.size(); }
  bool HasArray(uint32_t offset, uint64_t num_bytes) const {
    return offset % 4 == 0 && offset + num_bytes <= plan_.size();
  }
  const int8_t* Weights(uint32_t offset) const { return reinterpret_cast<const int8_t*>(tflite_.data() + offset); }
  const uint8_t* Array(uint32_t offset) const { return plan_.data() + offset; }

 private:
  bool IsValid(const PlanTensor& tensor) const;

  Bytes tflite_;
  Bytes plan_;
  PlanHeader header_;
  Span<int8_t> arena_;
};

}  // namespace tfodcl

#endif  // TFODCL_ENCODER_BUILTIN_GRAPH_H_
