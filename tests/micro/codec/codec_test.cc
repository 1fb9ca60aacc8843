#include "codec/codec.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace tfodcl {
namespace {

constexpr size_t kGoldenLatents = 6;
constexpr size_t kGoldenDim = 44;

std::vector<uint8_t> ReadGolden(const std::string& name) {
  std::ifstream file(std::string(TFODCL_GOLDEN) + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Bytes View(const std::vector<uint8_t>& bytes) { return Bytes(bytes.data(), bytes.size()); }

std::vector<uint8_t> Encode(const Codec& codec, const std::vector<int8_t>& latent) {
  std::vector<uint8_t> payload(codec.payload_bytes(), 0xA5);
  codec.Encode({latent.data(), latent.size()}, {payload.data(), payload.size()});
  return payload;
}

class GoldenCodec : public testing::TestWithParam<const char*> {};

TEST_P(GoldenCodec, EncodesAndDecodesAsTheGoldenFiles) {
  const std::string name = GetParam();
  const std::vector<uint8_t> section = ReadGolden(name + "_codec.bin");
  const std::vector<uint8_t> latents = ReadGolden("latents.bin");
  const std::vector<uint8_t> decoded = ReadGolden(name + "_decoded.bin");
  const std::vector<uint8_t> records = ReadGolden(name + "_records.bin");
  Codec codec;
  ASSERT_EQ(codec.Prepare(View(section)), Status::kOk);
  ASSERT_EQ(latents.size(), kGoldenLatents * kGoldenDim);
  ASSERT_EQ(records.size(), kGoldenLatents * (2 + codec.payload_bytes()));
  for (size_t row = 0; row < kGoldenLatents; ++row) {
    const uint8_t* begin = latents.data() + row * kGoldenDim;
    const uint8_t* record = records.data() + row * (2 + codec.payload_bytes()) + 2;
    const std::vector<uint8_t> expected(record, record + codec.payload_bytes());
    EXPECT_EQ(Encode(codec, std::vector<int8_t>(begin, begin + kGoldenDim)), expected);
    std::vector<int8_t> latent(kGoldenDim);
    ASSERT_EQ(codec.Decode(View(expected), {latent.data(), latent.size()}), Status::kOk);
    EXPECT_TRUE(
        std::equal(latent.begin(), latent.end(), reinterpret_cast<const int8_t*>(decoded.data()) + row * kGoldenDim));
  }
}

TEST_P(GoldenCodec, RefusesAnySectionWithAByteMoreOrLess) {
  std::vector<uint8_t> section = ReadGolden(std::string(GetParam()) + "_codec.bin");
  Codec codec;
  for (size_t length = 0; length < section.size(); ++length) {
    EXPECT_EQ(codec.Prepare(View(section).subspan(0, length)), Status::kInvalidPackage) << length;
  }
  section.push_back(0);
  EXPECT_EQ(codec.Prepare(View(section)), Status::kInvalidPackage);
}

// Some fields have several values that agree with all others: low and high of uniform; of the sparse codecs the zero
// point and some bits of latent_dim, since positions have as many bytes for 45 and 46 values as for 44, and those of an
// Elias-Fano sequence for 40 and 60 too.
TEST_P(GoldenCodec, RefusesEveryFlippedBitOfItsSizes) {
  const std::string name = GetParam();
  std::vector<uint8_t> section = ReadGolden(name + "_codec.bin");
  const auto is_free = [&](size_t bit) {
    if (name == "uniform") return bit / 8 == 13 || bit / 8 == 14;
    if (bit / 8 == 24 || bit == 32 || bit == 33) return name == "bitmap_pq" || name == "elias_fano_pq";
    return name == "elias_fano_pq" && (bit == 34 || bit == 36);
  };
  Codec codec;
  for (size_t bit = 0; bit < 8 * 32; ++bit) {
    if (is_free(bit)) continue;
    section[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    EXPECT_EQ(codec.Prepare(View(section)), Status::kInvalidPackage) << "bit " << bit;
    section[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
  }
}

INSTANTIATE_TEST_SUITE_P(AllCodecs, GoldenCodec, testing::Values("uniform", "pq", "bitmap_pq", "elias_fano_pq"));

constexpr uint16_t kBitmapPqId = 3;
constexpr uint16_t kEliasFanoPqId = 4;

// Bytes of the positions. Oracle of the sequence's: every number of low bits is tried.
uint32_t PositionBytes(uint16_t id, uint32_t latent_dim, uint32_t num_kept) {
  if (id == kBitmapPqId) return (latent_dim + 7) / 8;
  uint32_t low_bits = 0;
  uint32_t least = UINT32_MAX;
  for (uint32_t bits = 0; bits < 21; ++bits) {
    const uint32_t size = num_kept * bits + (latent_dim - num_kept) / (1u << bits);
    if (size <= least) {
      least = size;
      low_bits = bits;
    }
  }
  return (num_kept * low_bits + 7) / 8 + (num_kept + (latent_dim - num_kept) / (1u << low_bits) + 7) / 8;
}

// Section of a sparse codec of one centroid per subvector of one value, which is no zero point.
std::vector<uint8_t> SparseSection(uint16_t id, uint32_t latent_dim, uint32_t num_kept, int8_t zero_point) {
  std::vector<uint8_t> section(32);
  WriteU16(id, &section[0]);
  WriteU32(latent_dim, &section[4]);
  WriteU32(PositionBytes(id, latent_dim, num_kept) + num_kept, &section[8]);
  WriteU32(num_kept, &section[12]);
  WriteU16(1, &section[16]);
  WriteU16(1, &section[18]);
  WriteU32(num_kept, &section[20]);
  section[24] = static_cast<uint8_t>(zero_point);
  section.resize(32 + num_kept, static_cast<uint8_t>(zero_point ^ 1));
  return section;
}

// Oracle: a stable sort by distance.
std::vector<bool> SortedSelection(const std::vector<int8_t>& latent, size_t num_kept, int zero_point) {
  std::vector<size_t> order(latent.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::abs(latent[a] - zero_point) > std::abs(latent[b] - zero_point);
  });
  std::vector<bool> is_kept(latent.size());
  for (size_t k = 0; k < num_kept; ++k) is_kept[order[k]] = latent[order[k]] != zero_point;
  return is_kept;
}

std::vector<int8_t> RandomLatent(std::mt19937& random, uint32_t latent_dim, int8_t zero_point) {
  const int spread = 1 << random() % 9;  // small: many ties
  std::vector<int8_t> latent(latent_dim);
  for (int8_t& value : latent) {
    value = static_cast<int8_t>(
        std::clamp<int>(zero_point + static_cast<int>(random() % (2 * spread + 1)) - spread, -128, 127));
  }
  return latent;
}

class SparseCodec : public testing::TestWithParam<uint16_t> {};

TEST_P(SparseCodec, SelectsWhatAStableSortByDistanceSelects) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    const uint32_t latent_dim = 1 + random() % 90;
    const uint32_t num_kept = 1 + random() % latent_dim;
    const int8_t zero_point = static_cast<int8_t>(round % 3 == 0 ? -128 : round % 3 == 1 ? 127 : random() % 256 - 128);
    const std::vector<int8_t> latent = RandomLatent(random, latent_dim, zero_point);
    const std::vector<uint8_t> section = SparseSection(GetParam(), latent_dim, num_kept, zero_point);
    Codec codec;
    ASSERT_EQ(codec.Prepare(View(section)), Status::kOk);
    std::vector<int8_t> decoded(latent_dim);
    ASSERT_EQ(codec.Decode(View(Encode(codec, latent)), {decoded.data(), decoded.size()}), Status::kOk);
    std::vector<bool> is_kept(latent_dim);
    for (uint32_t i = 0; i < latent_dim; ++i) is_kept[i] = decoded[i] != zero_point;
    ASSERT_EQ(is_kept, SortedSelection(latent, num_kept, zero_point));
  }
}

// Bytes of the exact size on the heap: a read past them is found by the sanitizer.
TEST_P(SparseCodec, DecodesOfCorruptPayloadsOnlyThoseThatItWrites) {
  std::mt19937 random(2);
  int num_accepted = 0;
  int num_refused = 0;
  for (int round = 0; round < 6000; ++round) {
    const uint32_t latent_dim = 1 + random() % 300;
    const uint32_t num_kept = 1 + random() % std::min(latent_dim, 40u);
    const std::vector<uint8_t> section = SparseSection(GetParam(), latent_dim, num_kept, -128);
    Codec codec;
    ASSERT_EQ(codec.Prepare(View(section)), Status::kOk);
    std::vector<uint8_t> payload = Encode(codec, RandomLatent(random, latent_dim, -128));
    for (uint32_t flips = 1 + random() % 4; flips > 0; --flips) {
      payload[random() % payload.size()] ^= static_cast<uint8_t>(1u << random() % 8);
    }
    std::vector<int8_t> latent(latent_dim);
    if (codec.Decode(View(payload), {latent.data(), latent.size()}) == Status::kOk) {
      ++num_accepted;
      ASSERT_EQ(Encode(codec, latent), payload);
    } else {
      ++num_refused;
    }
  }
  EXPECT_GT(num_accepted, 100);
  EXPECT_GT(num_refused, 3000);
}

INSTANTIATE_TEST_SUITE_P(BothForms, SparseCodec, testing::Values(kBitmapPqId, kEliasFanoPqId));

class Decoder {
 public:
  explicit Decoder(uint16_t id) : section_(SparseSection(id, 12, 4, -128)) {
    EXPECT_EQ(codec_.Prepare(View(section_)), Status::kOk);
  }

  Status operator()(const std::vector<uint8_t>& payload) {
    std::vector<int8_t> latent(12);
    EXPECT_EQ(payload.size(), codec_.payload_bytes());
    return codec_.Decode(View(payload), {latent.data(), latent.size()});
  }

 private:
  std::vector<uint8_t> section_;
  Codec codec_;
};

TEST(BitmapPq, RefusesPayloadsThatNoEncoderWrites) {
  Decoder decode(kBitmapPqId);
  EXPECT_EQ(decode({0x0f, 0, 0, 0, 0, 0}), Status::kOk);
  EXPECT_EQ(decode({0x1f, 0, 0, 0, 0, 0}), Status::kCorruptRecord);  // five marks, four values
  EXPECT_EQ(decode({0, 0x10, 0, 0, 0, 0}), Status::kCorruptRecord);  // a mark past latent_dim
  EXPECT_EQ(decode({0, 0, 0, 0, 0, 1}), Status::kCorruptRecord);     // a code without a centroid
}

TEST(EliasFanoPq, RefusesPayloadsThatNoEncoderWrites) {
  Decoder decode(kEliasFanoPqId);
  EXPECT_EQ(decode({0x0f, 0x56, 0, 0, 0, 0}), Status::kOk);             // 3, 4, 7, 10
  EXPECT_EQ(decode({0x04, 0x25, 0, 0, 0, 0}), Status::kOk);             // 0, 3, 9
  EXPECT_EQ(decode({0x00, 0x00, 0, 0, 0, 0}), Status::kOk);             // none
  EXPECT_EQ(decode({0x01, 0x03, 0, 0, 0, 0}), Status::kCorruptRecord);  // 1, 1
  EXPECT_EQ(decode({0x00, 0x1f, 0, 0, 0, 0}), Status::kCorruptRecord);  // five positions
  EXPECT_EQ(decode({0x00, 0x40, 0, 0, 0, 0}), Status::kCorruptRecord);  // 12
  EXPECT_EQ(decode({0x00, 0x81, 0, 0, 0, 0}), Status::kCorruptRecord);  // 0, 13
  EXPECT_EQ(decode({0x0c, 0x25, 0, 0, 0, 0}), Status::kCorruptRecord);  // low bits without a position
  EXPECT_EQ(decode({0x14, 0x25, 0, 0, 0, 0}), Status::kCorruptRecord);  // a bit after the low bits
  EXPECT_EQ(decode({0x04, 0x25, 0, 0, 0, 1}), Status::kCorruptRecord);  // a code without a centroid
}

TEST(Uniform, RefusesBitsAfterTheLastCode) {
  std::vector<uint8_t> section(32);
  WriteU16(1, &section[0]);
  WriteU32(3, &section[4]);
  WriteU32(3, &section[8]);
  section[12] = 6;
  section[13] = 0x80;
  section[14] = 0x7f;
  Codec codec;
  ASSERT_EQ(codec.Prepare(View(section)), Status::kOk);
  EXPECT_EQ(Encode(codec, {-128, 0, 127}), (std::vector<uint8_t>{0x00, 0xf8, 0x03}));
  std::vector<int8_t> latent(3);
  const std::vector<uint8_t> longer = {0x00, 0xf8, 0x07};
  EXPECT_EQ(codec.Decode(View(longer), {latent.data(), latent.size()}), Status::kCorruptRecord);
}

}  // namespace
}  // namespace tfodcl
