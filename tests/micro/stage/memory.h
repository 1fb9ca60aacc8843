// Bytes at a multiple of 32, with nothing behind them, so that the sanitizers see every access past their end.

#ifndef TFODCL_TESTS_STAGE_MEMORY_H_
#define TFODCL_TESTS_STAGE_MEMORY_H_

#include <algorithm>
#include <fstream>
#include <iterator>
#include <new>
#include <string>
#include <vector>

#include "base/span.h"

namespace tfodcl {

class Memory {
 public:
  explicit Memory(size_t size) : bytes_(static_cast<uint8_t*>(::operator new(size, std::align_val_t(32))), size) {}
  explicit Memory(const std::vector<uint8_t>& content) : Memory(content.size()) {
    std::copy(content.begin(), content.end(), bytes_.begin());
  }
  Memory(const Memory&) = delete;
  ~Memory() { ::operator delete(bytes_.data(), std::align_val_t(32)); }

  Span<uint8_t> bytes() const { return bytes_; }

 private:
  Span<uint8_t> bytes_;
};

inline std::vector<uint8_t> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace tfodcl

#endif  // TFODCL_TESTS_STAGE_MEMORY_H_
