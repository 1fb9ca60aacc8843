// Bodies of frames: header, payload and CRC-32 (SPEC.md 7.1).

#ifndef TFODCL_SERIAL_FRAME_H_
#define TFODCL_SERIAL_FRAME_H_

#include "base/bytes.h"
#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

inline constexpr uint8_t kProtocolVersion = 1;
inline constexpr uint8_t kReplyBit = 0x80;
inline constexpr uint16_t kNoSequence = 0xFFFF;  // in replies to frames whose sequence is not known
inline constexpr size_t kRequestHeaderBytes = 4;
inline constexpr size_t kReplyHeaderBytes = 6;
inline constexpr size_t kCrcBytes = 4;
inline constexpr size_t kMaxReplyPayloadBytes = 1024;

// Of a reply's body with `payload_bytes` of payload.
constexpr size_t ReplyBytes(size_t payload_bytes) { return kReplyHeaderBytes + payload_bytes + kCrcBytes; }

struct Request {
  uint8_t version;
  uint8_t command;
  uint16_t sequence;
  uint32_t crc;
  Bytes payload;
};

// Decodes `frame`, without its final zero, where it is; the payload stays there. kCorruptFrame.
Status ReadRequest(Span<uint8_t> frame, Request* request);

enum class ReplyKind : uint8_t { kFinal = 0, kProgress = 1 };

// The body of a reply, written from its beginning to its end.
class Reply {
 public:
  // `buffer` must outlive the reply and hold header, payload and CRC-32 of all that is written to it.
  explicit Reply(Span<uint8_t> buffer) : buffer_(buffer) {}

  // To the request with this command and sequence; the payload is empty.
  void Begin(uint8_t command, uint16_t sequence);

  void U8(uint8_t value) { *Extend(1) = value; }
  void U16(uint16_t value) { WriteU16(value, Extend(2)); }
  void U32(uint32_t value) { WriteU32(value, Extend(4)); }
  void U64(uint64_t value);
  void F32(float value) { WriteF32(value, Extend(4)); }
  void Text(Bytes utf8);         // with its length in front
  void Text(const char* ascii);  // with its length in front

  // `size_bytes` more of payload, to be written by the caller.
  uint8_t* Extend(size_t size_bytes);

  // Ends the body, without its payload where `status` is not kOk. It is valid until the next Begin.
  Bytes Finish(Status status, ReplyKind kind);

 private:
  Span<uint8_t> buffer_;
  size_t size_ = 0;
};

}  // namespace tfodcl

#endif  // TFODCL_SERIAL_FRAME_H_
