// R9: what the log holds is counted in whole commits of blocks.

#include "learner/sizes.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/bytes.h"

namespace tfodcl {
namespace {

// MaxRecords of a package whose payloads have `dim` bytes and whose budget holds any number of records.
uint32_t MostRecords(uint32_t dim, const Geometry& geometry) {
  std::vector<uint8_t> section(32);  // uniform, 8 bits
  section[0] = 1;
  WriteU32(dim, &section[4]);
  WriteU32(dim, &section[8]);
  section[12] = 8;
  section[13] = 0x80;
  section[14] = 0x7F;
  Package package{};
  package.capacity = 1;
  package.latent_dim = dim;
  package.replay_budget_bytes = UINT32_MAX;
  Codec codec;
  EXPECT_EQ(codec.Prepare(Bytes(section.data(), section.size())), Status::kOk);
  uint32_t max_records = 0;
  EXPECT_EQ(MaxRecords(package, codec, geometry, &max_records), Status::kOk);
  return max_records;
}

// More than half of a page of 4096 bytes cannot be used where a record of 2106 bytes lies in it.
TEST(Sizes, RecordsThatFillHalfABlockAreOneABlock) {
  EXPECT_LE(MostRecords(2100, {4, 4096, 96, 10000}), 93u);
  EXPECT_GT(MostRecords(2100, {4, 4096, 96, 10000}), 30u);
}

// Two of 1506 bytes fit a page, and 970 bytes are left.
TEST(Sizes, RecordsThatLeaveAThirdOfABlockAreTwoABlock) { EXPECT_LE(MostRecords(1500, {4, 4096, 96, 10000}), 2 * 93u); }

TEST(Sizes, SmallRecordsFillTheLogButForPartsOfACheckpoint) {
  // 93 blocks of 4096 - 96 - 1024, less 4 parts of 120 bytes and 3 names of 70, with 20 more each; records of 30.
  EXPECT_EQ(MostRecords(24, {4, 4096, 96, 10000}), (93u * 2976 - 4 * 140 - 3 * 90) / 50);
}

}  // namespace
}  // namespace tfodcl
