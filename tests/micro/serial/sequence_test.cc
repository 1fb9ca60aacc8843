// Sessions and sequences, SPEC.md 7.2: invariants S2 and S3 of DESIGN.md.

#include <gtest/gtest.h>

#include "board.h"

namespace tfodcl {
namespace {

constexpr uint8_t kInfo = 0x01, kReboot = 0x03, kAddClass = 0x20, kLearn = 0x21, kClass = 0x26;
constexpr uint8_t kCorruptFrame = 40, kUnsupportedProtocol = 41, kUnknownCommand = 42, kInvalidLength = 43,
                  kOutOfSequence = 44;

class SequenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(board_.BeginSession().status, 0);
    ASSERT_EQ(board_.StatusOf(kAddClass, Text("ka")), 0);
    learn_payload_ = U16s({0}) + ByteVector(board_.learner().input().size(), 5);
  }
  uint32_t NumLearnt() {
    ClassInfo info{};
    EXPECT_EQ(board_.learner().GetClass(0, &info), Status::kOk);
    return info.num_learnt;
  }

  Board board_{TestPackage()};
  ByteVector learn_payload_;
};

TEST_F(SequenceTest, ARepeatedRequestGetsTheSameReplyAndIsNotExecutedAgain) {
  const ByteVector frame = board_.NextFrame(kLearn, learn_payload_);
  const std::vector<HostReply> first = board_.Receive(frame);
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].status, 0);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(board_.Receive(frame), first);
  EXPECT_EQ(NumLearnt(), 1u);
  EXPECT_EQ(board_.StatusOf(kLearn, learn_payload_), 0);
  EXPECT_EQ(NumLearnt(), 2u);
}

TEST_F(SequenceTest, ARefusalIsRepeatedToo) {
  const ByteVector frame = board_.NextFrame(kClass, U16s({7}));
  const std::vector<HostReply> first = board_.Receive(frame);
  EXPECT_EQ(first.at(0).status, static_cast<uint8_t>(Status::kUnknownClass));
  EXPECT_EQ(first.at(0).payload.size(), 0u);
  EXPECT_EQ(board_.Receive(frame), first);
}

TEST_F(SequenceTest, OnlyTheSuccessorOfTheLastSequenceIsExecuted) {
  const uint16_t last = board_.sequence();
  const ByteVector before = board_.State();
  for (uint32_t sequence = 0; sequence <= 0xFFFF; sequence += sequence < 300 || sequence > 0xFF00 ? 1 : 61) {
    if (sequence == last + 1u) continue;
    const auto replies = board_.Receive(RequestFrame(kLearn, static_cast<uint16_t>(sequence), learn_payload_));
    ASSERT_EQ(replies.size(), 1u);
    ASSERT_EQ(replies[0], (HostReply{kLearn | 0x80, static_cast<uint16_t>(sequence), kOutOfSequence, 0, {}}));
  }
  EXPECT_EQ(board_.State(), before);
  EXPECT_EQ(board_.StatusOf(kLearn, learn_payload_), 0);
}

TEST_F(SequenceTest, ReorderedRequestsAreRefusedUntilTheirTurn) {
  const ByteVector first = board_.NextFrame(kAddClass, Text("na"));
  const ByteVector second = board_.NextFrame(kAddClass, Text("pa"));
  EXPECT_EQ(board_.Receive(second).at(0).status, kOutOfSequence);
  EXPECT_EQ(board_.Receive(first).at(0).status, 0);
  EXPECT_EQ(board_.Receive(second).at(0).status, 0);
  EXPECT_EQ(board_.Receive(first).at(0).status, kOutOfSequence);
  EXPECT_EQ(board_.learner().num_classes(), 3u);
}

TEST_F(SequenceTest, ZeroFollowsTheGreatestSequence) {
  ASSERT_EQ(board_.Receive(RequestFrame(kInfo, 0xFFFE, U32s({9}))).at(0).status, 0);
  EXPECT_EQ(board_.Receive(RequestFrame(kLearn, 0xFFFF, learn_payload_)).at(0).status, kOutOfSequence);
  EXPECT_EQ(board_.Receive(RequestFrame(kLearn, 0, learn_payload_)).at(0).status, 0);
  EXPECT_EQ(NumLearnt(), 1u);
}

TEST_F(SequenceTest, InfoOfTheRunningSessionIsARequestLikeOthers) {
  const ByteVector info = board_.NextFrame(kInfo, U32s({kSession}));
  const ByteVector learn = board_.NextFrame(kLearn, learn_payload_);
  EXPECT_EQ(board_.Receive(info).at(0).status, 0);
  EXPECT_EQ(board_.Receive(learn).at(0).status, 0);
  EXPECT_EQ(board_.Receive(info).at(0).status, kOutOfSequence);
  EXPECT_EQ(board_.Receive(learn).at(0).status, 0);
  EXPECT_EQ(NumLearnt(), 1u);
}

