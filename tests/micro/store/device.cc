#include "device.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace tfodcl {
namespace {

constexpr uint32_t kTag = 0xA5000000;
constexpr uint8_t kMostlyErasedKind = 2;

void Mark(uint32_t id, uint8_t* to) {
  WriteU32(kTag | id, to);
  WriteU32(~(kTag | id), to + 4);
}

}  // namespace

std::vector<uint8_t> ContentOf(uint32_t id, uint8_t kind, uint32_t size_bytes) {
  std::vector<uint8_t> content(size_bytes + 8, 0xFF);
  for (uint32_t i = 0; i < size_bytes && (i == 0 || kind != kMostlyErasedKind); i += 8) Mark(id, content.data() + i);
  content.resize(size_bytes);
  return content;
}

Device::Device(const Geometry& geometry, uint32_t batch_bytes)
    : flash_(geometry), batch_bytes_(batch_bytes), memory_(Log::RequiredBytes(geometry, batch_bytes) + 16) {
  Boot();
}

void Device::Boot() {
  uint8_t* begin = memory_.data() + (16 - reinterpret_cast<uintptr_t>(memory_.data()) % 16) % 16;
  arena_.emplace(Span<uint8_t>(begin, memory_.size() - 16));
  log_ = std::make_unique<Log>(&flash_, static_cast<LogOwner*>(this));
  if (log_->Prepare(batch_bytes_, &*arena_) != Status::kOk) throw std::logic_error("Prepare");
  address_of_.clear();
  id_at_.clear();
}

void Device::LosePowerAt(uint64_t step, Failure failure) {
  flash_.LosePowerAt(step, failure);
  flickered_ = flickered_ || failure == Failure::kFlickers;
}

Status Device::Restart() {
  flash_.PowerOn();
  Boot();
  const Status status = MountAnyIdentity();
  if (!flash_.is_on()) return status;
  if (status != Status::kOk) Fault(std::string("mount: ") + StatusText(status));
  Compare();
  return status;
}

Status Device::MountAnyIdentity() {
  Status status = log_->Mount(identity_);
  // Where the new log's first commit flickers, each mount may find the other one.
  for (int i = 0; i < 64 && status == Status::kForeignLog && other_; ++i) {
    std::pair<uint32_t, std::map<uint32_t, Expected>> now = {identity_, model_};
    std::swap(now, *other_);
    identity_ = now.first;
    model_ = now.second;
    Boot();
    status = log_->Mount(identity_);
  }
  return status;
}

void Device::Compare() {
  for (auto& [id, item] : model_) {
    const bool is_found = address_of_.count(id) > 0;
    if (is_found && item.is_forgotten) Fault("L6: forgotten item " + std::to_string(id) + " was found");
    if (!is_found && item.is_committed && item.is_needed && !item.may_fade && !item.came_back) {
      Fault("L1: committed item " + std::to_string(id) + " is lost");
    }
    // An owner cannot know after a restart that it had dropped an item, unless it was purged.
    if (is_found) {
      item.came_back = flickered_ && item.is_committed && !item.may_fade && (!item.is_needed || item.came_back);
      item.may_fade = item.may_fade || (flickered_ && !item.is_committed);
      item.is_needed = true;
      item.is_committed = true;
    } else {
      item.is_needed = false;
    }
  }
  for (const uint32_t id : forgetting_) model_[id].is_needed = false;
  CheckAll();
}

Status Device::Append(uint8_t kind, uint32_t size_bytes, bool now) {
  const uint32_t id = next_id_++;
  const std::vector<uint8_t> content = ContentOf(id, kind, size_bytes);
  const Bytes bytes(content.data(), content.size());
  const uint32_t head = size_bytes / 3;
  model_[id] = {kind, size_bytes, false, true, false, false, false};
  uint32_t address;
  const Status status =
      now ? log_->AppendNow(kind, bytes.subspan(0, head), bytes.subspan(head, size_bytes - head), &address)
          : log_->Append(kind, bytes, &address);
  if (status != Status::kOk) {
    if (flash_.is_on()) model_.erase(id);
    return status;
  }
  address_of_[id] = address;
  id_at_[address] = id;
  if (now) OnCommitted();
  return status;
}

Status Device::Flush() {
  const Status status = log_->Flush();
  if (status == Status::kOk) OnCommitted();
  return status;
}

