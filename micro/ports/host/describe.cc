#include "ports/host/describe.h"

#include <cinttypes>
#include <cstdio>

#include "batch_learner/batch_learner.h"
#include "encoder/encoder.h"
#include "learner/learner.h"

namespace tfodcl {
namespace {

struct PartBytes {
  const char* name;
  uint64_t bytes;
};

// Zero parts are left out.
void Print(Status status, std::initializer_list<PartBytes> parts) {
  uint64_t sum = 0;
  for (const PartBytes& part : parts) sum += part.bytes;
  std::printf("{\"status\": %d, \"arena_bytes\": %" PRIu64 ", \"parts\": {", static_cast<int>(status), sum);
  const char* separator = "";
  for (const PartBytes& part : parts) {
    if (part.bytes == 0) continue;
    std::printf("%s\"%s\": %" PRIu64, separator, part.name, part.bytes);
    separator = ", ";
  }
  std::printf("}}\n");
}

void DescribeClassLearner(const Package& package, const Geometry& log) {
  size_t arena_bytes = 0, encoder_bytes = 0;
  Status status = Encoder::RequiredBytes(package.encoder, package.plan, &encoder_bytes);
  if (status == Status::kOk) status = Learner::RequiredBytes(package, log, &arena_bytes);
  if (status != Status::kOk) return Print(status, {});
  Print(status, {{"encoder", encoder_bytes}, {"learner", arena_bytes - encoder_bytes}});
}

void DescribeBatchLearner(const Package& package, const Geometry& log) {
  BatchLearnerMemory memory;
  const Status status = BatchLearner::RequiredBytes(package, log, &memory);
  if (status != Status::kOk) return Print(status, {});
  Print(status, {{"encoder", memory.encoder},
                 {"weights", memory.stage.weights},
                 {"velocities", memory.stage.velocities},
                 {"activations and errors", memory.stage.activations},
                 {"tiles", memory.stage.scratch},
                 {"layers", memory.stage.other},
                 {"consolidated head", memory.head},
                 {"new samples", memory.samples},
                 {"mini-batch", memory.mini_batch},
                 {"places of records", memory.records},
                 {"checkpoints", memory.checkpoints},
                 {"log", memory.log},
                 {"names, one record", memory.other}});
}

}  // namespace

void Describe(Bytes bytes, const Chip& chip) {
  Package package;
  const Status status = ReadPackage(bytes, &package, Trains::kNetwork);
  if (status != Status::kOk) return Print(status, {});
  if (package.network.empty()) return DescribeClassLearner(package, chip.log);
  DescribeBatchLearner(package, chip.log);
}

}  // namespace tfodcl
