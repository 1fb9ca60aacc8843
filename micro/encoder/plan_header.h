// The first bytes of a plan (SPEC.md 4.1), from which both back ends know what the encoder needs.

#ifndef TFODCL_ENCODER_PLAN_HEADER_H_
#define TFODCL_ENCODER_PLAN_HEADER_H_

#include "base/bytes.h"
#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

inline constexpr uint16_t kPlanVersion = 1;
inline constexpr size_t kPlanHeaderBytes = 24;
inline constexpr size_t kPlanTensorBytes = 20;

struct PlanHeader {
  uint16_t num_tensors;
  uint16_t num_operators;
  uint32_t encoder_crc32;
  uint32_t encoder_bytes;
  uint32_t arena_bytes;
  uint16_t input;
  uint16_t output;
};

// kNoPlan, kUnsupportedVersion. kInvalidPackage: header and tensors are not complete, or the arena has 2^31 bytes or
// more.
inline Status ReadPlanHeader(Bytes plan, PlanHeader* header) {
  if (plan.empty()) return Status::kNoPlan;
  if (plan.size() < kPlanHeaderBytes) return Status::kInvalidPackage;
  const uint8_t* bytes = plan.data();
  if (ReadU16(bytes) != kPlanVersion) return Status::kUnsupportedVersion;
  *header = {ReadU16(bytes + 2),  ReadU16(bytes + 4),  ReadU32(bytes + 8), ReadU32(bytes + 12),
             ReadU32(bytes + 16), ReadU16(bytes + 20), ReadU16(bytes + 22)};
  const bool complete = plan.size() >= kPlanHeaderBytes + kPlanTensorBytes * header->num_tensors;
  const bool exists = header->input < header->num_tensors && header->output < header->num_tensors;
  const bool valid = ReadU16(bytes + 6) == 0 && complete && exists && header->arena_bytes <= INT32_MAX;
  return valid ? Status::kOk : Status::kInvalidPackage;
}

}  // namespace tfodcl

#endif  // TFODCL_ENCODER_PLAN_HEADER_H_
