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

// Some fields have several values that agree with all others: low and high of uniform; of bitmap_pq the zero point and
// two bits of latent_dim, since the bitmap has as many bytes for 45 and 46 values as for 44.
TEST_P(GoldenCodec, RefusesEveryFlippedBitOfItsSizes) {
  const std::string name = GetParam();
  std::vector<uint8_t> section = ReadGolden(name + "_codec.bin");
  const auto is_free = [&](size_t bit) {
    if (name == "uniform") return bit / 8 == 13 || bit / 8 == 14;
    return name == "bitmap_pq" && (bit / 8 == 24 || bit == 32 || bit == 33);
  };
  Codec codec;
  for (size_t bit = 0; bit < 8 * 32; ++bit) {
    if (is_free(bit)) continue;
    section[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
    EXPECT_EQ(codec.Prepare(View(section)), Status::kInvalidPackage) << "bit " << bit;
    section[bit / 8] ^= static_cast<uint8_t>(1u << bit % 8);
  }
}

INSTANTIATE_TEST_SUITE_P(AllCodecs, GoldenCodec, testing::Values("uniform", "pq", "bitmap_pq"));

// Section, header only, of a bitmap_pq codec of one centroid per subvector of one value.
std::vector<uint8_t> BitmapSection(uint32_t latent_dim, uint32_t num_kept, int8_t zero_point) {
  std::vector<uint8_t> section(32 + num_kept);
  WriteU16(3, &section[0]);
  WriteU32(latent_dim, &section[4]);
  WriteU32((latent_dim + 7) / 8 + num_kept, &section[8]);
  WriteU32(num_kept, &section[12]);
  WriteU16(1, &section[16]);
  WriteU16(1, &section[18]);
  WriteU32(num_kept, &section[20]);
  section[24] = static_cast<uint8_t>(zero_point);
  return section;
}

// Oracle: a stable sort by distance.
std::vector<uint8_t> SortedSelection(const std::vector<int8_t>& latent, size_t num_kept, int zero_point) {
  std::vector<size_t> order(latent.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::abs(latent[a] - zero_point) > std::abs(latent[b] - zero_point);
  });
  std::vector<uint8_t> bitmap((latent.size() + 7) / 8);
  for (size_t k = 0; k < num_kept; ++k) {
    if (latent[order[k]] != zero_point) bitmap[order[k] / 8] |= static_cast<uint8_t>(1u << order[k] % 8);
  }
  return bitmap;
}

TEST(BitmapPq, SelectsWhatAStableSortByDistanceSelects) {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    const uint32_t latent_dim = 1 + random() % 90;
    const uint32_t num_kept = 1 + random() % latent_dim;
    const int8_t zero_point = static_cast<int8_t>(round % 3 == 0 ? -128 : round % 3 == 1 ? 127 : random() % 256 - 128);
    const int spread = 1 << random() % 9;  // small: many ties
    std::vector<int8_t> latent(latent_dim);
    for (int8_t& value : latent) {
      value = static_cast<int8_t>(
          std::clamp<int>(zero_point + static_cast<int>(random() % (2 * spread + 1)) - spread, -128, 127));
    }
    const std::vector<uint8_t> section = BitmapSection(latent_dim, num_kept, zero_point);
    Codec codec;
    ASSERT_EQ(codec.Prepare(View(section)), Status::kOk);
    std::vector<uint8_t> payload = Encode(codec, latent);
    payload.resize((latent_dim + 7) / 8);
    ASSERT_EQ(payload, SortedSelection(latent, num_kept, zero_point));
  }
}

TEST(BitmapPq, RefusesPayloadsThatNoEncoderWrites) {
  const std::vector<uint8_t> section = BitmapSection(12, 4, -128);
  Codec codec;
  ASSERT_EQ(codec.Prepare(View(section)), Status::kOk);
  std::vector<int8_t> latent(12);
  const auto decode = [&](const std::vector<uint8_t>& payload) {
    return codec.Decode(View(payload), {latent.data(), latent.size()});
  };
  EXPECT_EQ(decode({0x0f, 0, 0, 0, 0, 0}), Status::kOk);
  EXPECT_EQ(decode({0x1f, 0, 0, 0, 0, 0}), Status::kCorruptRecord);  // five marks, four values
  EXPECT_EQ(decode({0, 0x10, 0, 0, 0, 0}), Status::kCorruptRecord);  // a mark past latent_dim
  EXPECT_EQ(decode({0, 0, 0, 0, 0, 1}), Status::kCorruptRecord);     // a code without a centroid
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
