// Latents to payloads and back, by the codec of a package (SPEC.md 3). The codebook is read in place.

#ifndef TFODCL_CODEC_CODEC_H_
#define TFODCL_CODEC_CODEC_H_

#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

inline constexpr uint32_t kMaxLatentDim = 1u << 20;  // keeps every size of a codec within 32 bits

// The values are those of a package.
enum class CodecId : uint16_t { kUniform = 1, kPq = 2, kBitmapPq = 3, kEliasFanoPq = 4 };

// Turns latents, int8 (latent_dim,), into payloads of payload_bytes() and back. No state but the section.
class Codec {
 public:
  // Takes a codec section, which must outlive the codec. kInvalidPackage: an unknown id, sizes that contradict one
  // another, reserved bytes that are not zero.
  Status Prepare(Bytes section);

  uint32_t latent_dim() const { return latent_dim_; }
  uint32_t payload_bytes() const { return payload_bytes_; }
  // Whether values of a latent that stand for 0 are not stored: bitmap_pq, elias_fano_pq.
  bool is_sparse() const { return id_ == CodecId::kBitmapPq || id_ == CodecId::kEliasFanoPq; }
  // Of a sparse codec: the int8 value that stands for 0.
  int8_t zero_point() const { return zero_point_; }

  // `latent` has latent_dim values, `payload` payload_bytes.
  void Encode(Span<const int8_t> latent, Span<uint8_t> payload) const;

  // The inverse but for what the codec loses. kCorruptRecord, `latent` then undefined: bytes that no encoder writes.
  Status Decode(Bytes payload, Span<int8_t> latent) const;

 private:
  Status PrepareUniform(Bytes section);
  Status PrepareQuantizer(Bytes section, uint32_t num_values);
  Status PrepareSparse(Bytes section);

  void EncodeUniform(Span<const int8_t> latent, Span<uint8_t> payload) const;
  void EncodePq(Span<const int8_t> latent, Span<uint8_t> payload) const;
  void EncodeSparsePq(Span<const int8_t> latent, Span<uint8_t> payload) const;
  Status DecodeUniform(Bytes payload, Span<int8_t> latent) const;
  Status DecodePq(Bytes payload, Span<int8_t> latent) const;
  Status DecodeSparsePq(Bytes payload, Span<int8_t> latent) const;

  // The centroids at a subvector position, int8 (num_centroids, subvector_dim).
  const int8_t* Centroids(uint32_t position) const;

  CodecId id_ = CodecId::kUniform;
  uint32_t latent_dim_ = 0;
  uint32_t payload_bytes_ = 0;
  // uniform
  uint32_t num_bits_ = 0;
  int32_t low_ = 0;
  int32_t high_ = 0;
  // pq and the sparse codecs
  uint32_t num_subvectors_ = 0;
  uint32_t num_centroids_ = 0;
  uint32_t subvector_dim_ = 0;
  const int8_t* codebook_ = nullptr;  // (num_subvectors, num_centroids, subvector_dim)
  // the sparse codecs
  uint32_t num_kept_ = 0;
  int8_t zero_point_ = 0;
  uint32_t low_bits_ = 0;    // of a position; 0: the string of bits is a bitmap
  uint32_t low_bytes_ = 0;   // of the low bits of all positions, at the beginning of a payload
  uint32_t ones_bytes_ = 0;  // of the string of bits that follows them
};

}  // namespace tfodcl

#endif  // TFODCL_CODEC_CODEC_H_
