// Codec 1, uniform (SPEC.md 3.3): source QLR-CL (arXiv 2110.10486).

#include "base/bits.h"
#include "codec/codec.h"

namespace tfodcl {

void Codec::EncodeUniform(Span<const int8_t> latent, Span<uint8_t> payload) const {
  const int32_t top = (1 << num_bits_) - 1;
  const int32_t span = high_ - low_;
  BitWriter codes(payload.data());
  for (const int8_t value : latent) {
    const int32_t clipped = value < low_ ? low_ : value > high_ ? high_ : value;
    codes.Write(static_cast<uint32_t>(((clipped - low_) * top + span / 2) / span), num_bits_);
  }
  codes.Flush();
}

Status Codec::DecodeUniform(Bytes payload, Span<int8_t> latent) const {
  const int32_t top = (1 << num_bits_) - 1;
  const int32_t span = high_ - low_;
  BitReader codes(payload.data());
  for (int8_t& value : latent) {
    const int32_t code = static_cast<int32_t>(codes.Read(num_bits_));
    value = static_cast<int8_t>(low_ + (code * span + top / 2) / top);
  }
  return codes.RestIsZero() ? Status::kOk : Status::kCorruptRecord;
}

}  // namespace tfodcl
