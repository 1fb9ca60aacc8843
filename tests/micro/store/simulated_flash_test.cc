#include "ports/simulated_flash.h"

#include <gtest/gtest.h>

#include <vector>

namespace tfodcl {
namespace {

constexpr Geometry kGeometry = {8, 64, 3, 10000};

class SimulatedFlashTest : public testing::Test {
 protected:
  SimulatedFlashTest() : memory_(SimulatedFlash::RequiredBytes(kGeometry)), flash_(kGeometry, All()) {
    EXPECT_EQ(flash_.Open(), Status::kOk);
  }
  Span<uint8_t> All() { return Span<uint8_t>(memory_.data(), memory_.size()); }

  std::vector<uint8_t> memory_;
  SimulatedFlash flash_;
  const std::vector<uint8_t> zeros_ = std::vector<uint8_t>(64);
};

TEST_F(SimulatedFlashTest, BeginsErased) {
  uint8_t found[192];
  ASSERT_EQ(flash_.Read(0, found), Status::kOk);
  for (const uint8_t byte : found) ASSERT_EQ(byte, 0xFF);
  EXPECT_EQ(flash_.erase_count(2), 0u);
}

TEST_F(SimulatedFlashTest, ProgramsAUnitOnceBetweenErasesWhateverItHolds) {
  const std::vector<uint8_t> erased(8, 0xFF);
  ASSERT_EQ(flash_.Program(72, Bytes(erased.data(), 8)), Status::kOk);
  EXPECT_EQ(flash_.Program(64, Bytes(zeros_.data(), 16)), Status::kNotErased);
  uint8_t found[16];
  ASSERT_EQ(flash_.Read(64, found), Status::kOk);
  EXPECT_EQ(found[0], 0xFF);
  EXPECT_EQ(flash_.num_violations(), 1u);
  ASSERT_EQ(flash_.Erase(1), Status::kOk);
  EXPECT_EQ(flash_.Program(64, Bytes(zeros_.data(), 16)), Status::kOk);
  EXPECT_EQ(flash_.erase_count(1), 1u);
  EXPECT_EQ(flash_.erase_count(0), 0u);
  EXPECT_EQ(flash_.num_violations(), 1u);
}

TEST_F(SimulatedFlashTest, RefusesPartsOfUnitsAndPlacesOutside) {
  uint8_t found[8];
  EXPECT_EQ(flash_.Program(4, Bytes(zeros_.data(), 8)), Status::kInvalidArgument);
  EXPECT_EQ(flash_.Program(8, Bytes(zeros_.data(), 12)), Status::kInvalidArgument);
  EXPECT_EQ(flash_.Program(184, Bytes(zeros_.data(), 16)), Status::kOutOfRange);
  EXPECT_EQ(flash_.Read(185, found), Status::kOutOfRange);
  EXPECT_EQ(flash_.Read(0xFFFFFFFF, found), Status::kOutOfRange);
  EXPECT_EQ(flash_.Erase(3), Status::kOutOfRange);
  EXPECT_EQ(flash_.num_violations(), 6u);
}

TEST_F(SimulatedFlashTest, KeepsItsStateThroughAReset) {
  ASSERT_EQ(flash_.Erase(2), Status::kOk);
  ASSERT_EQ(flash_.Program(0, Bytes(zeros_.data(), 8)), Status::kOk);
  SimulatedFlash again(kGeometry, All());
  ASSERT_EQ(again.Open(), Status::kOk);
  EXPECT_EQ(again.erase_count(2), 1u);
  EXPECT_EQ(again.contents()[0], 0);
  EXPECT_EQ(again.Program(0, Bytes(zeros_.data(), 8)), Status::kNotErased);
}

TEST_F(SimulatedFlashTest, IsMadeAnewForAnotherGeometry) {
  ASSERT_EQ(flash_.Program(0, Bytes(zeros_.data(), 8)), Status::kOk);
  SimulatedFlash other({8, 32, 6, 10000}, All());
  EXPECT_EQ(other.Open(), Status::kInvalidArgument);
  SimulatedFlash smaller({8, 32, 5, 10000}, All());
  ASSERT_EQ(smaller.Open(), Status::kOk);
  EXPECT_EQ(smaller.contents()[0], 0xFF);
}

}  // namespace
}  // namespace tfodcl