TEST_F(SequenceTest, InfoOfAnotherSessionBeginsItAtAnySequence) {
  EXPECT_EQ(board_.Receive(RequestFrame(kInfo, 7, U32s({kSession + 1}))).at(0).status, 0);
  EXPECT_EQ(board_.StatusOf(kLearn, learn_payload_), kOutOfSequence);
  EXPECT_EQ(board_.Receive(RequestFrame(kLearn, 8, learn_payload_)).at(0).status, 0);
}

TEST_F(SequenceTest, SessionZeroAndSequence65535BeginNothing) {
  EXPECT_EQ(board_.StatusOf(kInfo, U32s({0})), static_cast<uint8_t>(Status::kInvalidArgument));
  EXPECT_EQ(board_.Receive(RequestFrame(kInfo, 0xFFFF, U32s({77}))).at(0).status, kOutOfSequence);
  EXPECT_EQ(board_.StatusOf(kLearn, learn_payload_), 0);
}

TEST_F(SequenceTest, ABoardThatWasResetKnowsNoSession) {
  board_.Restart();
  EXPECT_EQ(board_.StatusOf(kLearn, learn_payload_), kOutOfSequence);
  EXPECT_EQ(board_.Receive(RequestFrame(kInfo, 3, U32s({0}))).at(0).status, kOutOfSequence);
  EXPECT_EQ(board_.Receive(RequestFrame(kInfo, 0, ByteVector{})).at(0).status, kOutOfSequence);
  EXPECT_EQ(board_.BeginSession().status, 0);
}

TEST_F(SequenceTest, RebootRepliesFirst) {
  EXPECT_EQ(board_.StatusOf(kReboot), 0);
  EXPECT_EQ(Board::num_reboots(), 1);
}

TEST_F(SequenceTest, AnotherProtocolVersionIsRefusedAndDoesNotCount) {
  for (int version : {0, 2, 255}) {
    const ByteVector frame = RequestFrame(kLearn, board_.sequence() + 1, learn_payload_, version);
    const auto replies = board_.Receive(frame);
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies[0].status, kUnsupportedProtocol);
    EXPECT_EQ(replies[0].sequence, board_.sequence() + 1);
  }
  EXPECT_EQ(board_.StatusOf(kLearn, learn_payload_), 0);
}

TEST_F(SequenceTest, UnknownCommandsAreRefusedAndCount) {
  const std::string known("\x01\x02\x03\x04\x05\x10\x11\x12\x13\x20\x21\x22\x23\x24\x25\x26\x27\x30\x31\x32\x33");
  const ByteVector before = board_.State();
  for (int command = 0; command < 256; ++command) {
    if (known.find(static_cast<char>(command)) != std::string::npos) continue;
    EXPECT_EQ(board_.StatusOf(static_cast<uint8_t>(command)), kUnknownCommand) << command;
  }
  EXPECT_EQ(board_.State(), before);
}

TEST_F(SequenceTest, FramesMayComeInPiecesOfAnySizeAndSeveralAtOnce) {
  for (uint8_t byte : board_.NextFrame(kLearn, learn_payload_)) {
    const auto replies = board_.Receive({byte});
    ASSERT_EQ(replies.size(), byte == 0 ? 1u : 0u);
  }
  const ByteVector second = board_.NextFrame(kLearn, learn_payload_);
  const ByteVector third = board_.NextFrame(kLearn, learn_payload_);
  EXPECT_EQ(board_.Receive(second + third).size(), 2u);
  EXPECT_EQ(NumLearnt(), 3u);
}

TEST_F(SequenceTest, AZeroFirstSavesTheFrameFromTheRemainsOfAnother) {
  ByteVector cut = board_.NextFrame(kLearn, learn_payload_);
  const ByteVector whole = cut;
  cut.resize(cut.size() / 2);
  EXPECT_EQ(board_.Receive({0, 0, 0}).size(), 0u);
  const auto replies = board_.Receive(cut + ByteVector{0} + whole);
  ASSERT_EQ(replies.size(), 2u);
  EXPECT_EQ(replies[0], (HostReply{0x80, 0xFFFF, kCorruptFrame, 0, {}}));
  EXPECT_EQ(replies[1].status, 0);
  EXPECT_EQ(NumLearnt(), 1u);
}

TEST_F(SequenceTest, AFrameLongerThanTheBufferIsRefusedAndTheNextOneServed) {
  const ByteVector before = board_.State();
  for (size_t extra : {1u, 2u, 5000u}) {
    const auto replies = board_.Receive(ByteVector(kRequestBufferBytes + extra, 1) + ByteVector{0});
    ASSERT_EQ(replies.size(), 1u);
    EXPECT_EQ(replies[0], (HostReply{0x80, 0xFFFF, kInvalidLength, 0, {}}));
  }
  EXPECT_EQ(board_.State(), before);
  EXPECT_EQ(board_.StatusOf(kLearn, learn_payload_), 0);
}

}  // namespace
}  // namespace tfodcl
