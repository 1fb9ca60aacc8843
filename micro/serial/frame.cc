#include "serial/frame.h"

#include <cstring>

#include "base/crc32.h"
#include "serial/cobs.h"

namespace tfodcl {

Status ReadRequest(Span<uint8_t> frame, Request* request) {
  size_t size;
  if (!CobsDecode(frame, &size) || size < kRequestHeaderBytes + kCrcBytes) return Status::kCorruptFrame;
  const Bytes body(frame.data(), size - kCrcBytes);
  const uint32_t crc = ReadU32(body.end());
  if (Crc32(body) != crc) return Status::kCorruptFrame;
  const Bytes payload = body.subspan(kRequestHeaderBytes, body.size() - kRequestHeaderBytes);
  *request = Request{body[0], body[1], ReadU16(body.data() + 2), crc, payload};
  return Status::kOk;
}

void Reply::Begin(uint8_t command, uint16_t sequence) {
  buffer_[0] = kProtocolVersion;
  buffer_[1] = command | kReplyBit;
  WriteU16(sequence, buffer_.data() + 2);
  size_ = kReplyHeaderBytes;
}

void Reply::U64(uint64_t value) {
  U32(static_cast<uint32_t>(value));
  U32(static_cast<uint32_t>(value >> 32));
}

void Reply::Text(Bytes utf8) {
  U16(static_cast<uint16_t>(utf8.size()));
  std::memcpy(Extend(utf8.size()), utf8.data(), utf8.size());
}

void Reply::Text(const char* ascii) { Text(Bytes(reinterpret_cast<const uint8_t*>(ascii), std::strlen(ascii))); }

uint8_t* Reply::Extend(size_t size_bytes) {
  uint8_t* const begin = buffer_.data() + size_;
  size_ += size_bytes;
  return begin;
}

Bytes Reply::Finish(Status status, ReplyKind kind) {
  if (status != Status::kOk) size_ = kReplyHeaderBytes;
  buffer_[4] = static_cast<uint8_t>(status);
  buffer_[5] = static_cast<uint8_t>(kind);
  WriteU32(Crc32(buffer_.subspan(0, size_)), buffer_.data() + size_);
  return buffer_.subspan(0, size_ + kCrcBytes);
}

}  // namespace tfodcl
