// Orders are those of SPEC.md 6.8, whose worked example a test in Python holds to its text.

#include "batch_learner/mini_batches.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "base/arena.h"
#include "memory.h"

namespace tfodcl {
namespace {

TEST(Mixing, IsInProportionAndHasAtLeastOneNewSample) {
  const auto of = [](uint32_t batch, uint32_t num_new, uint32_t num_kept) {
    const Mixing mixing = Mixing::Of(batch, num_new, num_kept);
    return std::vector<uint32_t>{mixing.num_new, mixing.num_replayed};
  };
  EXPECT_EQ(of(128, 300, 1500), (std::vector<uint32_t>{21, 107}));  // the paper's
  EXPECT_EQ(of(128, 300, 0), (std::vector<uint32_t>{128, 0}));
  EXPECT_EQ(of(128, 50, 0), (std::vector<uint32_t>{50, 0}));
  EXPECT_EQ(of(128, 2, 3000), (std::vector<uint32_t>{1, 127}));
  EXPECT_EQ(of(128, 3000, 1), (std::vector<uint32_t>{127, 1}));
  EXPECT_EQ(of(0xFFFFFFFF, 65535, 65535), (std::vector<uint32_t>{65535, 65535}));
}

class MiniBatchesTest : public testing::Test {
 protected:
  MiniBatchesTest() : memory_(4096), arena_(memory_.bytes()) {
    EXPECT_EQ(mini_batches_.TakeMemory(50, 50, &arena_), Status::kOk);
  }

  std::vector<uint16_t> Next() {
    std::vector<uint16_t> places;
    mini_batches_.BeginNext();
    for (uint32_t i = 0; i < mini_batches_.mixing().num_new; ++i) places.push_back(mini_batches_.NextNew());
    for (uint32_t i = 0; i < mini_batches_.mixing().num_replayed; ++i) places.push_back(mini_batches_.NextReplay());
    return places;
  }

  Memory memory_;
  Arena arena_;
  MiniBatches mini_batches_;
};

TEST_F(MiniBatchesTest, AreThoseOfTheWorkedExample) {
  mini_batches_.Begin(2, 3, 5, 4, 1);
  ASSERT_EQ(mini_batches_.num_left(), 3u);
  EXPECT_EQ(Next(), (std::vector<uint16_t>{2, 0, 1, 4}));
  EXPECT_EQ(Next(), (std::vector<uint16_t>{1, 3, 2, 3}));
  EXPECT_EQ(Next(), (std::vector<uint16_t>{0, 2, 4, 0}));
  EXPECT_EQ(mini_batches_.num_left(), 0u);
  const Span<const uint16_t> kept = mini_batches_.OrderKept(), dropped = mini_batches_.OrderDropped();
  EXPECT_EQ(std::vector<uint16_t>(kept.begin(), kept.end()), (std::vector<uint16_t>{0, 1, 2}));
  EXPECT_EQ(std::vector<uint16_t>(dropped.begin(), dropped.end()), (std::vector<uint16_t>{3, 0, 2, 4, 1}));
}

TEST_F(MiniBatchesTest, BringEveryNewSampleOnceAnEpochAndAllReplaysBeforeAnyAgain) {
  mini_batches_.Begin(1, 11, 20, 8, 3);  // 2 new and 6 replays
  ASSERT_EQ(mini_batches_.num_left(), 15u);
  std::vector<uint16_t> replays;
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::set<uint16_t> seen;
    for (int step = 0; step < 5; ++step) {
      const std::vector<uint16_t> places = Next();
      ASSERT_EQ(places.size(), 8u);
      seen.insert(places.begin(), places.begin() + 2);
      replays.insert(replays.end(), places.begin() + 2, places.end());
    }
    EXPECT_EQ(seen.size(), 10u);
    EXPECT_LT(*seen.rbegin(), 11);
  }
  for (size_t first = 0; first + 20 <= replays.size(); first += 20) {
    EXPECT_EQ(std::set<uint16_t>(&replays[first], &replays[first] + 20).size(), 20u);
  }
}

}  // namespace
}  // namespace tfodcl
