// Flash contents that no log has written. Whatever they are: no crash, no item whose bytes are not what was committed.

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/bytes.h"
#include "base/crc32.h"
#include "plain_owner.h"

namespace tfodcl {
namespace {

constexpr Geometry kGeometries[] = {{32, 512, 4, 1}, {4, 256, 5, 1}};

// Mounts what is there, goes on if it can, or formats and goes on.
void Use(PlainLog* device) {
  device->Boot();
  const Status mounted = device->log->Mount(1);
  ASSERT_TRUE(mounted == Status::kOk || mounted == Status::kForeignLog || mounted == Status::kCorruptLog);
  for (const Item& item : device->owner.found) device->owner.needed.insert(item.address);
  if (mounted == Status::kOk) {
    for (int i = 0; i < 40; ++i) {
      const Status status = device->Append(1, 20 + i);
      if (status != Status::kOk) device->owner.needed.clear();
    }
    (void)device->log->Purge();
  }
  device->owner.needed.clear();
  device->Boot();
  ASSERT_EQ(device->log->Format(1), Status::kOk);
  for (int i = 0; i < 100; ++i) {
    device->owner.needed.clear();
    ASSERT_EQ(device->Append(1, 20), Status::kOk);
  }
  ASSERT_EQ(device->log->Flush(), Status::kOk);
  device->Boot();
  ASSERT_EQ(device->log->Mount(1), Status::kOk);
  ASSERT_GT(device->owner.found.size(), 0u);
}

// All units count as programmed, as on a chip whose flash was used for something else.
void Fill(PlainLog* device, const std::vector<uint8_t>& contents) {
  std::copy(contents.begin(), contents.end(), device->memory.begin());
  const Geometry& geometry = device->flash.geometry();
  const uint32_t num_units = geometry.size_bytes() / geometry.program_unit_bytes;
  std::fill_n(device->memory.begin() + geometry.size_bytes(), num_units / 8, 0xFF);
}

std::vector<uint8_t> ValidLog(const Geometry& geometry) {
  PlainLog device(geometry, 96);
  EXPECT_EQ(device.log->Mount(1), Status::kOk);
  for (int i = 0; i < 60; ++i) {
    if (i % 4 == 0) device.owner.needed.clear();
    EXPECT_EQ(device.Append(static_cast<uint8_t>(i / 7), 10 + i % 5 * 10), Status::kOk);
  }
  EXPECT_EQ(device.log->Flush(), Status::kOk);
  const Bytes contents = device.flash.contents();
  return std::vector<uint8_t>(contents.begin(), contents.end());
}

TEST(HostileFlash, RandomBytesBecomeAnEmptyLog) {
  std::mt19937 random(3);
  for (const Geometry& geometry : kGeometries) {
    PlainLog device(geometry, 96);
    for (int i = 0; i < 200; ++i) {
      std::vector<uint8_t> contents(geometry.size_bytes());
      for (uint8_t& byte : contents) byte = static_cast<uint8_t>(random());
      Fill(&device, contents);
      ASSERT_NO_FATAL_FAILURE(Use(&device));
    }
  }
}

TEST(HostileFlash, AFlippedBitNeverChangesAnItem) {
  for (const Geometry& geometry : kGeometries) {
    const std::vector<uint8_t> valid = ValidLog(geometry);
    PlainLog device(geometry, 96);
    for (uint32_t bit = 0; bit < 8 * geometry.size_bytes(); ++bit) {
      std::vector<uint8_t> contents = valid;
      contents[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
      Fill(&device, contents);
      device.Boot();
      const Status status = device.log->Mount(1);
      ASSERT_TRUE(status == Status::kOk);
      for (const Item& item : device.owner.found) {
        for (uint32_t i = 0; i < item.size_bytes; ++i) ASSERT_EQ(contents[item.address + i], item.size_bytes);
      }
      if (bit % 29 != 0) continue;
      ASSERT_NO_FATAL_FAILURE(Use(&device));
    }
  }
}

// Headers with right CRC-32s and any fields, at any place: what a CRC-32 cannot keep away.
TEST(HostileFlash, HeadersWithRightChecksumsAndAnyFieldsDoNoHarm) {
  std::mt19937 random(5);
  const uint32_t numbers[] = {0, 1,  2,     3,     4,          5,          6,          7,
                              9, 22, 65535, 65536, 0x7FFFFFFF, 0xFFFEFFFF, 0xFFFF0000, 0xFFFFFFFF};
  const auto number = [&] { return numbers[random() % std::size(numbers)]; };
  for (const Geometry& geometry : kGeometries) {
    PlainLog device(geometry, 96);
    for (int i = 0; i < 2000; ++i) {
      std::vector<uint8_t> contents(geometry.size_bytes(), 0xFF);
      for (uint32_t block = 0; block < geometry.num_blocks; ++block) {
        uint8_t* begin = contents.data() + block * geometry.erase_block_bytes;
        const uint32_t sequence = random() % 2 == 0 ? number() : block + geometry.num_blocks * (random() % 3);
        const uint32_t tail = random() % 2 == 0 ? number() : sequence - random() % geometry.num_blocks;
        EncodeBlockHeader({number(), sequence, random() % 4 == 0 ? number() : 1, tail}, geometry, begin);
        for (uint32_t offset = 32; offset + 16 <= geometry.erase_block_bytes; offset += 32) {
          if (random() % 3 == 0) continue;
          const uint32_t size = random() % 40;
          EncodeCommitHeader({static_cast<uint8_t>(random() % 2), static_cast<uint16_t>(number()), number(),
                              random() % 2 == 0 ? 0 : Crc32(Bytes(begin + offset + 16, size < 16 ? size : 16))},
                             sequence, offset, begin + offset);
        }
      }
      Fill(&device, contents);
      ASSERT_NO_FATAL_FAILURE(Use(&device));
    }
  }
}

}  // namespace
}  // namespace tfodcl
