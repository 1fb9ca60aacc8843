#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/bits.h"
#include "base/bytes.h"
#include "base/crc32.h"
#include "base/status.h"

namespace tfodcl {
namespace {

const uint8_t kDigits[] = {'1', '2', '3', '4', '5', '6', '7', '8', '9'};

TEST(Crc32, GivesTheCheckValueOfTheStandard) {
  EXPECT_EQ(Crc32(kDigits), 0xCBF43926u);
  EXPECT_EQ(Crc32(Bytes()), 0u);
}

TEST(Crc32, GoesOnFromTheBytesBefore) {
  const Bytes digits(kDigits);
  for (size_t split = 0; split <= digits.size(); ++split) {
    EXPECT_EQ(Crc32(digits.subspan(split, digits.size() - split), Crc32(digits.subspan(0, split))), 0xCBF43926u);
  }
}

TEST(Bytes, FieldsAreLittleEndianAtAnyAddress) {
  uint8_t buffer[9] = {};
  WriteU32(0xCBF43926u, buffer + 1);
  const uint8_t expected[] = {0x26, 0x39, 0xf4, 0xcb};
  EXPECT_EQ(std::memcmp(buffer + 1, expected, 4), 0);
  EXPECT_EQ(ReadU32(buffer + 1), 0xCBF43926u);
  WriteU16(0x1234, buffer + 5);
  EXPECT_EQ(ReadU16(buffer + 5), 0x1234);
  WriteF32(0.0625f, buffer + 3);
  EXPECT_EQ(ReadF32(buffer + 3), 0.0625f);
  EXPECT_EQ(buffer[6], 0x3d);
}

TEST(Arena, HandsOutAlignedMemoryUntilItIsUsedUp) {
  alignas(kArenaAlignment) uint8_t memory[64];
  Arena arena{Span<uint8_t>(memory)};
  Span<uint8_t> bytes;
  Span<float> floats;
  ASSERT_EQ(arena.Allocate(5, &bytes), Status::kOk);
  ASSERT_EQ(arena.Allocate(12, &floats), Status::kOk);
  EXPECT_EQ(reinterpret_cast<uint8_t*>(floats.data()), memory + 16);
  EXPECT_EQ(arena.used(), 64u);
  EXPECT_EQ(arena.Allocate(1, &bytes), Status::kArenaTooSmall);
  EXPECT_EQ(bytes.size(), 5u);
}

TEST(Arena, RefusesCountsWhoseBytesOverflow) {
  alignas(kArenaAlignment) uint8_t memory[64];
  Arena arena{Span<uint8_t>(memory)};
  Span<float> floats;
  EXPECT_EQ(arena.Allocate(SIZE_MAX / 2, &floats), Status::kArenaTooSmall);
  EXPECT_EQ(arena.used(), 0u);
}

TEST(Bits, AreThoseOfOneGreatNumber) {
  uint8_t bytes[12] = {};
  BitWriter writer(bytes);
  const uint32_t values[][2] = {{5, 3}, {0, 0}, {0xabcdef, 24}, {1, 1}, {0x7fff, 15}, {0x12345, 20}, {2, 2}};
  for (const auto& [value, num_bits] : values) writer.Write(value, num_bits);
  writer.Flush();
  unsigned __int128 expected = 0;
  uint32_t used = 0;
  for (const auto& [value, num_bits] : values) {
    expected |= static_cast<unsigned __int128>(value) << used;
    used += num_bits;
  }
  ASSERT_EQ(used, 65u);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(bytes[i], static_cast<uint8_t>(expected >> 8 * i));
  BitReader reader(bytes);
  for (const auto& [value, num_bits] : values) EXPECT_EQ(reader.Read(num_bits), value);
  EXPECT_TRUE(reader.RestIsZero());
}

TEST(Bits, TellsWhetherWhatFollowsIsZero) {
  const std::vector<uint8_t> bytes = {0x85};  // nothing after it may be read
  BitReader reader(bytes.data());
  EXPECT_EQ(reader.Read(3), 5u);
  EXPECT_FALSE(reader.RestIsZero());
}

TEST(Status, EveryNamedValueHasATextOfItsOwn) {
  std::set<std::string> texts;
  int named = 0;
  for (int value = 0; value < 256; ++value) {
    const std::string text = StatusText(static_cast<Status>(value));
    if (text == "unknown status") continue;
    ++named;
    texts.insert(text);
  }
  EXPECT_GT(named, 20);
  EXPECT_EQ(texts.size(), static_cast<size_t>(named));
}

}  // namespace
}  // namespace tfodcl
