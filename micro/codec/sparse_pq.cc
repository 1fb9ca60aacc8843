// Codecs 3, bitmap_pq, and 4, elias_fano_pq (SPEC.md 3.5, 3.6): source LifeLearner (arXiv 2311.11420). Neither
// direction needs a buffer for the packed values: they are met in order of position, one subvector at a time.
//
// Both mark positions by ones in a string of bits; a bitmap is the Elias-Fano sequence without low bits.

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

// Calls visit(bit) for every one of the string of bits, in order, while it returns true. Whether all were visited.
template <typename Visit>
inline bool ForEachOne(Bytes string, Visit visit) {
  for (uint32_t byte = 0; byte < string.size(); ++byte) {
    for (uint32_t ones = string[byte]; ones != 0; ones &= ones - 1) {
      if (!visit(8 * byte + static_cast<uint32_t>(__builtin_ctz(ones)))) return false;
    }
  }
  return true;
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
    const uint32_t left = i - num_marked;
    const uint32_t bit = (left >> low_bits_) + num_marked++;
    low.Write(left & ((1u << low_bits_) - 1), low_bits_);
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
  std::memset(latent.data(), zero_point_, latent_dim_);
  uint32_t position = 0;
  uint32_t left = 0;  // values of the centroid that are not placed yet
  const int8_t* next = nullptr;
  const auto place = [&](uint32_t i) {
    if (i >= latent_dim_) return false;
    if (left == 0) {
      if (position == num_subvectors_) return false;
      next = Centroids(position) + codes[position] * subvector_dim_;
      ++position;
      left = subvector_dim_;
    }
    latent[i] = *next++;
    --left;
    return true;
  };
  if (low_bits_ == 0) return ForEachOne(ones, place) ? Status::kOk : Status::kCorruptRecord;

  BitReader low(payload.data());
  uint32_t num_marked = 0;
  uint32_t least = 0;  // that the next position may be
  const auto place_next = [&](uint32_t bit) {
    if (num_marked == num_kept_) return false;
    const uint32_t i = ((bit - num_marked) << low_bits_ | low.Read(low_bits_)) + num_marked;
    if (i < least) return false;
    least = i + 1;
    ++num_marked;
    return place(i);
  };
  if (!ForEachOne(ones, place_next)) return Status::kCorruptRecord;
  for (; num_marked < num_kept_; ++num_marked) {
    if (low.Read(low_bits_) != 0) return Status::kCorruptRecord;
  }
  return low.RestIsZero() ? Status::kOk : Status::kCorruptRecord;
}

}  // namespace tfodcl
