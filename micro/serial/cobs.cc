#include "serial/cobs.h"

#include <cstring>

namespace tfodcl {

bool CobsDecode(Span<uint8_t> encoded, size_t* body_bytes) {
  uint8_t* const bytes = encoded.data();
  size_t from = 0, to = 0;
  while (from < encoded.size()) {
    const uint8_t code = bytes[from++];
    const size_t size = code - size_t{1};
    if (code == 0 || size > encoded.size() - from) return false;
    if (std::memchr(bytes + from, 0, size) != nullptr) return false;
    std::memmove(bytes + to, bytes + from, size);
    from += size;
    to += size;
    if (code != 0xFF && from < encoded.size()) bytes[to++] = 0;
  }
  *body_bytes = to;
  return !encoded.empty();
}

}  // namespace tfodcl
