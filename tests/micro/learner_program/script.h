// What programs that follow a script share: files, names, inputs.

#ifndef TESTS_MICRO_LEARNER_PROGRAM_SCRIPT_H_
#define TESTS_MICRO_LEARNER_PROGRAM_SCRIPT_H_

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

inline void Check(Status status) {
  if (status == Status::kOk) return;
  std::cerr << StatusText(status) << "\n";
  std::exit(1);
}

// A file's bytes at an aligned address, never given back.
inline Bytes ReadFile(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) std::exit(2);
  std::fseek(file, 0, SEEK_END);
  const size_t size = static_cast<size_t>(std::ftell(file));
  std::rewind(file);
  static std::vector<std::unique_ptr<uint8_t, decltype(&std::free)>> files;
  files.emplace_back(static_cast<uint8_t*>(std::aligned_alloc(32, AlignUp(size + 1, 32))), &std::free);
  if (std::fread(files.back().get(), 1, size, file) != size) std::exit(2);
  std::fclose(file);
  return Bytes(files.back().get(), size);
}

inline void WriteFile(const std::string& path, const std::vector<Bytes>& parts) {
  FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) std::exit(2);
  for (const Bytes part : parts) std::fwrite(part.data(), 1, part.size(), file);
  std::fclose(file);
}

// Input `number` of them.
inline void SetInput(Bytes inputs, size_t number, Span<int8_t> input) {
  for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<int8_t>(inputs[number * input.size() + i]);
}

inline Bytes View(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

}  // namespace tfodcl

#endif  // TESTS_MICRO_LEARNER_PROGRAM_SCRIPT_H_
