#include "serial/frame.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <random>

#include "host.h"
#include "serial/cobs.h"

namespace tfodcl {
namespace {

ByteVector Encode(const ByteVector& body) {
  ByteVector encoded;
  CobsEncode(Bytes(body.data(), body.size()),
             [&](Bytes piece) { encoded.insert(encoded.end(), piece.begin(), piece.end()); });
  return encoded;
}

bool Decode(ByteVector encoded, ByteVector* body) {
  size_t size = 0;
  if (!CobsDecode(Span<uint8_t>(encoded.data(), encoded.size()), &size)) return false;
  body->assign(encoded.begin(), encoded.begin() + size);
  return true;
}

// Runs of zeros and of other bytes, of lengths around those at which blocks end.
ByteVector RandomBody(std::mt19937* random) {
  ByteVector body;
  const int num_runs = (*random)() % 6;
  for (int run = 0; run < num_runs; ++run) {
    const size_t lengths[] = {1, 2, (*random)() % 300, 253, 254, 255, 508, 509};
    const size_t length = lengths[(*random)() % 8];
    const bool zeros = (*random)() % 3 == 0;
    for (size_t i = 0; i < length; ++i) body.push_back(zeros ? 0 : 1 + (*random)() % 255);
  }
  return body;
}

TEST(Cobs, DecodesWhatAnotherEncoderWroteAndIsDecodedByAnother) {
  std::mt19937 random(1);
  for (int i = 0; i < 300; ++i) {
    const ByteVector body = RandomBody(&random);
    const ByteVector encoded = Encode(body);
    EXPECT_EQ(std::count(encoded.begin(), encoded.end(), 0), 0);
    EXPECT_LE(encoded.size(), CobsBytes(body.size()));
    EXPECT_EQ(HostDecode(encoded), body);
    ByteVector decoded;
    EXPECT_TRUE(Decode(HostCobs(body), &decoded));
    EXPECT_EQ(decoded, body);
    EXPECT_TRUE(Decode(encoded, &decoded));
    EXPECT_EQ(decoded, body);
  }
}

TEST(Cobs, EncodesTheLongestBlockWithoutAnEmptyOneAfterIt) {
  EXPECT_EQ(Encode(ByteVector(254, 7)).size(), 255u);
  EXPECT_EQ(Encode(ByteVector(255, 7)).size(), 257u);
  EXPECT_EQ(Encode({}), ByteVector{1});
  EXPECT_EQ(Encode({0}), (ByteVector{1, 1}));
}

TEST(Cobs, RefusesZerosAndBlocksThatAreCutShort) {
  ByteVector body;
  EXPECT_FALSE(Decode({}, &body));
  EXPECT_FALSE(Decode({2}, &body));
  EXPECT_FALSE(Decode({3, 1}, &body));
  EXPECT_FALSE(Decode({3, 0, 1}, &body));
  EXPECT_FALSE(Decode({0, 1}, &body));
}

TEST(Cobs, WhatFitsABufferFitsItWhateverTheBytes) {
  for (size_t buffer = 2; buffer < 3000; ++buffer) {
    EXPECT_LE(CobsBytes(CobsBodyBytes(buffer)), buffer);
    EXPECT_GE(CobsBodyBytes(buffer) + 2 + buffer / 254, buffer);
  }
}

TEST(Frame, ReadsTheExampleOfTheSpecification) {
  ByteVector frame{0x04, 0x01, 0x20, 0x02, 0x07, 0x6b, 0x61, 0x2b, 0x76, 0xea, 0xad};
  Request request;
  ASSERT_EQ(ReadRequest(Span<uint8_t>(frame.data(), frame.size()), &request), Status::kOk);
  EXPECT_EQ(request.version, 1);
  EXPECT_EQ(request.command, 0x20);
  EXPECT_EQ(request.sequence, 2);
  EXPECT_EQ(ByteVector(request.payload.begin(), request.payload.end()), Text("ka"));
}

TEST(Frame, WritesTheExampleOfTheSpecification) {
  uint8_t buffer[ReplyBytes(6)];
  Reply reply(buffer);
  reply.Begin(0x20, 2);
  reply.U16(0);
  reply.U32(3);
  const Bytes body = reply.Finish(Status::kOk, ReplyKind::kFinal);
  const ByteVector expected{0x04, 0x01, 0xa0, 0x02, 0x01, 0x01, 0x01, 0x01, 0x02,
                            0x03, 0x01, 0x01, 0x05, 0x9b, 0x4f, 0x4d, 0x07};
  EXPECT_EQ(Encode(ByteVector(body.begin(), body.end())), expected);
}

TEST(Frame, ReadsTheGoldenRequests) {
  std::ifstream file(TFODCL_GOLDEN "/frames_v1.bin", std::ios::binary);
  ByteVector commands, frame;
  for (const uint8_t byte : ByteVector(std::istreambuf_iterator<char>(file), {})) {
    if (byte != 0) {
      frame.push_back(byte);
      continue;
    }
    Request request;
    ASSERT_EQ(ReadRequest(Span<uint8_t>(frame.data(), frame.size()), &request), Status::kOk);
    frame.clear();
    EXPECT_EQ(request.version, 1);
    EXPECT_EQ(request.sequence, 1000 + request.command);
    ASSERT_EQ(request.payload.size(), 5u * request.command);
    for (size_t i = 0; i < request.payload.size(); ++i) ASSERT_EQ(request.payload[i], (7 * i + request.command) % 256);
    commands.push_back(request.command);
  }
  EXPECT_EQ(commands, (ByteVector{0x01, 0x02, 0x03, 0x04, 0x05, 0x10, 0x11, 0x12, 0x13, 0x20, 0x21,
                                  0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x30, 0x31, 0x32, 0x33, 0xFF}));
}

TEST(Frame, IsCorruptWhereItIsTooShortForAHeader) {
  for (size_t size = 0; size < 4; ++size) {
    ByteVector frame = FrameOf(ByteVector(size, 1));
    frame.pop_back();
    Request request;
    EXPECT_EQ(ReadRequest(Span<uint8_t>(frame.data(), frame.size()), &request), Status::kCorruptFrame);
  }
}

}  // namespace
}  // namespace tfodcl
