// Unsigned numbers of a few bits each, one after the other in bytes, least significant bit first (SPEC.md 1).

#ifndef TFODCL_BASE_BITS_H_
#define TFODCL_BASE_BITS_H_

#include <cstdint>

namespace tfodcl {

// Reads numbers of at most 24 bits. Takes no byte before a bit of it is asked for.
class BitReader {
 public:
  explicit BitReader(const uint8_t* bytes) : next_(bytes) {}

  uint32_t Read(uint32_t num_bits) {
    while (num_waiting_ < num_bits) {
      bits_ |= static_cast<uint32_t>(*next_++) << num_waiting_;
      num_waiting_ += 8;
    }
    const uint32_t value = bits_ & ((1u << num_bits) - 1);
    bits_ >>= num_bits;
    num_waiting_ -= num_bits;
    return value;
  }

  // Whether the bits that are left of the last byte taken are zero.
  bool RestIsZero() const { return bits_ == 0; }

 private:
  const uint8_t* next_;
  uint32_t bits_ = 0;  // taken but not read, the oldest in the least significant bits
  uint32_t num_waiting_ = 0;
};

// Writes numbers of at most 24 bits.
class BitWriter {
 public:
  explicit BitWriter(uint8_t* bytes) : next_(bytes) {}

  // `value` is below 2^num_bits.
  void Write(uint32_t value, uint32_t num_bits) {
    bits_ |= value << num_waiting_;
    num_waiting_ += num_bits;
    for (; num_waiting_ >= 8; num_waiting_ -= 8, bits_ >>= 8) *next_++ = static_cast<uint8_t>(bits_);
  }

  // Writes what waits for a full byte, with zeros after it.
  void Flush() {
    if (num_waiting_ > 0) *next_ = static_cast<uint8_t>(bits_);
  }

 private:
  uint8_t* next_;
  uint32_t bits_ = 0;  // that wait for a full byte, the oldest in the least significant bits
  uint32_t num_waiting_ = 0;
};

}  // namespace tfodcl

#endif  // TFODCL_BASE_BITS_H_
