// CWR* by hand, as in the Python test.

#include "batch_learner/consolidated_head.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/bytes.h"
#include "memory.h"
#include "stage/adaptive_stage.h"

namespace tfodcl {
namespace {

// A stage of a head alone: 2 features, 4 classes.
std::vector<uint8_t> HeadSection() {
  std::vector<uint8_t> section(64 + 32);
  for (const size_t offset : {0, 2, 4}) WriteU16(1, &section[offset]);
  WriteU32(2, &section[8]);
  WriteF32(1, &section[20]);
  section[32] = static_cast<uint8_t>(LayerKind::kHead);
  section[33] = section[34] = 1;
  WriteU32(4, &section[36]);
  WriteU32(64, &section[40]);
  return section;
}

class ConsolidatedHeadTest : public testing::Test {
 protected:
  ConsolidatedHeadTest() : section_(HeadSection()), memory_(4096), arena_(memory_.bytes()) {
    EXPECT_EQ(stage_.Prepare(section_.bytes(), {2, 4, 0.1f, 1, 0}, &arena_), Status::kOk);
    EXPECT_EQ(head_.TakeMemory(4, 2, &arena_), Status::kOk);
    for (float& value : head_.rows()) value = 0;
  }

  void Consolidate(const std::vector<float>& trained, const std::vector<uint32_t>& current) {
    const uint8_t known[] = {1, 1, 1, 1};
    stage_.SetHead({trained.data(), trained.size()}, known);
    head_.Consolidate(stage_, {current.data(), current.size()}, counts_);
  }

  Memory section_, memory_;
  Arena arena_;
  AdaptiveStage stage_;
  ConsolidatedHead head_;
  uint32_t counts_[4] = {};
};

TEST_F(ConsolidatedHeadTest, RowsAreThoseOfTheFormula) {
  Consolidate({1, 4, 3, 0, 9, 9, 9, 9}, {4, 2, 0, 0});
  const float first[] = {-1, 2, 1, -2, 0, 0, 0, 0};
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(head_.rows()[i], first[i]);
  // Mean of rows 1 and 2: (3, 3). Class 1: sqrt(2 / 8) = 1/2, ((1, -2) / 2 + (2, -1)) / (3/2).
  Consolidate({9, 9, 5, 2, 1, 4, 9, 9}, {0, 8, 1, 0});
  const float second[] = {-1, 2, 5.0f / 3, -4.0f / 3, -2, 1, 0, 0};
  for (size_t i = 0; i < 8; ++i) EXPECT_FLOAT_EQ(head_.rows()[i], second[i]);
  EXPECT_EQ(std::vector<uint32_t>(counts_, counts_ + 4), (std::vector<uint32_t>{4, 10, 1, 0}));
}

TEST_F(ConsolidatedHeadTest, CountsStayAtTheGreatestNumber) {
  counts_[0] = UINT32_MAX - 3;
  Consolidate({1, 1, 0, 0, 0, 0, 0, 0}, {5, 0, 0, 0});
  EXPECT_EQ(counts_[0], UINT32_MAX);
}

TEST_F(ConsolidatedHeadTest, LoadTakesTheRowsOfTheStage) {
  const float rows[] = {1, 2, 3, 4, 5, 6, 7, 8};
  const uint8_t known[] = {1, 1, 1, 1};
  stage_.SetHead(rows, known);
  head_.Load(stage_);
  for (size_t i = 0; i < 8; ++i) EXPECT_EQ(head_.rows()[i], rows[i]);
}

}  // namespace
}  // namespace tfodcl
