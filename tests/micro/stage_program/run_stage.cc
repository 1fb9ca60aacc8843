// Trains an adaptive stage: run_stage SECTION LATENT_DIM CAPACITY RATE SCRATCH_BYTES SAMPLES STEPS, with the section
// *network* in the file SECTION. For tests in Python that compare it with their own stage.
//
// From standard input, float32: known (capacity,), the head's rows (capacity, features), and for each step latents
// (samples, latent_dim) and labels (samples,). To standard output: bytes of memory by part (weights, velocities,
// activations, scratch, other), the loss of each step, all arrays in the order of the section, and the logits (samples,
// capacity) of the last step's latents.

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "memory.h"
#include "stage/adaptive_stage.h"

namespace tfodcl {
namespace {

std::vector<float> Read(size_t count) {
  std::vector<float> values(count);
  if (std::fread(values.data(), sizeof(float), count, stdin) != count) std::exit(3);
  return values;
}

void Write(Span<const float> values) { std::fwrite(values.data(), sizeof(float), values.size(), stdout); }

void Write(float value) { Write(Span<const float>(&value, 1)); }

void Check(Status status) {
  if (status == Status::kOk) return;
  std::fprintf(stderr, "%s\n", StatusText(status));
  std::exit(1);
}

void SetHead(AdaptiveStage* stage, size_t capacity) {
  const std::vector<float> known = Read(capacity), rows = Read(capacity * stage->num_features());
  const std::vector<uint8_t> known_bytes(known.begin(), known.end());
  stage->SetHead({rows.data(), rows.size()}, {known_bytes.data(), capacity});
}

void Train(Bytes section, const StageSettings& settings, size_t num_steps) {
  StageMemory memory;
  Check(AdaptiveStage::RequiredBytes(section, settings, &memory));
  const Memory arena_memory(memory.total());
  Arena arena(arena_memory.bytes());
  AdaptiveStage stage;
  Check(stage.Prepare(section, settings, &arena));
  for (const uint64_t part : {memory.weights, memory.velocities, memory.activations, memory.scratch, memory.other}) {
    Write(static_cast<float>(part));
  }
  SetHead(&stage, settings.capacity);
  std::vector<float> latents;
  for (size_t step = 0; step < num_steps; ++step) {
    latents = Read(settings.max_batch * settings.latent_dim);
    const std::vector<float> labels = Read(settings.max_batch);
    const std::vector<uint16_t> label_words(labels.begin(), labels.end());
    Write(stage.Step({latents.data(), latents.size()}, {label_words.data(), label_words.size()}));
  }
  Write(stage.arrays());
  Write(stage.Logits({latents.data(), latents.size()}));
}

}  // namespace
}  // namespace tfodcl

int main(int argc, char** argv) {
  if (argc != 8) return 2;
  const auto number = [&](int i) { return static_cast<uint32_t>(std::atol(argv[i])); };
  const tfodcl::StageSettings settings = {number(2), number(3), static_cast<float>(std::atof(argv[4])), number(6),
                                          number(5)};
  const tfodcl::Memory section(tfodcl::ReadFile(argv[1]));
  tfodcl::Train(section.bytes(), settings, number(7));
}
