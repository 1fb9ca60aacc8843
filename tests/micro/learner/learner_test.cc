// R3..R10: invariants of DESIGN.md, "Learner".

#include "learner/learner.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/bytes.h"
#include "device.h"

namespace tfodcl {
namespace {

constexpr Geometry kNrfLike{4, 512, 20, 10000};
constexpr Geometry kStmLike{32, 2048, 7, 10000};

class LearnerOn : public testing::TestWithParam<Geometry> {
 protected:
  LearnerOn() : device_(GetParam(), Settings{}) { EXPECT_EQ(device_.Start(), Status::kOk); }

  // Three classes, of which the last is not ended.
  void LearnThree() {
    for (uint16_t k = 0; k < 3; ++k) {
      uint16_t label = 99;
      ASSERT_EQ(device_.Add("class " + std::to_string(k), &label), Status::kOk);
      ASSERT_EQ(label, k);
      ASSERT_EQ(device_.Learn(label, k, 0, 6), Status::kOk);
      if (k == 2) break;
      ASSERT_EQ(device_.End(label), Status::kOk);
    }
  }

  Device device_;
};

INSTANTIATE_TEST_SUITE_P(BothChips, LearnerOn, testing::Values(kNrfLike, kStmLike), [](const auto& info) {
  return info.param.program_unit_bytes == 4 ? std::string("Nrf52840") : std::string("Stm32h747");
});

std::vector<uint8_t> OfText(const std::string& text) { return {text.begin(), text.end()}; }

// R3.
TEST_P(LearnerOn, TakesTheRequiredBytesToTheByte) {
  size_t bytes = 0;
  ASSERT_EQ(Learner::RequiredBytes(device_.package(), GetParam(), &bytes), Status::kOk);
  EXPECT_EQ(device_.arena_used(), bytes);
  std::vector<uint8_t> memory(bytes + kArenaAlignment);
  uint8_t* begin = memory.data() + (-reinterpret_cast<uintptr_t>(memory.data()) % kArenaAlignment);
  Arena smaller(Span<uint8_t>(begin, bytes - 1));
  Learner learner;
  EXPECT_EQ(learner.Start(device_.package(), &device_.flash(), &smaller), Status::kArenaTooSmall);
  EXPECT_EQ(learner.Save(), Status::kArenaTooSmall);
}

TEST_P(LearnerOn, LearnsClassesAndKeepsOldOnes) {
  LearnThree();
  ASSERT_EQ(device_.End(2), Status::kOk);
  for (uint16_t k = 0; k < 3; ++k) {
    for (int sample = 0; sample < 10; ++sample) EXPECT_EQ(device_.Classify(Device::Sample(k, sample)), k);
  }
  EXPECT_EQ(device_.learner().num_records(), 12u);
  for (uint16_t k = 0; k < 3; ++k) {
    ClassInfo info;
    ASSERT_EQ(device_.learner().GetClass(k, &info), Status::kOk);
    EXPECT_EQ(info.num_learnt, 6u);
    EXPECT_EQ(info.num_ended, 6u);
    EXPECT_EQ(info.num_records, 4u);
    EXPECT_EQ(std::string(info.name.begin(), info.name.end()), "class " + std::to_string(k));
  }
}

TEST_P(LearnerOn, RefusesWhatIsNotKnownAndChangesNothing) {
  LearnThree();
  const auto rows = device_.Rows();
  uint32_t num_steps = 0;
  uint16_t label = 0;
  ClassInfo info;
  Learner& learner = device_.learner();
  EXPECT_EQ(learner.LearnSample(3), Status::kUnknownClass);
  EXPECT_EQ(learner.EndClass(3, &num_steps), Status::kUnknownClass);
  EXPECT_EQ(learner.Forget(60000), Status::kUnknownClass);
  EXPECT_EQ(learner.GetClass(5, &info), Status::kUnknownClass);
  EXPECT_EQ(learner.Rename(4, Bytes(OfText("x").data(), 1)), Status::kUnknownClass);
  EXPECT_EQ(learner.ReplayStep(&num_steps), Status::kInvalidArgument);
  EXPECT_EQ(device_.Add("", &label), Status::kInvalidName);
  EXPECT_EQ(device_.Add(std::string(65, 'x'), &label), Status::kInvalidName);
  EXPECT_EQ(device_.Add("\xff", &label), Status::kInvalidName);
  EXPECT_EQ(learner.num_records(), 12u);
  EXPECT_EQ(device_.Rows(), rows);
}

TEST_P(LearnerOn, NeedsAClassToClassify) {
  uint16_t label = 0;
  EXPECT_EQ(device_.learner().Classify(&label), Status::kNoClasses);
}

TEST_P(LearnerOn, KnowsAClassByItsNameAfterARestartToo) {
  LearnThree();
  uint16_t label = 99;
  EXPECT_EQ(device_.Add("class 1", &label), Status::kOk);
  EXPECT_EQ(label, 1);
  ASSERT_EQ(device_.learner().Rename(1, Bytes(OfText("renamed").data(), 7)), Status::kOk);
  EXPECT_EQ(device_.learner().Rename(0, Bytes(OfText("renamed").data(), 7)), Status::kNameTaken);
  EXPECT_EQ(device_.learner().Rename(1, Bytes(OfText("renamed").data(), 7)), Status::kOk);
  ASSERT_EQ(device_.Start(), Status::kOk);
  EXPECT_EQ(device_.Add("renamed", &label), Status::kOk);
  EXPECT_EQ(label, 1);
  EXPECT_EQ(device_.learner().num_classes(), 3u);
}

TEST_P(LearnerOn, HoldsNoMoreClassesThanTheCapacity) {
  uint16_t label = 0;
  for (int k = 0; k < 5; ++k) ASSERT_EQ(device_.Add(std::to_string(k), &label), Status::kOk);
  EXPECT_EQ(device_.Add("5", &label), Status::kCapacityReached);
  EXPECT_EQ(device_.Add("4", &label), Status::kOk);
}

TEST(Learner, NeedsABudgetForARecordOfEveryClass) {
  Device device(kNrfLike, Settings{5, 2, 4, 1, 1});
  ASSERT_EQ(device.Start(), Status::kOk);
  uint16_t label = 0;
  ASSERT_EQ(device.Add("a", &label), Status::kOk);
  ASSERT_EQ(device.Add("b", &label), Status::kOk);
  EXPECT_EQ(device.Add("c", &label), Status::kBudgetTooSmall);
  Device without(kNrfLike, Settings{5, 0, 4, 1, 1});
  EXPECT_EQ(without.Start(), Status::kBudgetTooSmall);
}

// R4: a checkpoint brings back every weight, bit for bit.
TEST_P(LearnerOn, IsAfterSaveAndRestartWhatItWas) {
  LearnThree();
  const auto rows = device_.Rows();
  ASSERT_EQ(device_.learner().Save(), Status::kOk);
  ASSERT_EQ(device_.Start(), Status::kOk);
  EXPECT_EQ(device_.Rows(), rows);
  EXPECT_EQ(device_.learner().num_records(), 12u);
  ClassInfo info;
  ASSERT_EQ(device_.learner().GetClass(2, &info), Status::kOk);
  EXPECT_EQ(info.num_learnt, 6u);
  EXPECT_EQ(info.num_ended, 0u);
}

// R5: without one, the state is that of the inner steps on the records and one outer loop.
TEST_P(LearnerOn, LearnsAfterARestartWhatIsYoungerThanTheCheckpoint) {
  uint16_t label = 0;
  ASSERT_EQ(device_.Add("a", &label), Status::kOk);
  ASSERT_EQ(device_.Learn(0, 0, 0, 3), Status::kOk);
  ASSERT_EQ(device_.learner().Save(), Status::kOk);
  ASSERT_EQ(device_.Add("b", &label), Status::kOk);
  ASSERT_EQ(device_.Learn(1, 1, 0, 4), Status::kOk);
  ASSERT_EQ(device_.End(1), Status::kOk);
  const auto rows = device_.Rows();
  ASSERT_EQ(device_.Start(), Status::kOk);
  EXPECT_EQ(device_.Rows(), rows);  // the codec loses nothing, and the ids, thus the order, are the same
  ClassInfo info;
  ASSERT_EQ(device_.learner().GetClass(1, &info), Status::kOk);
  EXPECT_EQ(info.num_learnt, 4u);
  EXPECT_EQ(info.num_ended, 4u);
}

// R6: what was not made durable is lost, and nothing else.
TEST_P(LearnerOn, LosesPendingRecordsOnly) {
  uint16_t label = 0;
  ASSERT_EQ(device_.Add("a", &label), Status::kOk);
  ASSERT_EQ(device_.Learn(0, 0, 0, 3), Status::kOk);
  ASSERT_EQ(device_.End(0), Status::kOk);
  EXPECT_EQ(device_.learner().num_pending(), 0u);
  ASSERT_EQ(device_.Learn(0, 0, 3, 2), Status::kOk);
  EXPECT_EQ(device_.learner().num_pending(), 2u);
  ASSERT_EQ(device_.Start(), Status::kOk);
  EXPECT_EQ(device_.learner().num_records(), 3u);
}

TEST_P(LearnerOn, GivesANewClassTheRowOfTheClassesToComeAndTheLowestFreeLabel) {
  LearnThree();
  ASSERT_EQ(device_.learner().Forget(1), Status::kOk);
  EXPECT_EQ(device_.learner().num_classes(), 2u);
  uint16_t label = 0;
  ASSERT_EQ(device_.Add("another", &label), Status::kOk);
  EXPECT_EQ(label, 1);
  const auto rows = device_.Rows();
  EXPECT_EQ(rows[1], rows[3]);
  ASSERT_EQ(device_.Learn(label, 7, 0, 6), Status::kOk);
  ASSERT_EQ(device_.End(label), Status::kOk);
  EXPECT_EQ(device_.Classify(Device::Sample(7, 9)), 1);
  EXPECT_EQ(device_.Classify(Device::Sample(0, 9)), 0);
  EXPECT_EQ(device_.Classify(Device::Sample(2, 9)), 2);
  ASSERT_EQ(device_.learner().Save(), Status::kOk);
  const auto saved = device_.Rows();
  ASSERT_EQ(device_.Start(), Status::kOk);
  EXPECT_EQ(device_.Rows(), saved);
}

// The first eight weights, which are in one part of a checkpoint.
std::vector<uint8_t> RawBytes(const std::vector<float>& row) {
  const uint8_t* begin = reinterpret_cast<const uint8_t*>(row.data());
  return {begin, begin + 8 * sizeof(float)};
}

// R7: in the raw flash there is no byte left of a forgotten class, nor of a row from when it was known.
TEST_P(LearnerOn, LeavesNothingOfAForgottenClassInTheFlash) {
  LearnThree();
  ASSERT_EQ(device_.learner().Save(), Status::kOk);
  const auto before = device_.Rows();
  ASSERT_TRUE(device_.IsInFlash(OfText("class 1")));
  ASSERT_TRUE(device_.IsInFlash(Device::PayloadOf(1, 5)));
  ASSERT_TRUE(device_.IsInFlash(RawBytes(before[1])));
  ASSERT_EQ(device_.learner().Forget(1), Status::kOk);
  EXPECT_FALSE(device_.IsInFlash(OfText("class 1")));
  for (int sample = 0; sample < 6; ++sample) EXPECT_FALSE(device_.IsInFlash(Device::PayloadOf(1, sample)));
  EXPECT_FALSE(device_.IsInFlash(RawBytes(before[1])));
  EXPECT_TRUE(device_.IsInFlash(OfText("class 2")));
  EXPECT_TRUE(device_.IsInFlash(Device::PayloadOf(2, 5)));
  EXPECT_TRUE(device_.IsInFlash(RawBytes(before[2])));
  EXPECT_EQ(device_.learner().LearnSample(1), Status::kUnknownClass);
  ASSERT_EQ(device_.Start(), Status::kOk);
  EXPECT_EQ(device_.learner().num_classes(), 2u);
  EXPECT_EQ(device_.Rows(), (std::vector<std::vector<float>>{before[0], before[2], before[3]}));
}

TEST_P(LearnerOn, GoesOnWhenItsLogHasGoneRoundManyTimes) {
  LearnThree();
  for (int round = 0; round < 60; ++round) {
    const uint16_t label = static_cast<uint16_t>(round % 3);
    ASSERT_EQ(device_.Learn(label, label, 0, 9), Status::kOk);
    ASSERT_EQ(device_.End(label), Status::kOk);
    if (round % 4 != 0) continue;
    ASSERT_EQ(device_.learner().Save(), Status::kOk);
  }
  EXPECT_GT(device_.learner().log_statistics().num_erases, 2 * GetParam().num_blocks);
  ASSERT_EQ(device_.learner().Save(), Status::kOk);
  const auto rows = device_.Rows();
  ASSERT_EQ(device_.Start(), Status::kOk);
  EXPECT_EQ(device_.Rows(), rows);
  EXPECT_EQ(device_.learner().num_records(), 12u);
  ASSERT_EQ(device_.learner().Forget(0), Status::kOk);
  EXPECT_EQ(device_.learner().num_records(), 8u);
}

TEST_P(LearnerOn, ResetErasesEverything) {
  LearnThree();
  ASSERT_EQ(device_.learner().Save(), Status::kOk);
  ASSERT_EQ(device_.learner().Reset(), Status::kOk);
  EXPECT_EQ(device_.learner().num_classes(), 0u);
  EXPECT_FALSE(device_.IsInFlash(OfText("class")));
  EXPECT_FALSE(device_.IsInFlash(Device::PayloadOf(2, 5)));
  LearnThree();
  ASSERT_EQ(device_.Start(), Status::kOk);
  EXPECT_EQ(device_.learner().num_classes(), 3u);
}

TEST_P(LearnerOn, TakesTheLogOfAnotherPackageOnlyByReset) {
  LearnThree();
  ASSERT_EQ(device_.learner().Save(), Status::kOk);
  device_.package().identity = 78;
  ASSERT_EQ(device_.Start(), Status::kForeignLog);
  uint16_t label = 0;
  EXPECT_EQ(device_.Add("a", &label), Status::kForeignLog);
  EXPECT_EQ(device_.learner().Save(), Status::kForeignLog);
  device_.package().identity = 77;
  ASSERT_EQ(device_.Start(), Status::kOk);
  EXPECT_EQ(device_.learner().num_classes(), 3u);
  device_.package().identity = 78;
  ASSERT_EQ(device_.Start(), Status::kForeignLog);
  ASSERT_EQ(device_.learner().Reset(), Status::kOk);
  LearnThree();
  ASSERT_EQ(device_.Start(), Status::kOk);
  EXPECT_EQ(device_.learner().num_classes(), 3u);
}

TEST_P(LearnerOn, StopsWhereTheFlashFailsAndGoesOnAfterAStart) {
  LearnThree();
  const uint32_t num_records = device_.learner().num_records();
  device_.flash().LosePowerAt(0, Failure::kNotBegun);
  EXPECT_EQ(device_.learner().Save(), Status::kFlashFailure);
  EXPECT_EQ(device_.learner().LearnSample(0), Status::kFlashFailure);
  ASSERT_EQ(device_.Start(), Status::kOk);
  EXPECT_LE(device_.learner().num_records(), num_records);
  EXPECT_EQ(device_.learner().num_classes(), 3u);
}

// R9: a log that is too small for the budget keeps fewer records, and is never full.
TEST(Learner, NeverFillsItsLog) {
  int num_lives = 0;
  for (const uint32_t num_blocks : {13u, 15u, 20u}) {
    for (const Geometry& chip : {kNrfLike, kStmLike}) {
      Geometry geometry = chip;
      geometry.num_blocks = chip.program_unit_bytes == 4 ? num_blocks : num_blocks - 8;
      Device device(geometry, Settings{4, 10000, 4, 1, 1});
      const Status status = device.Start();
      if (status == Status::kLogFull) continue;
      ASSERT_EQ(status, Status::kOk);
      ASSERT_LT(device.learner().max_records(), 10000u);
      ++num_lives;
      for (int round = 0; round < 300; ++round) {
        uint16_t label = 0;
        const Status added = device.Add("class " + std::to_string(round % 4), &label);
        if (added == Status::kBudgetTooSmall) continue;
        ASSERT_EQ(added, Status::kOk);
        ASSERT_EQ(device.Learn(label, label, round, 1 + round % 7), Status::kOk);
        ASSERT_EQ(device.End(label), Status::kOk);
        if (round % 3 == 0) {
          ASSERT_EQ(device.learner().Save(), Status::kOk);
        }
        if (round % 50 == 49) {
          ASSERT_EQ(device.learner().Forget(label), Status::kOk);
        }
      }
      EXPECT_GT(device.learner().log_statistics().num_erases, 10 * geometry.num_blocks);
    }
  }
  EXPECT_GE(num_lives, 4);
}

// R10: also with small records, of 26 bytes, and where every class's 30 samples are made durable for themselves.
TEST(Learner, WritesLittleMoreThanItsRecords) {
  for (const Geometry& chip : {Geometry{4, 4096, 60, 10000}, Geometry{32, 131072, 6, 10000}}) {
    Device device(chip, Settings{10, 300, 8, 1, 1});
    ASSERT_EQ(device.Start(), Status::kOk);
    uint64_t written_bytes = 0;
    for (uint16_t k = 0; k < 10; ++k) {
      uint16_t label = 0;
      ASSERT_EQ(device.Add(std::to_string(k), &label), Status::kOk);
      const uint64_t before = device.learner().log_statistics().programmed_bytes;
      ASSERT_EQ(device.Learn(label, k, 0, 30), Status::kOk);
      ASSERT_EQ(device.End(label), Status::kOk);
      written_bytes += device.learner().log_statistics().programmed_bytes - before;
    }
    EXPECT_LE(static_cast<double>(written_bytes), 1.3 * 300 * (2 + kDim));
  }
}

TEST(Learner, ReturnsNoPackageBeforeItIsStarted) {
  Learner learner;
  uint16_t label = 0;
  uint32_t num_left = 0;
  EXPECT_EQ(learner.Classify(&label), Status::kNoPackage);
  EXPECT_EQ(learner.ReplayStep(&num_left), Status::kNoPackage);
  EXPECT_EQ(learner.Reset(), Status::kNoPackage);
}

}  // namespace
}  // namespace tfodcl
