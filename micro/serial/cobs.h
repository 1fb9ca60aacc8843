// Consistent Overhead Byte Stuffing: bytes without zeros, so that a zero ends a frame (SPEC.md 7.1).

#ifndef TFODCL_SERIAL_COBS_H_
#define TFODCL_SERIAL_COBS_H_

#include "base/span.h"

namespace tfodcl {

// The most bytes that a body of `body_bytes` has when it is encoded, without the final zero.
constexpr size_t CobsBytes(size_t body_bytes) { return body_bytes + body_bytes / 254 + 1; }

// Bytes of a body that fit in `encoded_bytes`, at least 2, whatever they are.
constexpr size_t CobsBodyBytes(size_t encoded_bytes) { return encoded_bytes - 2 - (encoded_bytes - 2) / 255; }

// Decodes `encoded`, a frame without its final zero, where it is. Returns the bytes of the body, which begin where
// `encoded` began; fewer than encoded.size(). False where a zero is among them or the last block is cut short.
bool CobsDecode(Span<uint8_t> encoded, size_t* body_bytes);

// Writes the encoded `body`, without the final zero, piece by piece. An empty block that ends the frame after one of
// 254 bytes is left out.
template <typename Write>
void CobsEncode(Bytes body, const Write& write) {
  size_t begin = 0;
  bool implied_zero = true;  // after the block before, which the last block of a frame takes away
  while (begin < body.size() || implied_zero) {
    size_t end = begin;
    while (end < body.size() && body[end] != 0 && end - begin < 254) ++end;
    const uint8_t code = static_cast<uint8_t>(end - begin + 1);
    write(Bytes(&code, 1));
    if (end > begin) write(body.subspan(begin, end - begin));
    implied_zero = code != 0xFF;
    begin = implied_zero ? end + 1 : end;
    if (begin > body.size()) return;
  }
}

}  // namespace tfodcl

#endif  // TFODCL_SERIAL_COBS_H_
