// The host's end of the line, for tests: frames written from SPEC.md 7.1, byte by byte, without the code under test.

#ifndef TFODCL_TESTS_SERIAL_HOST_H_
#define TFODCL_TESTS_SERIAL_HOST_H_

#include <cstdint>
#include <string>
#include <vector>

namespace tfodcl {

using ByteVector = std::vector<uint8_t>;

inline void Append(uint64_t value, int num_bytes, ByteVector* to) {
  for (int i = 0; i < num_bytes; ++i) to->push_back(static_cast<uint8_t>(value >> (8 * i)));
}

inline ByteVector U16s(std::initializer_list<uint16_t> values) {
  ByteVector bytes;
  for (uint16_t value : values) Append(value, 2, &bytes);
  return bytes;
}

inline ByteVector U32s(std::initializer_list<uint32_t> values) {
  ByteVector bytes;
  for (uint32_t value : values) Append(value, 4, &bytes);
  return bytes;
}

inline ByteVector operator+(ByteVector left, const ByteVector& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

inline ByteVector Text(const std::string& text) { return ByteVector(text.begin(), text.end()); }

inline uint64_t ReadNumber(const ByteVector& bytes, size_t offset, size_t num_bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < num_bytes; ++i) value |= uint64_t{bytes.at(offset + i)} << (8 * i);
  return value;
}

// Bit by bit, from the polynomial.
inline uint32_t HostCrc32(const ByteVector& bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

// Cuts after every zero, and long pieces after 254 bytes; an empty rest at the end is written.
inline ByteVector HostCobs(const ByteVector& body) {
  ByteVector encoded, block;
  for (size_t i = 0; i <= body.size(); ++i) {
    if (i == body.size() || body[i] == 0) {
      encoded.push_back(static_cast<uint8_t>(block.size() + 1));
      encoded = encoded + block;
      block.clear();
    } else {
      block.push_back(body[i]);
      if (block.size() < 254) continue;
      encoded.push_back(0xFF);
      encoded = encoded + block;
      block.clear();
    }
  }
  return encoded;
}

// The body that `encoded` stands for; well-formed frames only.
inline ByteVector HostDecode(const ByteVector& encoded) {
  ByteVector body;
  for (size_t at = 0; at < encoded.size();) {
    const size_t code = encoded[at];
    for (size_t i = 1; i < code; ++i) body.push_back(encoded.at(at + i));
    at += code;
    if (code < 0xFF && at < encoded.size()) body.push_back(0);
  }
  return body;
}

// A frame as it is sent, closing zero included.
inline ByteVector FrameOf(ByteVector body) {
  Append(HostCrc32(body), 4, &body);
  ByteVector frame = HostCobs(body);
  frame.push_back(0);
  return frame;
}

inline ByteVector RequestFrame(uint8_t command, uint16_t sequence, const ByteVector& payload, uint8_t version = 1) {
  return FrameOf(ByteVector{version, command} + U16s({sequence}) + payload);
}

struct HostReply {
  uint8_t command;
  uint16_t sequence;
  uint8_t status;
  uint8_t kind;
  ByteVector payload;
  bool operator==(const HostReply& other) const {
    return command == other.command && sequence == other.sequence && status == other.status && kind == other.kind &&
           payload == other.payload;
  }
};

// The replies that `sent` consists of; a frame that is none of version 1 becomes a reply with command 0.
inline std::vector<HostReply> ParseReplies(const ByteVector& sent) {
  std::vector<HostReply> replies;
  ByteVector encoded;
  for (uint8_t byte : sent) {
    if (byte != 0) {
      encoded.push_back(byte);
      continue;
    }
    ByteVector body = HostDecode(encoded);
    encoded.clear();
    HostReply reply{};
    if (body.size() >= 10 && body[0] == 1 &&
        ReadNumber(body, body.size() - 4, 4) == HostCrc32(ByteVector(body.begin(), body.end() - 4))) {
      reply = HostReply{body[1], static_cast<uint16_t>(ReadNumber(body, 2, 2)), body[4], body[5],
                        ByteVector(body.begin() + 6, body.end() - 4)};
    }
    replies.push_back(reply);
  }
  if (!encoded.empty()) replies.push_back(HostReply{});
  return replies;
}

}  // namespace tfodcl

#endif  // TFODCL_TESTS_SERIAL_HOST_H_
