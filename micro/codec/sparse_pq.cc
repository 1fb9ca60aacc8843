// Codecs 3, bitmap_pq, and 4, elias_fano_pq (SPEC.md 3.5, 3.6): source LifeLearner (arXiv 2311.11420). Neither
// direction needs a buffer for the packed values: they are met in order of position, one subvector at a time.
//
// Both mark positions by ones in a string of bits. Of the bitmap it is the one at bit `position`; of the Elias-Fano
// sequence the one at (position >> low_bits_) + number of the ones before it, and the low bits are apart, before it.

#include "base/bits.h"
#include "base/bytes.h"
#include "codec/codec.h"
#include "kernels/nearest_s8.h"

namespace tfodcl {
namespace {

// Which values are selected: all farther from the zero point than `distance`, and of those as far the first
// `num_equal`.
struct Threshold {
  uint32_t distance;
  uint32_t num_equal;
};

uint32_t Distance(int8_t value, int8_t zero_point) {
  const int32_t difference = value - zero_point;
  return static_cast<uint32_t>(difference < 0 ? -difference : difference);
}

// Finds, from the greatest digit down, the one at which `counts` reaches `num_wanted` >= 1; leaves in `num_wanted` how
// many of that digit are wanted. The counts together are enough.
uint32_t DigitOf(const uint32_t (&counts)[16], uint32_t* num_wanted) {
  uint32_t digit = 15;
  while (counts[digit] < *num_wanted) *num_wanted -= counts[digit--];
  return digit;
}

// A radix selection by the two hexadecimal digits of the distances, instead of a sort.
Threshold FindThreshold(Span<const int8_t> latent, int8_t zero_point, uint32_t num_kept) {
  uint32_t high_counts[16] = {};
  uint32_t num_others = 0;
  for (const int8_t value : latent) {
    const uint32_t distance = Distance(value, zero_point);
    if (distance == 0) continue;
    ++num_others;
    ++high_counts[distance >> 4];
  }
  if (num_others <= num_kept) return {0, 0};
  uint32_t num_wanted = num_kept;
  const uint32_t high = DigitOf(high_counts, &num_wanted);
  uint32_t low_counts[16] = {};
  for (const int8_t value : latent) {
    const uint32_t distance = Distance(value, zero_point);
    if (distance != 0 && distance >> 4 == high) ++low_counts[distance & 15];
  }
  const uint32_t low = DigitOf(low_counts, &num_wanted);
  return {high << 4 | low, num_wanted};
}

}  // namespace

void Codec::EncodeSparsePq(Span<const int8_t> latent, Span<uint8_t> payload) const {
  Threshold threshold = FindThreshold(latent, zero_point_, num_kept_);
  BitWriter low(payload.data());
  uint8_t* ones = payload.data() + low_bytes_;
  uint8_t* codes = ones + ones_bytes_;
  int8_t subvector[256];
  uint32_t num_marked = 0;
  uint32_t filled = 0;
  uint32_t position = 0;
  const auto mark = [&](uint32_t i) {
    uint32_t bit = i;
    if (id_ == CodecId::kEliasFanoPq) {
      low.Write(i & ((1u << low_bits_) - 1), low_bits_);
      bit = (i >> low_bits_) + num_marked++;
    }
    ones[bit / 8] = static_cast<uint8_t>(ones[bit / 8] | 1u << (bit % 8));
  };
  const auto pack = [&](int8_t value) {
    subvector[filled++] = value;
    if (filled < subvector_dim_) return;
    codes[position] =
        static_cast<uint8_t>(NearestCentroidS8(subvector, Centroids(position), num_centroids_, subvector_dim_));
    ++position;
    filled = 0;
  };
  std::memset(payload.data(), 0, low_bytes_ + ones_bytes_);
  for (uint32_t i = 0; i < latent_dim_; ++i) {
    const uint32_t distance = Distance(latent[i], zero_point_);
    if (distance < threshold.distance || distance == 0) continue;
    if (distance == threshold.distance) {
      if (threshold.num_equal == 0) continue;
      --threshold.num_equal;
    }
    mark(i);
    pack(latent[i]);
  }
  low.Flush();
  while (position < num_subvectors_) pack(zero_point_);
}

Status Codec::DecodeSparsePq(Bytes payload, Span<int8_t> latent) const {
  const Bytes ones = payload.subspan(low_bytes_, ones_bytes_);
  const Bytes codes = payload.subspan(low_bytes_ + ones_bytes_, num_subvectors_);
  for (const uint8_t code : codes) {
    if (code >= num_centroids_) return Status::kCorruptRecord;
  }
  const bool is_sequence = id_ == CodecId::kEliasFanoPq;
  std::memset(latent.data(), zero_point_, latent_dim_);
  BitReader low(payload.data());
  uint32_t num_marked = 0;
  uint32_t least = 0;  // that the next position may be
  uint32_t position = 0;
  uint32_t left = 0;  // values of the centroid that are not placed yet
  const int8_t* next = nullptr;
  for (uint32_t byte = 0; byte < ones_bytes_; ++byte) {
    for (uint32_t marks = ones[byte], bit = 8 * byte; marks != 0; marks >>= 1, ++bit) {
      if ((marks & 1) == 0) continue;
      if (left == 0) {
        if (position == num_subvectors_) return Status::kCorruptRecord;
        next = Centroids(position) + codes[position] * subvector_dim_;
        ++position;
        left = subvector_dim_;
      }
      const uint32_t i = is_sequence ? (bit - num_marked) << low_bits_ | low.Read(low_bits_) : bit;
      if (i < least || i >= latent_dim_) return Status::kCorruptRecord;
      latent[i] = *next++;
      --left;
      least = i + 1;
      ++num_marked;
    }
  }
  if (!is_sequence) return Status::kOk;
  for (; num_marked < num_kept_; ++num_marked) {
    if (low.Read(low_bits_) != 0) return Status::kCorruptRecord;
  }
  return low.RestIsZero() ? Status::kOk : Status::kCorruptRecord;
}

}  // namespace tfodcl
