// Carries out a script of operations on a log and writes the flash, to be compared with tfodcl/replay/log.py.
//
// log_script IMAGE < SCRIPT, of lines: `geometry UNIT BLOCK BLOCKS BATCH`, then `format IDENTITY`, `mount IDENTITY`,
// `append KIND SIZE SEED`, `now KIND SIZE SEED`, `flush`, `drop N`, `purge`. Byte i of an item is (7 SEED + 31 i) mod
// 256; `drop N`: the N-th item appended, from 0, is not needed any longer. Prints each operation's status.

#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ports/simulated_flash.h"
#include "store/log.h"

namespace tfodcl {
namespace {

class Script : private LogOwner {
 public:
  explicit Script(const Geometry& geometry, size_t batch_bytes)
      : batch_bytes_(batch_bytes),
        memory_(SimulatedFlash::RequiredBytes(geometry)),
        flash_(geometry, Span<uint8_t>(memory_.data(), memory_.size())),
        buffer_(batch_bytes + 1024) {}

  Status Begin() { return flash_.Open(); }

  Status Do(const std::string& operation) {
    uint32_t kind, size, seed;
    if (operation == "append" || operation == "now") {
      std::cin >> kind >> size >> seed;
      return Append(static_cast<uint8_t>(kind), size, seed, operation == "now");
    }
    if (operation == "flush") return log_->Flush();
    if (operation == "purge") return log_->Purge();
    std::cin >> seed;
    if (operation == "drop") {
      for (auto& [address, number] : item_at_) {
        if (number == seed) is_dropped_[number] = true;
      }
      return Status::kOk;
    }
    return Boot(seed, operation == "format");
  }

  Bytes contents() const { return flash_.contents(); }
  uint32_t num_violations() const { return flash_.num_violations(); }

 private:
  Status Boot(uint32_t identity, bool formats) {
    uint8_t* begin = buffer_.data() + (16 - reinterpret_cast<uintptr_t>(buffer_.data()) % 16) % 16;
    arena_.emplace(Span<uint8_t>(begin, buffer_.size() - 16));
    log_ = std::make_unique<Log>(&flash_, static_cast<LogOwner*>(this));
    if (const Status status = log_->Prepare(batch_bytes_, &*arena_); status != Status::kOk) return status;
    const std::map<uint32_t, uint32_t> before = item_at_;
    if (formats) item_at_.clear();
    found_.clear();
    const Status status = formats ? log_->Format(identity) : log_->Mount(identity);
    if (formats || status != Status::kOk) return status;
    item_at_.clear();
    for (const uint32_t address : found_) {
      if (before.count(address) > 0) item_at_[address] = before.at(address);
    }
    return status;
  }

  Status Append(uint8_t kind, uint32_t size, uint32_t seed, bool now) {
    std::vector<uint8_t> content(size);
    for (uint32_t i = 0; i < size; ++i) content[i] = static_cast<uint8_t>(7 * seed + 31 * i);
    const Bytes bytes(content.data(), size);
    uint32_t address;
    const Status status =
        now ? log_->AppendNow(kind, bytes.subspan(0, size / 3), bytes.subspan(size / 3, size - size / 3), &address)
            : log_->Append(kind, bytes, &address);
    if (status == Status::kOk) item_at_[address] = num_items_++;
    return status;
  }

  Status OnItem(const Item& item) override {
    found_.push_back(item.address);
    return Status::kOk;
  }
  bool IsNeeded(const Item& item) override {
    const auto found = item_at_.find(item.address);
    return found != item_at_.end() && !is_dropped_[found->second];
  }
  void OnMoved(const Item& item, uint32_t to) override {
    item_at_[to] = item_at_.at(item.address);
    item_at_.erase(item.address);
  }

  size_t batch_bytes_;
  std::vector<uint8_t> memory_;
  SimulatedFlash flash_;
  std::vector<uint8_t> buffer_;
  std::optional<Arena> arena_;
  std::unique_ptr<Log> log_;
  std::map<uint32_t, uint32_t> item_at_;  // number, by address
  std::map<uint32_t, bool> is_dropped_;   // by number
  std::vector<uint32_t> found_;
  uint32_t num_items_ = 0;
};

int Main(const char* image) {
  std::string operation;
  Geometry geometry{0, 0, 0, 10000};
  size_t batch_bytes = 0;
  std::cin >> operation >> geometry.program_unit_bytes >> geometry.erase_block_bytes >> geometry.num_blocks >>
      batch_bytes;
  Script script(geometry, batch_bytes);
  if (script.Begin() != Status::kOk) return 1;
  while (std::cin >> operation) std::cout << static_cast<int>(script.Do(operation)) << "\n";
  const Bytes contents = script.contents();
  std::ofstream(image, std::ios::binary).write(reinterpret_cast<const char*>(contents.data()), contents.size());
  return script.num_violations() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace tfodcl

int main(int argc, char** argv) { return argc == 2 ? tfodcl::Main(argv[1]) : 2; }