Status Device::Forget(uint32_t stride) {
  Drop(stride);
  for (const auto& [id, item] : model_) {
    if (!item.is_needed) forgetting_.insert(id);
  }
  return ForgetAgain();
}

Status Device::ForgetAgain() {
  if (forgetting_.empty()) return Status::kOk;
  const Status status = log_->Purge();
  if (status != Status::kOk) return status;
  OnCommitted();
  for (auto& [id, item] : model_) item.is_forgotten = item.is_forgotten || !item.is_needed;
  forgetting_.clear();
  CheckAll();
  return status;
}

Status Device::Format() {
  other_ = {identity_, model_};
  const Status status = log_->Format(++identity_);
  forgetting_.clear();
  if (status != Status::kOk) {
    model_.clear();
    return status;
  }
  other_.reset();
  address_of_.clear();
  id_at_.clear();
  for (auto& [id, item] : model_) {
    item.is_needed = false;
    item.is_forgotten = true;
  }
  CheckAll();
  return status;
}

void Device::Drop(uint32_t stride) {
  uint32_t i = 0;
  for (const auto& [id, address] : address_of_) {
    if (model_[id].is_needed && i++ % stride == 0) model_[id].is_needed = false;
  }
}

void Device::OnCommitted() {
  other_.reset();
  for (const auto& [id, address] : address_of_) {
    model_[id].is_committed = true;
    model_[id].came_back = false;
  }
}

void Device::CheckAll() {
  for (const auto& [id, address] : address_of_) {
    const Expected& item = model_[id];
    if (!item.is_needed || item.may_fade) continue;
    std::vector<uint8_t> found(item.size_bytes);
    const Status status = log_->Read(address, Span<uint8_t>(found.data(), found.size()));
    if (status != Status::kOk || found != ContentOf(id, item.kind, item.size_bytes)) {
      Fault("L2: item " + std::to_string(id) + " cannot be read");
    }
  }
  const std::vector<uint8_t> readable = flash_.Readable();
  for (size_t i = 0; i + 8 <= readable.size(); ++i) {
    const uint32_t word = ReadU32(readable.data() + i);
    if (word >> 24 != kTag >> 24 || ReadU32(readable.data() + i + 4) != ~word) continue;
    const auto found = model_.find(word & ~kTag);
    if (found != model_.end() && found->second.is_forgotten && !other_) {
      Fault("L6: bytes of forgotten item " + std::to_string(found->first) + " are in the flash");
    }
  }
  if (flash_.num_violations() > 0) Fault("L3: the rules of the flash were broken");
}

Device::State Device::Save() const { return {flash_.Save(), model_, next_id_, identity_}; }

void Device::Restore(const State& state) {
  flash_.Restore(state.flash);
  model_ = state.model;
  next_id_ = state.next_id;
  identity_ = state.identity;
  other_.reset();
  forgetting_.clear();
  flickered_ = false;
  faults_.clear();
}

Status Device::OnItem(const Item& item) {
  std::vector<uint8_t> found(item.size_bytes);
  const Status status = log_->Read(item.address, Span<uint8_t>(found.data(), found.size()));
  if (status != Status::kOk) return Status::kOk;  // it flickers: as if it had not come
  const uint32_t id = found.size() >= 4 ? ReadU32(found.data()) & ~kTag : 0;
  const auto expected = model_.find(id);
  if (expected == model_.end() || found != ContentOf(id, expected->second.kind, expected->second.size_bytes) ||
      item.kind != expected->second.kind) {
    if (!flickered_) Fault("L2: an item was found that nobody wrote");
    return Status::kOk;
  }
  if (address_of_.count(id) > 0) return Status::kOk;  // the earlier one is kept
  address_of_[id] = item.address;
  id_at_[item.address] = id;
  return Status::kOk;
}

bool Device::IsNeeded(const Item& item) {
  const auto found = id_at_.find(item.address);
  return found != id_at_.end() && model_[found->second].is_needed;
}

void Device::OnMoved(const Item& item, uint32_t to) {
  const uint32_t id = id_at_.at(item.address);
  id_at_.erase(item.address);
  id_at_[to] = id;
  address_of_[id] = to;
}

void Device::Fault(const std::string& what) { faults_.push_back(what); }

}  // namespace tfodcl
