// The back end of the encoder in these tests: the latent is the input, of the test package's 44 values.

#include <algorithm>

#include "encoder/encoder.h"

namespace tfodcl {

const char* Encoder::BackEnd() { return "identity"; }

Status Encoder::RequiredBytes(Bytes, Bytes, size_t* bytes) {
  *bytes = 2 * Arena::BytesOf<int8_t>(44);
  return Status::kOk;
}

Status Encoder::Prepare(Bytes, Bytes, Arena* arena) {
  if (Status status = arena->Allocate(44, &input_); status != Status::kOk) return status;
  return arena->Allocate(44, &latent_);
}

Status Encoder::Invoke() {
  std::copy(input_.begin(), input_.end(), latent_.begin());
  return Status::kOk;
}

}  // namespace tfodcl
