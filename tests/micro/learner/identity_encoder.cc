// An encoder for tests: its latent is its input. The plan is the number of their values, u32.

#include <algorithm>

#include "base/bytes.h"
#include "encoder/encoder.h"

namespace tfodcl {

const char* Encoder::BackEnd() { return "identity"; }

Status Encoder::RequiredBytes(Bytes, Bytes plan, size_t* bytes) {
  if (plan.size() != 4) return Status::kNoPlan;
  *bytes = 2 * Arena::BytesOf<int8_t>(ReadU32(plan.data()));
  return Status::kOk;
}

Status Encoder::Prepare(Bytes, Bytes plan, Arena* arena) {
  const uint32_t size = ReadU32(plan.data());
  Span<int8_t> latent;
  if (Status status = arena->Allocate(size, &input_); status != Status::kOk) return status;
  if (Status status = arena->Allocate(size, &latent_); status != Status::kOk) return status;
  return Status::kOk;
}

Status Encoder::Invoke() {
  std::copy(input_.begin(), input_.end(), latent_.begin());
  return Status::kOk;
}

}  // namespace tfodcl
