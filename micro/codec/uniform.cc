// Codec 1, uniform (SPEC.md 3.3): source QLR-CL (arXiv 2110.10486).

#include "codec/codec.h"

namespace tfodcl {

void Codec::EncodeUniform(Span<const int8_t> latent, Span<uint8_t> payload) const {
  const int32_t top = (1 << num_bits_) - 1;
  const int32_t span = high_ - low_;
  uint32_t bits = 0;  // codes that wait for a full byte, the oldest in the least significant bits
  uint32_t num_waiting = 0;
  size_t filled = 0;
  for (const int8_t value : latent) {
    const int32_t clipped = value < low_ ? low_ : value > high_ ? high_ : value;
    bits |= static_cast<uint32_t>(((clipped - low_) * top + span / 2) / span) << num_waiting;
    num_waiting += num_bits_;
    if (num_waiting >= 8) {
      payload[filled++] = static_cast<uint8_t>(bits);
      bits >>= 8;
      num_waiting -= 8;
    }
  }
  if (num_waiting > 0) payload[filled] = static_cast<uint8_t>(bits);
}

Status Codec::DecodeUniform(Bytes payload, Span<int8_t> latent) const {
  const int32_t top = (1 << num_bits_) - 1;
  const int32_t span = high_ - low_;
  uint32_t bits = 0;
  uint32_t num_waiting = 0;
  size_t taken = 0;
  for (int8_t& value : latent) {
    if (num_waiting < num_bits_) {
      bits |= static_cast<uint32_t>(payload[taken++]) << num_waiting;
      num_waiting += 8;
    }
    const int32_t code = static_cast<int32_t>(bits) & top;
    bits >>= num_bits_;
    num_waiting -= num_bits_;
    value = static_cast<int8_t>(low_ + (code * span + top / 2) / top);
  }
  return bits == 0 ? Status::kOk : Status::kCorruptRecord;  // what follows the last code is zero
}

}  // namespace tfodcl
