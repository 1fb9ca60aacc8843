#include "ports/host/describe.h"

#include <cstdio>

#include "encoder/encoder.h"
#include "learner/learner.h"

namespace tfodcl {

void Describe(Bytes bytes, const Chip& chip) {
  Package package;
  size_t arena_bytes = 0, encoder_bytes = 0;
  Status status = ReadPackage(bytes, &package);
  if (status == Status::kOk) status = Encoder::RequiredBytes(package.encoder, package.plan, &encoder_bytes);
  if (status == Status::kOk) status = Learner::RequiredBytes(package, chip.log, &arena_bytes);
  if (status != Status::kOk) arena_bytes = encoder_bytes = 0;
  std::printf("{\"status\": %d, \"arena_bytes\": %zu, \"encoder_bytes\": %zu}\n", static_cast<int>(status), arena_bytes,
              encoder_bytes);
}

}  // namespace tfodcl
