// An owner that keeps what it is told, on a sound flash. For tests.

#ifndef TESTS_MICRO_STORE_PLAIN_OWNER_H_
#define TESTS_MICRO_STORE_PLAIN_OWNER_H_

#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "ports/simulated_flash.h"
#include "store/log.h"

namespace tfodcl {

struct PlainOwner : public LogOwner {
  Status OnItem(const Item& item) override {
    found.push_back(item);
    return on_item_status;
  }
  bool IsNeeded(const Item& item) override { return needed.count(item.address) > 0; }
  void OnMoved(const Item& item, uint32_t to) override {
    needed.erase(item.address);
    needed.insert(to);
  }

  std::vector<Item> found;
  std::set<uint32_t> needed;  // addresses
  Status on_item_status = Status::kOk;
};

// A flash, a log on it and its owner. Boot makes the log anew.
struct PlainLog {
  PlainLog(const Geometry& geometry, size_t batch_bytes)
      : batch_bytes(batch_bytes),
        memory(SimulatedFlash::RequiredBytes(geometry)),
        flash(geometry, Span<uint8_t>(memory.data(), memory.size())),
        buffer(Log::RequiredBytes(geometry, batch_bytes) + kArenaAlignment) {
    opened = flash.Open();
    Boot();
  }

  void Boot() {
    const size_t skipped = (kArenaAlignment - reinterpret_cast<uintptr_t>(buffer.data())) % kArenaAlignment;
    arena.emplace(Span<uint8_t>(buffer.data() + skipped, buffer.size() - kArenaAlignment));
    log = std::make_unique<Log>(&flash, &owner);
    owner.found.clear();
    prepared = log->Prepare(batch_bytes, &*arena);
  }

  // An item of bytes that follow from its size, needed from now on.
  Status Append(uint8_t kind, uint32_t size_bytes) {
    const std::vector<uint8_t> content(size_bytes, static_cast<uint8_t>(size_bytes));
    uint32_t address;
    const Status status = log->Append(kind, Bytes(content.data(), content.size()), &address);
    if (status == Status::kOk) owner.needed.insert(address);
    return status;
  }

  size_t batch_bytes;
  std::vector<uint8_t> memory;
  SimulatedFlash flash;
  std::vector<uint8_t> buffer;
  std::optional<Arena> arena;
  PlainOwner owner;
  std::unique_ptr<Log> log;
  Status opened;
  Status prepared;
};

}  // namespace tfodcl

#endif  // TESTS_MICRO_STORE_PLAIN_OWNER_H_
