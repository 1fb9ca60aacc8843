// Loading a package over the line: SPEC.md 7.3.

#include <gtest/gtest.h>

#include "board.h"

namespace tfodcl {
namespace {

constexpr uint8_t kInfo = 0x01, kReset = 0x04, kErase = 0x10, kWrite = 0x11, kCheck = 0x12, kStart = 0x13;

uint8_t Value(Status status) { return static_cast<uint8_t>(status); }

class PackageLoadTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(board_.BeginSession().status, 0); }
  // What the SPEC tells hosts to do, with writes of 96 bytes; gives up before write `num_writes`.
  bool Load(const ByteVector& package, int num_writes) {
    for (uint32_t begin = 0; begin < package.size(); begin += 4096) {
      ByteVector block(package.begin() + begin, package.begin() + std::min<size_t>(package.size(), begin + 4096));
      const uint32_t used = static_cast<uint32_t>(block.size());
      block.resize(4096, 0xFF);
      if (board_.Request(kCheck, U32s({begin, 4096})).payload == U32s({HostCrc32(block)})) continue;
      EXPECT_EQ(board_.StatusOf(kErase, U32s({begin / 4096})), 0);
      for (uint32_t at = 0; at < used; at += 96) {
        if (num_writes-- == 0) return false;
        const ByteVector piece(block.begin() + at, block.begin() + std::min<uint32_t>(at + 96, used));
        EXPECT_EQ(board_.StatusOf(kWrite, U32s({begin + at}) + piece), 0);
      }
    }
    return true;
  }

  Board board_;
};

TEST_F(PackageLoadTest, WithoutAPackageOnlyTheBoardsCommandsAreServed) {
  const ByteVector info = board_.Request(kInfo, U32s({kSession})).payload;
  EXPECT_EQ(info[0], Value(Status::kNoPackage));
  EXPECT_EQ(info[1], 0);
  for (size_t offset = 36; offset < 68; ++offset) EXPECT_EQ(info[offset], 0) << offset;
  for (uint8_t command : {0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x30, 0x31, 0x32, 0x33}) {
    EXPECT_EQ(board_.StatusOf(command, ByteVector(3)), Value(Status::kNoPackage)) << int{command};
  }
  EXPECT_EQ(board_.StatusOf(kStart), Value(Status::kNotAPackage));
  EXPECT_EQ(board_.StatusOf(0x02), 0);
  EXPECT_EQ(board_.StatusOf(0x05, U32s({0, 16})), 0);
  EXPECT_EQ(board_.StatusOf(kReset), 0);
}

TEST_F(PackageLoadTest, ALoadedPackageIsStartedAndKeptOverAReset) {
  EXPECT_TRUE(Load(TestPackage(), 1000));
  EXPECT_EQ(board_.StatusOf(kStart), 0);
  for (int i = 0; i < 2; ++i) {
    const ByteVector info = board_.BeginSession().payload;
    EXPECT_EQ(info[0], 0);
    EXPECT_EQ(info[1], 1);
    EXPECT_EQ(ReadNumber(info, 36, 4), TestPackageFacts().identity);
    board_.Restart();
  }
}

TEST_F(PackageLoadTest, AnInterruptedLoadIsResumedWhereverItStopped) {
  const ByteVector package = TestPackage();
  for (int num_writes = 0; !Load(package, num_writes); num_writes += 7) {
    EXPECT_NE(board_.StatusOf(kStart), 0);
    board_.Restart();
    ASSERT_EQ(board_.BeginSession().status, 0);
    if (num_writes > 14) {
      EXPECT_TRUE(Load(package, 1000));
      break;
    }
  }
  EXPECT_EQ(board_.StatusOf(kStart), 0);
}

TEST_F(PackageLoadTest, WhatIsLoadedAlreadyIsNotWrittenAgain) {
  const ByteVector package = TestPackage();
  ASSERT_TRUE(Load(package, 1000));
  EXPECT_TRUE(Load(package, 0));
  EXPECT_EQ(board_.StatusOf(kWrite, U32s({0}) + ByteVector(package.begin(), package.begin() + 64)), 0);
  EXPECT_EQ(board_.package().num_violations(), 0u);
}

TEST_F(PackageLoadTest, WriteChangesNothingWhereOneUnitHasOtherBytes) {
  ASSERT_EQ(board_.StatusOf(kWrite, U32s({32}) + ByteVector(32, 7)), 0);
  const ByteVector before = board_.State();
  EXPECT_EQ(board_.StatusOf(kWrite, U32s({0}) + ByteVector(96, 8)), Value(Status::kNotErased));
  EXPECT_EQ(board_.State(), before);
  EXPECT_EQ(board_.StatusOf(kWrite, U32s({0}) + ByteVector(96, 7)), 0);
  EXPECT_EQ(board_.Request(kCheck, U32s({0, 96})).payload, U32s({HostCrc32(ByteVector(96, 7))}));
}

