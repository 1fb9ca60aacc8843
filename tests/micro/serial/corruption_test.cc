// Bytes that a line or an attacker makes of requests: SPEC.md 7.2, cases 1 to 5.
// Invariants S1, S3 and S5 of DESIGN.md.

#include <gtest/gtest.h>

#include <random>

#include "board.h"

namespace tfodcl {
namespace {

constexpr uint8_t kCorruptFrame = 40, kOutOfSequence = 44;

class CorruptionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(board_.BeginSession().status, 0);
    ASSERT_EQ(board_.StatusOf(0x20, Text("ka")), 0);
    ASSERT_EQ(board_.StatusOf(0x21, U16s({0}) + Input()), 0);
    ASSERT_EQ(board_.StatusOf(0x22, U16s({0})), 0);
    before_ = board_.State();
  }
  ByteVector Input() { return ByteVector(board_.learner().input().size(), 3); }

  // Requests that would change something, with the sequence that comes next.
  std::vector<ByteVector> ValidFrames() {
    const uint16_t next = board_.sequence() + 1;
    return {
        RequestFrame(0x04, next, {}),
        RequestFrame(0x10, next, U32s({0})),
        RequestFrame(0x11, next, U32s({4096}) + ByteVector(32, 1)),
        RequestFrame(0x20, next, Text("another class")),
        RequestFrame(0x21, next, U16s({0}) + Input()),
        RequestFrame(0x23, next, U16s({0}) + Text("renamed")),
        RequestFrame(0x24, next, U16s({0})),
    };
  }

  Board board_{TestPackage()};
  ByteVector before_;
};

TEST_F(CorruptionTest, EverySingleBitFlipChangesNothingAndIsNamed) {
  for (const ByteVector& valid : ValidFrames()) {
    for (size_t bit = 0; bit < 8 * valid.size(); ++bit) {
      ByteVector flipped = valid;
      flipped[bit / 8] ^= 1 << bit % 8;
      flipped.push_back(0);  // ends the frame where the flip took its end
      for (const HostReply& reply : board_.Receive(flipped)) {
        ASSERT_EQ(reply, (HostReply{0x80, 0xFFFF, kCorruptFrame, 0, {}})) << bit;
      }
      ASSERT_EQ(board_.State(), before_) << bit;
    }
  }
  EXPECT_EQ(board_.StatusOf(0x21, U16s({0}) + Input()), 0);
}

TEST_F(CorruptionTest, EveryTruncationChangesNothingAndIsNamed) {
  for (const ByteVector& valid : ValidFrames()) {
    for (size_t size = 1; size < valid.size() - 1; ++size) {
      ByteVector cut(valid.begin(), valid.begin() + size);
      EXPECT_EQ(board_.Receive(cut).size(), 0u);
      const auto replies = board_.Receive({0});
      ASSERT_EQ(replies.size(), 1u);
      ASSERT_EQ(replies[0], (HostReply{0x80, 0xFFFF, kCorruptFrame, 0, {}})) << size;
    }
    ASSERT_EQ(board_.State(), before_);
  }
}

TEST_F(CorruptionTest, EveryLostByteChangesNothingAndIsNamed) {
  for (const ByteVector& valid : ValidFrames()) {
    for (size_t lost = 0; lost < valid.size() - 1; ++lost) {
      ByteVector rest = valid;
      rest.erase(rest.begin() + lost);
      const auto replies = board_.Receive(rest);
      ASSERT_EQ(replies.size(), 1u);
      ASSERT_EQ(replies[0].status, kCorruptFrame) << lost;
    }
    ASSERT_EQ(board_.State(), before_);
  }
}

TEST_F(CorruptionTest, RandomBytesChangeNothing) {
  std::mt19937 random(2);
  for (int i = 0; i < 20'000; ++i) {
    ByteVector bytes(random() % 80);
    for (uint8_t& byte : bytes) byte = random() % 4 == 0 ? random() % 4 : random() % 256;
    for (const HostReply& reply : board_.Receive(bytes)) ASSERT_EQ(reply.status, kCorruptFrame);
  }
  EXPECT_EQ(board_.State(), before_);
}

// Frames that are whole, of commands and lengths that are not: whatever they ask, the board answers once and lives.
TEST_F(CorruptionTest, RandomRequestsAreAnsweredOnce) {
  std::mt19937 random(3);
  const uint8_t commands[] = {0x01, 0x02, 0x04, 0x05, 0x10, 0x11, 0x12, 0x13, 0x20, 0x21,
                              0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x30, 0x31, 0x32, 0x33};
  const size_t input_bytes = board_.learner().input().size();
  const ByteVector package = TestPackage();
  for (int i = 0; i < 5000; ++i) {
    if (random() % 50 == 0) {  // erased by chance: as it was
      board_.Request(0x11, U32s({0}) + package);
      board_.Request(0x13);
    }
    const size_t lengths[] = {random() % 12, input_bytes, input_bytes + 2, input_bytes + 3, random() % 100};
    ByteVector payload(lengths[random() % 5]);
    for (uint8_t& byte : payload) byte = random() % 8 == 0 ? random() % 256 : random() % 3;
    const uint8_t command = random() % 16 == 0 ? random() % 256 : commands[random() % sizeof(commands)];
    if (command == 0x03) continue;
    const auto replies = board_.Receive(board_.NextFrame(command, payload));
    ASSERT_GE(replies.size(), 1u);
    ASSERT_EQ(replies.back().command, command | 0x80);
    ASSERT_EQ(replies.back().kind, 0);
    if (replies.back().status == kOutOfSequence || command == 0x01) board_.BeginSession();
  }
}

}  // namespace
}  // namespace tfodcl
