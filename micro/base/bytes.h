// Little-endian fields in unaligned bytes (SPEC.md 1).

#ifndef TFODCL_BASE_BYTES_H_
#define TFODCL_BASE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tfodcl {

// Weights in checkpoints and arrays in plans are used where they lie.
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a board must be little-endian");

inline uint16_t ReadU16(const uint8_t* from) { return static_cast<uint16_t>(from[0] | from[1] << 8); }

inline uint32_t ReadU32(const uint8_t* from) {
  return static_cast<uint32_t>(from[0]) | static_cast<uint32_t>(from[1]) << 8 | static_cast<uint32_t>(from[2]) << 16 |
         static_cast<uint32_t>(from[3]) << 24;
}

inline float ReadF32(const uint8_t* from) {
  const uint32_t bits = ReadU32(from);
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

inline void WriteU16(uint16_t value, uint8_t* to) {
  to[0] = static_cast<uint8_t>(value);
  to[1] = static_cast<uint8_t>(value >> 8);
}

inline void WriteU32(uint32_t value, uint8_t* to) {
  for (int i = 0; i < 4; ++i) to[i] = static_cast<uint8_t>(value >> (8 * i));
}

inline void WriteF32(float value, uint8_t* to) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  WriteU32(bits, to);
}

// The least multiple of `alignment`, a power of two, that is not below `value`.
constexpr size_t AlignUp(size_t value, size_t alignment) { return (value + alignment - 1) & ~(alignment - 1); }

}  // namespace tfodcl

#endif  // TFODCL_BASE_BYTES_H_
