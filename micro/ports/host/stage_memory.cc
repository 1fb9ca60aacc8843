// Prints, as a line of JSON, what training an adaptive stage takes of an arena:
//   stage_memory SECTION LATENT_DIM CAPACITY MAX_BATCH SCRATCH_BYTES
// with the section *network* (SPEC.md 2.8) in the file SECTION. {"status", "weights", "velocities", "activations",
// "scratch", "other"}: bytes; status as in SPEC.md 7.4, alone where it is not 0. Pointers are longer here, so that
// `other` is some hundred bytes more than on a board.

#include <cinttypes>
#include <cstdio>
#include <cstdlib>

#include "ports/host/fail.h"
#include "ports/host/flash_file.h"
#include "stage/adaptive_stage.h"

int main(int argc, char** argv) {
  if (argc != 6) tfodcl::Fail("there must be five arguments", argc > 1 ? argv[argc - 1] : "none");
  const auto number = [&](int i) { return static_cast<uint32_t>(std::strtoul(argv[i], nullptr, 10)); };
  // The learning rate takes no memory.
  const tfodcl::StageSettings settings = {number(2), number(3), 1.0f, number(4), number(5)};
  tfodcl::StageMemory memory;
  const tfodcl::Status status = tfodcl::AdaptiveStage::RequiredBytes(tfodcl::MapFile(argv[1]), settings, &memory);
  std::printf("{\"status\": %d", static_cast<int>(status));
  if (status == tfodcl::Status::kOk) {
    std::printf(", \"weights\": %" PRIu64 ", \"velocities\": %" PRIu64 ", \"activations\": %" PRIu64
                ", \"scratch\": %" PRIu64 ", \"other\": %" PRIu64,
                memory.weights, memory.velocities, memory.activations, memory.scratch, memory.other);
  }
  std::printf("}\n");
}