// The package, and 32 bytes of its codebook that read as erased: CRC-32s as in SPEC.md 2.9.
ByteVector PackageWithAnErasedUnit(uint32_t* unit) {
  ByteVector package = TestPackage();
  const auto put_crc = [&](size_t begin, size_t size, size_t at) {
    const uint32_t crc = HostCrc32(ByteVector(package.begin() + begin, package.begin() + begin + size));
    for (size_t i = 0; i < 4; ++i) package[at + i] = static_cast<uint8_t>(crc >> (8 * i));
  };
  *unit = 0x120;
  std::fill_n(package.begin() + *unit, 32, 0xFF);
  put_crc(0x100, 92, 0x2C);
  put_crc(0, 0xB0, 0xB0);
  return package;
}

TEST_F(PackageLoadTest, NothingIsWrittenToThePackageInUse) {
  uint32_t unit = 0;
  EXPECT_TRUE(Load(PackageWithAnErasedUnit(&unit), 1000));
  EXPECT_EQ(board_.StatusOf(kStart), 0);
  const ByteVector before = board_.State();
  EXPECT_EQ(board_.StatusOf(kWrite, U32s({unit}) + ByteVector(32, 0x55)), Value(Status::kNotErased));
  EXPECT_EQ(board_.StatusOf(kWrite, U32s({unit}) + ByteVector(32, 0xFF)), 0);
  EXPECT_EQ(board_.State(), before);
}

TEST_F(PackageLoadTest, AUnitThatCannotBeReadEndsThePackage) {
  EXPECT_TRUE(Load(TestPackage(), 1000));
  const uint32_t size = static_cast<uint32_t>(TestPackage().size());
  board_.failing_package().unreadable_from = size;
  board_.Restart();
  EXPECT_EQ(board_.BeginSession().payload[0], 0);
  board_.failing_package().unreadable_from = size - 32;
  EXPECT_EQ(board_.StatusOf(kStart), Value(Status::kCorruptPackage));
  board_.Restart();
  EXPECT_EQ(board_.BeginSession().payload[0], Value(Status::kCorruptPackage));
}

TEST_F(PackageLoadTest, ArgumentsOutsideOfTheRegionAreRefused) {
  EXPECT_EQ(board_.StatusOf(kErase, U32s({8})), Value(Status::kOutOfRange));
  EXPECT_EQ(board_.StatusOf(kErase, U32s({0xFFFFFFFF})), Value(Status::kOutOfRange));
  EXPECT_EQ(board_.StatusOf(kWrite, U32s({16}) + ByteVector(32, 1)), Value(Status::kInvalidArgument));
  EXPECT_EQ(board_.StatusOf(kWrite, U32s({0}) + ByteVector(31, 1)), Value(Status::kInvalidArgument));
  EXPECT_EQ(board_.StatusOf(kWrite, U32s({32'768}) + ByteVector(32, 1)), Value(Status::kOutOfRange));
  EXPECT_EQ(board_.StatusOf(kWrite, U32s({0xFFFFFFE0}) + ByteVector(64, 1)), Value(Status::kOutOfRange));
  EXPECT_EQ(board_.StatusOf(kWrite, U32s({32'736}) + ByteVector(32, 1)), 0);
  EXPECT_EQ(board_.StatusOf(kCheck, U32s({1, 32'768})), Value(Status::kOutOfRange));
  EXPECT_EQ(board_.StatusOf(kCheck, U32s({0xFFFFFFFF, 2})), Value(Status::kOutOfRange));
  EXPECT_EQ(board_.Request(kCheck, U32s({0, 0})).payload, U32s({0}));
}

TEST_F(PackageLoadTest, ErasingStopsTheLearner) {
  ASSERT_TRUE(Load(TestPackage(), 1000));
  ASSERT_EQ(board_.StatusOf(kStart), 0);
  EXPECT_EQ(board_.StatusOf(kErase, U32s({7})), 0);
  EXPECT_EQ(board_.StatusOf(0x25), Value(Status::kNoPackage));
  EXPECT_EQ(board_.StatusOf(kStart), 0);
  EXPECT_EQ(board_.StatusOf(0x25), 0);
}

TEST_F(PackageLoadTest, TheFirmwaresPackageIsUsedWhereTheRegionHasNone) {
  Board board(TestPackage());
  EXPECT_EQ(board.BeginSession().payload[1], 2);
}

}  // namespace
}  // namespace tfodcl
