#include "store/log.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>

#include "plain_owner.h"

namespace tfodcl {
namespace {

constexpr Geometry kStm32h747 = {32, 131072, 4, 10000};
constexpr Geometry kNrf52840 = {4, 4096, 64, 10000};
constexpr Geometry kSmall = {32, 512, 4, 10000};

TEST(Log, RefusesGeometriesAndBatchesThatNoLogCanHave) {
  const Geometry impossible[] = {{2, 512, 4, 1},  {24, 480, 4, 1}, {512, 4096, 4, 1}, {32, 500, 4, 1},
                                 {32, 512, 2, 1}, {32, 0, 4, 1},   {32, 64, 4, 1},    {4, 64, 65536, 1}};
  for (const Geometry& geometry : impossible) EXPECT_EQ(PlainLog(geometry, 96).prepared, Status::kInvalidArgument);
  EXPECT_EQ(PlainLog(kSmall, 0).prepared, Status::kInvalidArgument);
  EXPECT_EQ(PlainLog(kSmall, 368).prepared, Status::kOk);
  EXPECT_EQ(PlainLog(kSmall, 369).prepared, Status::kInvalidArgument);
}

TEST(Log, TakesNoMoreOfTheArenaThanItSays) {
  PlainLog device(kSmall, 96);
  EXPECT_EQ(device.arena->used(), Log::RequiredBytes(kSmall, 96));
  alignas(kArenaAlignment) uint8_t memory[112];
  Arena small{Span<uint8_t>(memory)};
  Log log(&device.flash, &device.owner);
  EXPECT_EQ(log.Prepare(97, &small), Status::kArenaTooSmall);
}

TEST(Log, DoesNothingBeforeItIsMounted) {
  PlainLog device(kSmall, 96);
  EXPECT_EQ(device.Append(1, 10), Status::kInvalidArgument);
  EXPECT_EQ(device.log->Flush(), Status::kInvalidArgument);
  EXPECT_EQ(device.log->Purge(), Status::kInvalidArgument);
  EXPECT_EQ(Log(&device.flash, &device.owner).Mount(1), Status::kInvalidArgument);
  EXPECT_EQ(Log(&device.flash, &device.owner).Format(1), Status::kInvalidArgument);
  EXPECT_EQ(device.log->statistics().programmed_bytes, 0u);
}

TEST(Log, GivesBackWhatWasAppendedPendingOrDurable) {
  PlainLog device(kSmall, 96);
  ASSERT_EQ(device.log->Mount(1), Status::kOk);
  const uint8_t first[] = {1, 2, 3};
  const uint8_t second[] = {4, 5, 6};
  uint32_t addresses[2];
  ASSERT_EQ(device.log->Append(7, first, &addresses[0]), Status::kOk);
  ASSERT_EQ(device.log->Append(7, second, &addresses[1]), Status::kOk);
  for (int i = 0; i < 2; ++i) {
    uint8_t found[2];
    ASSERT_EQ(device.log->Read(addresses[0], found), Status::kOk);
    EXPECT_EQ(found[0], 1);
    ASSERT_EQ(device.log->Read(addresses[1] + 1, found), Status::kOk);
    EXPECT_EQ(found[1], 6);
    ASSERT_EQ(device.log->Flush(), Status::kOk);
  }
  device.Boot();
  ASSERT_EQ(device.log->Mount(1), Status::kOk);
  ASSERT_EQ(device.owner.found.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(device.owner.found[i].address, addresses[i]);
    EXPECT_EQ(device.owner.found[i].kind, 7);
    EXPECT_EQ(device.owner.found[i].size_bytes, 3u);
  }
}

TEST(Log, ReadsNeitherBeyondThePendingCommitNorBeyondTheFlash) {
  PlainLog device(kSmall, 96);
  ASSERT_EQ(device.log->Mount(1), Status::kOk);
  ASSERT_EQ(device.Append(1, 10), Status::kOk);
  uint8_t found[11];
  const uint32_t address = *device.owner.needed.begin();
  EXPECT_EQ(device.log->Read(address, Span<uint8_t>(found, 10)), Status::kOk);
  EXPECT_EQ(device.log->Read(address, found), Status::kOutOfRange);
  EXPECT_EQ(device.log->Read(address + 9, Span<uint8_t>(found, 2)), Status::kOutOfRange);
  EXPECT_EQ(device.log->Read(4 * 512 - 10, found), Status::kOutOfRange);
  EXPECT_EQ(device.log->Read(0xFFFFFFFF, found), Status::kOutOfRange);
}

TEST(Log, RefusesItemsOfNoBytesOrTooMany) {
  PlainLog device(kSmall, 96);
  ASSERT_EQ(device.log->Mount(1), Status::kOk);
  EXPECT_EQ(device.Append(1, 0), Status::kInvalidArgument);
  EXPECT_EQ(device.Append(1, 97), Status::kInvalidArgument);
  EXPECT_EQ(device.Append(1, 96), Status::kOk);
  const std::vector<uint8_t> large(369);
  uint32_t address;
  EXPECT_EQ(device.log->AppendNow(1, Bytes(), Bytes(), &address), Status::kInvalidArgument);
  EXPECT_EQ(device.log->AppendNow(1, Bytes(large.data(), 1), Bytes(large.data(), 368), &address),
            Status::kInvalidArgument);
  EXPECT_EQ(device.log->AppendNow(1, Bytes(large.data(), 1), Bytes(large.data(), 367), &address), Status::kOk);
}

TEST(Log, TheLargestItemFillsTheBlockOrAFreshOne) {
  PlainLog device(kSmall, 96);
  ASSERT_EQ(device.log->Mount(1), Status::kOk);
  const std::vector<uint8_t> content(512);
  uint32_t address;
  ASSERT_EQ(device.log->LargestItem(), 512u - 32 - 32 - 96 - 16);  // header, the first tail, reserve, commit header
  ASSERT_EQ(device.Append(1, 90), Status::kOk);
  const uint32_t rest = device.log->LargestItem();
  ASSERT_EQ(rest, 512u - 32 - 32 - 128 - 96 - 16);
  ASSERT_EQ(device.log->AppendNow(1, Bytes(), Bytes(content.data(), rest), &address), Status::kOk);
  EXPECT_EQ(address / 512, 0u);
  ASSERT_EQ(device.log->LargestItem(), 512u - 32 - 96 - 16);
  ASSERT_EQ(device.log->AppendNow(1, Bytes(content.data(), 300), Bytes(content.data(), 68), &address), Status::kOk);
  EXPECT_EQ(address, 512u + 32 + 16);
}

TEST(Log, LeavesAForeignLogAsItIs) {
  PlainLog device(kSmall, 96);
  ASSERT_EQ(device.log->Mount(1), Status::kOk);
  ASSERT_EQ(device.Append(1, 10), Status::kOk);
  ASSERT_EQ(device.log->Flush(), Status::kOk);
  const std::vector<uint8_t> before = device.memory;
  device.Boot();
  EXPECT_EQ(device.log->Mount(2), Status::kForeignLog);
  EXPECT_EQ(device.Append(1, 10), Status::kInvalidArgument);
  EXPECT_EQ(device.memory, before);
  EXPECT_EQ(device.log->Format(2), Status::kOk);
  device.Boot();
  EXPECT_EQ(device.log->Mount(2), Status::kOk);
  EXPECT_TRUE(device.owner.found.empty());
}

TEST(Log, LeavesALogOfAnotherGeometryAsItIs) {
  PlainLog device(kSmall, 96);
  ASSERT_EQ(device.log->Mount(1), Status::kOk);
  PlainLog other({16, 512, 4, 10000}, 96);
  const Bytes contents = device.flash.contents();
  std::copy(contents.begin(), contents.end(), other.memory.begin());
  EXPECT_EQ(other.log->Mount(1), Status::kCorruptLog);
  EXPECT_TRUE(std::equal(contents.begin(), contents.end(), other.memory.begin()));
  EXPECT_EQ(other.log->Format(1), Status::kOk);
}

TEST(Log, MountingReadsOnly) {
  PlainLog device(kSmall, 96);
  ASSERT_EQ(device.log->Mount(1), Status::kOk);
  for (int i = 0; i < 200; ++i) {
    device.owner.needed.clear();
    ASSERT_EQ(device.Append(1, 30), Status::kOk);
    ASSERT_EQ(device.log->Flush(), Status::kOk);
    const std::vector<uint8_t> before = device.memory;
    PlainOwner owner;
    Log log(&device.flash, &owner);
    alignas(kArenaAlignment) uint8_t memory[128];
    Arena arena{Span<uint8_t>(memory)};
    ASSERT_EQ(log.Prepare(96, &arena), Status::kOk);
    ASSERT_EQ(log.Mount(1), Status::kOk);
    ASSERT_EQ(device.memory, before);
  }
}

TEST(Log, AnOwnerThatRefusesAnItemEndsTheMount) {
  PlainLog device(kSmall, 96);
  ASSERT_EQ(device.log->Mount(1), Status::kOk);
  ASSERT_EQ(device.Append(1, 10), Status::kOk);
  ASSERT_EQ(device.Append(1, 10), Status::kOk);
  ASSERT_EQ(device.log->Flush(), Status::kOk);
  device.Boot();
  device.owner.on_item_status = Status::kCorruptRecord;
  EXPECT_EQ(device.log->Mount(1), Status::kCorruptRecord);
  EXPECT_EQ(device.owner.found.size(), 1u);
  EXPECT_EQ(device.log->Flush(), Status::kInvalidArgument);
}

TEST(Log, AFullLogIsFoundOutWithoutWear) {
  PlainLog device(kSmall, 96);
  ASSERT_EQ(device.log->Mount(1), Status::kOk);
  Status status = Status::kOk;
  uint32_t num_appended = 0;
  for (; status == Status::kOk; ++num_appended) status = device.Append(1, 48);
  ASSERT_EQ(status, Status::kLogFull);
  const std::vector<uint8_t> before = device.memory;
  for (int i = 0; i < 100; ++i) ASSERT_EQ(device.Append(1, 48), Status::kLogFull);
  EXPECT_EQ(device.memory, before);
  device.owner.needed.erase(device.owner.needed.begin(), std::next(device.owner.needed.begin(), 8));
  EXPECT_EQ(device.Append(1, 48), Status::kOk);
  EXPECT_EQ(device.flash.num_violations(), 0u);
}

// Bytes programmed for each byte of items, from a fresh log until it is nearly full, flushed at the end only.
double WriteAmplification(const Geometry& geometry, uint32_t item_bytes, size_t batch_bytes) {
  PlainLog device(geometry, batch_bytes);
  EXPECT_EQ(device.log->Mount(1), Status::kOk);
  const uint64_t num_items =
      uint64_t{geometry.erase_block_bytes} * (geometry.num_blocks - 2) * 8 / 10 / (item_bytes + 16);
  for (uint64_t i = 0; i < num_items; ++i) EXPECT_EQ(device.Append(1, item_bytes), Status::kOk);
  EXPECT_EQ(device.log->Flush(), Status::kOk);
  const LogStatistics statistics = device.log->statistics();
  EXPECT_EQ(statistics.copied_bytes, 0u);
  EXPECT_EQ(statistics.item_bytes, num_items * item_bytes);
  return static_cast<double>(statistics.programmed_bytes) / static_cast<double>(statistics.item_bytes);
}

TEST(Log, ProgramsAtMostOnePointThreeBytesForEachByteOfRecords) {
  for (const Geometry& geometry : {kStm32h747, kNrf52840}) {
    for (const uint32_t item_bytes : {22, 50, 98, 142, 474, 578}) {
      const double written = WriteAmplification(geometry, item_bytes, item_bytes > 512 ? item_bytes : 512);
      std::cout << "[    info  ] units of " << geometry.program_unit_bytes << " bytes, records of " << item_bytes
                << ": " << written << " bytes programmed for each\n";
      EXPECT_LE(written, 1.3);
    }
  }
}

TEST(Log, AllBlocksWearAlike) {
  for (const Geometry& geometry : {Geometry{32, 4096, 6, 10000}, Geometry{4, 4096, 16, 10000}}) {
    PlainLog device(geometry, 512);
    ASSERT_EQ(device.log->Mount(1), Status::kOk);
    for (int i = 0; i < 30000; ++i) {
      if (i % 8 != 0) device.owner.needed.clear();
      ASSERT_EQ(device.Append(1, 22 + i % 3 * 50), Status::kOk);
      if (i % 1000 == 999) {
        ASSERT_EQ(device.log->Flush(), Status::kOk);
        device.Boot();
        ASSERT_EQ(device.log->Mount(1), Status::kOk);
      }
    }
    uint32_t least = UINT32_MAX;
    uint32_t greatest = 0;
    for (uint32_t block = 0; block < geometry.num_blocks; ++block) {
      least = std::min(least, device.flash.erase_count(block));
      greatest = std::max(greatest, device.flash.erase_count(block));
    }
    EXPECT_GT(least, 25u);
    EXPECT_LE(greatest - least, 1u);
    EXPECT_EQ(device.log->statistics().least_erase_count, least);
    EXPECT_EQ(device.log->statistics().greatest_erase_count, greatest);
  }
}

TEST(Log, ReadsTheGoldenLog) {
  std::ifstream file(TFODCL_GOLDEN "/log_v1.bin", std::ios::binary);
  const std::vector<char> golden{std::istreambuf_iterator<char>(file), {}};
  PlainLog device({16, 256, 4, 10000}, 48);
  ASSERT_EQ(golden.size(), device.flash.contents().size());
  std::copy(golden.begin(), golden.end(), device.memory.begin());
  ASSERT_EQ(device.log->Mount(0x01020304), Status::kOk);
  std::vector<std::pair<int, std::vector<uint8_t>>> found;
  for (const Item& item : device.owner.found) {
    std::vector<uint8_t> content(item.size_bytes);
    ASSERT_EQ(device.log->Read(item.address, Span<uint8_t>(content.data(), content.size())), Status::kOk);
    found.emplace_back(item.kind, content);
  }
  ASSERT_EQ(found.size(), 6u);
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found[0].second, (std::vector<uint8_t>{0x10, 0x11, 0x12, 0x13, 0x14}));
  EXPECT_EQ(found[1].second, (std::vector<uint8_t>{0x20, 0x21, 0x22, 0x23, 0x24}));
  EXPECT_EQ(found[2].second, (std::vector<uint8_t>{0xfe, 0xfd, 0xfc, 0xfb, 0xfa}));
  EXPECT_EQ(found[3].second.front(), 0x30);
  EXPECT_EQ(found[4].first, 3);
  EXPECT_EQ(found[4].second.size(), 30u + 22);
  EXPECT_EQ(found[5].first, 4);
  EXPECT_EQ(found[5].second.back(), 23 + 52);
}

}  // namespace
}  // namespace tfodcl
