#include "codec/codec.h"

#include "base/bytes.h"
#include "kernels/nearest_s8.h"

namespace tfodcl {
namespace {

constexpr size_t kSectionBytes = 32;  // before the codebook
constexpr uint32_t kMaxCentroids = 256;
constexpr uint32_t kMaxSubvectorDim = 256;

bool AllZero(Bytes bytes) {
  for (const uint8_t byte : bytes) {
    if (byte != 0) return false;
  }
  return true;
}

// Of an Elias-Fano sequence (SPEC.md 3.6): one low bit more costs num_kept bits and halves the zeros.
uint32_t NumLowBits(uint32_t latent_dim, uint32_t num_kept) {
  uint32_t num_bits = 0;
  while ((((latent_dim - num_kept) >> num_bits) + 1) / 2 >= num_kept) ++num_bits;
  return num_bits;
}

}  // namespace

Status Codec::Prepare(Bytes section) {
  if (section.size() < kSectionBytes || ReadU16(section.data() + 2) != 0) return Status::kInvalidPackage;
  id_ = static_cast<CodecId>(ReadU16(section.data()));
  latent_dim_ = ReadU32(section.data() + 4);
  payload_bytes_ = ReadU32(section.data() + 8);
  if (latent_dim_ < 1 || latent_dim_ > kMaxLatentDim) return Status::kInvalidPackage;
  switch (id_) {
    case CodecId::kUniform:
      return PrepareUniform(section);
    case CodecId::kPq:
      if (!AllZero(section.subspan(20, 12))) return Status::kInvalidPackage;
      if (payload_bytes_ != ReadU32(section.data() + 12)) return Status::kInvalidPackage;
      return PrepareQuantizer(section, latent_dim_);
    case CodecId::kBitmapPq:
    case CodecId::kEliasFanoPq:
      return PrepareSparse(section);
  }
  return Status::kInvalidPackage;
}

Status Codec::PrepareUniform(Bytes section) {
  num_bits_ = section[12];
  low_ = static_cast<int8_t>(section[13]);
  high_ = static_cast<int8_t>(section[14]);
  const bool valid = section.size() == kSectionBytes && num_bits_ >= 1 && num_bits_ <= 8 && low_ < high_ &&
                     payload_bytes_ == (latent_dim_ * num_bits_ + 7) / 8 && AllZero(section.subspan(15, 17));
  return valid ? Status::kOk : Status::kInvalidPackage;
}

Status Codec::PrepareSparse(Bytes section) {
  num_kept_ = ReadU32(section.data() + 20);
  zero_point_ = static_cast<int8_t>(section[24]);
  const uint32_t num_subvectors = ReadU32(section.data() + 12);
  if (num_kept_ < 1 || num_kept_ > latent_dim_ || num_subvectors > num_kept_) return Status::kInvalidPackage;
  low_bits_ = id_ == CodecId::kEliasFanoPq ? NumLowBits(latent_dim_, num_kept_) : 0;
  low_bytes_ = (num_kept_ * low_bits_ + 7) / 8;
  ones_bytes_ = (num_kept_ + ((latent_dim_ - num_kept_) >> low_bits_) + 7) / 8;
  const bool valid = payload_bytes_ == low_bytes_ + ones_bytes_ + num_subvectors && AllZero(section.subspan(25, 7));
  return valid ? PrepareQuantizer(section, num_kept_) : Status::kInvalidPackage;
}

Status Codec::PrepareQuantizer(Bytes section, uint32_t num_values) {
  num_subvectors_ = ReadU32(section.data() + 12);
  num_centroids_ = ReadU16(section.data() + 16);
  subvector_dim_ = ReadU16(section.data() + 18);
  codebook_ = reinterpret_cast<const int8_t*>(section.data()) + kSectionBytes;
  if (num_centroids_ < 1 || num_centroids_ > kMaxCentroids) return Status::kInvalidPackage;
  if (subvector_dim_ < 1 || subvector_dim_ > kMaxSubvectorDim) return Status::kInvalidPackage;
  if (num_subvectors_ > num_values || num_subvectors_ * subvector_dim_ != num_values) return Status::kInvalidPackage;
  if (section.size() - kSectionBytes != num_values * num_centroids_) return Status::kInvalidPackage;
  return Status::kOk;
}

const int8_t* Codec::Centroids(uint32_t position) const {
  return codebook_ + position * num_centroids_ * subvector_dim_;
}

void Codec::Encode(Span<const int8_t> latent, Span<uint8_t> payload) const {
  switch (id_) {
    case CodecId::kUniform:
      return EncodeUniform(latent, payload);
    case CodecId::kPq:
      return EncodePq(latent, payload);
    case CodecId::kBitmapPq:
    case CodecId::kEliasFanoPq:
      return EncodeSparsePq(latent, payload);
  }
}

Status Codec::Decode(Bytes payload, Span<int8_t> latent) const {
  switch (id_) {
    case CodecId::kUniform:
      return DecodeUniform(payload, latent);
    case CodecId::kPq:
      return DecodePq(payload, latent);
    case CodecId::kBitmapPq:
    case CodecId::kEliasFanoPq:
      return DecodeSparsePq(payload, latent);
  }
  return Status::kCorruptRecord;
}

void Codec::EncodePq(Span<const int8_t> latent, Span<uint8_t> payload) const {
  for (uint32_t s = 0; s < num_subvectors_; ++s) {
    const int8_t* subvector = latent.data() + s * subvector_dim_;
    payload[s] = static_cast<uint8_t>(NearestCentroidS8(subvector, Centroids(s), num_centroids_, subvector_dim_));
  }
}

Status Codec::DecodePq(Bytes payload, Span<int8_t> latent) const {
  for (uint32_t s = 0; s < num_subvectors_; ++s) {
    if (payload[s] >= num_centroids_) return Status::kCorruptRecord;
    std::memcpy(latent.data() + s * subvector_dim_, Centroids(s) + payload[s] * subvector_dim_, subvector_dim_);
  }
  return Status::kOk;
}

}  // namespace tfodcl
