// Runs an encoder on samples: run_encoder TFLITE PLAN SAMPLES LATENTS.
// SAMPLES: int8 inputs, one after another; LATENTS: their latents. Writes the bytes of the arena to standard output.

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "encoder/encoder.h"

namespace {

using tfodcl::Bytes;
using tfodcl::Status;

// A file's bytes at an aligned address.
class File {
 public:
  explicit File(const char* path) {
    FILE* file = std::fopen(path, "rb");
    if (file == nullptr) std::exit(2);
    std::fseek(file, 0, SEEK_END);
    size_ = std::ftell(file);
    std::rewind(file);
    data_ = static_cast<uint8_t*>(std::aligned_alloc(32, tfodcl::AlignUp(size_ + 1, 32)));
    if (std::fread(data_, 1, size_, file) != size_) std::exit(2);
    std::fclose(file);
  }
  ~File() { std::free(data_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  Bytes bytes() const { return Bytes(data_, size_); }

 private:
  uint8_t* data_;
  size_t size_;
};

void Check(Status status) {
  if (status == Status::kOk) return;
  std::fprintf(stderr, "%s\n", tfodcl::StatusText(status));
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const File tflite(argv[1]), plan(argv[2]), samples(argv[3]);
  size_t arena_bytes = 0;
  Check(tfodcl::Encoder::RequiredBytes(tflite.bytes(), plan.bytes(), &arena_bytes));
  uint8_t* memory = static_cast<uint8_t*>(std::aligned_alloc(tfodcl::kArenaAlignment, arena_bytes));
  tfodcl::Arena arena(tfodcl::Span<uint8_t>(memory, arena_bytes));
  tfodcl::Encoder encoder;
  Check(encoder.Prepare(tflite.bytes(), plan.bytes(), &arena));
  if (arena.used() != arena_bytes) return 3;

  FILE* latents = std::fopen(argv[4], "wb");
  if (latents == nullptr) return 2;
  const tfodcl::Span<int8_t> input = encoder.input();
  for (size_t at = 0; at + input.size() <= samples.bytes().size(); at += input.size()) {
    std::memcpy(input.data(), samples.bytes().data() + at, input.size());
    Check(encoder.Invoke());
    std::fwrite(encoder.latent().data(), 1, encoder.latent().size(), latents);
  }
  std::fclose(latents);
  std::free(memory);
  std::printf("%zu\n", arena_bytes);
  return 0;
}
