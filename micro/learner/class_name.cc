#include "learner/class_name.h"

#include <cstring>

#include "base/utf8.h"

namespace tfodcl {

bool IsClassName(Bytes name) { return !name.empty() && name.size() <= kMaxNameBytes && IsUtf8(name); }

bool ClassName::Is(Bytes name) const {
  return name.size() == num_bytes_ && std::memcmp(name.data(), text_, num_bytes_) == 0;
}

Status ClassName::Write(const ItemHeader& header, Bytes name, Log* log) {
  uint8_t item[kItemHeaderBytes + kMaxNameBytes];
  EncodeItemHeader(header, item);
  std::memcpy(item + kItemHeaderBytes, name.data(), name.size());
  uint32_t address = 0;
  const Status status = log->Append(kClassItem, Bytes(item, kItemHeaderBytes + name.size()), &address);
  if (status != Status::kOk) return status;
  id_ = header.id;
  address_ = address;
  num_bytes_ = static_cast<uint8_t>(name.size());
  std::memcpy(text_, name.data(), name.size());
  return log->Flush();
}

Status ClassName::Take(const Item& item, uint32_t id, const Log& log) {
  const uint32_t name_bytes = item.size_bytes - kItemHeaderBytes;
  if (name_bytes < 1 || name_bytes > kMaxNameBytes) return Status::kCorruptLog;
  if (id <= id_) return Status::kOk;
  id_ = id;
  address_ = item.address;
  num_bytes_ = static_cast<uint8_t>(name_bytes);
  return log.Read(item.address + kItemHeaderBytes, Span<uint8_t>(text_, name_bytes));
}

}  // namespace tfodcl
