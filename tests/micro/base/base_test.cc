#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <string>

#include "base/arena.h"
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
