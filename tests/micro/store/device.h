// A log with an owner, and beside them a model that knows what must be in the log: a std::map. For tests.

#ifndef TESTS_MICRO_STORE_DEVICE_H_
#define TESTS_MICRO_STORE_DEVICE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "faulty_flash.h"
#include "store/log.h"

namespace tfodcl {

// What the model knows of an item.
struct Expected {
  uint8_t kind;
  uint32_t size_bytes;
  bool is_committed;  // must be found by every mount while it is needed
  bool is_needed;
  bool may_fade;      // of a torn commit that flickers: may be found by a mount and not by the next
  bool came_back;     // unneeded, but found by a mount while something flickers: may go again until the next write
  bool is_forgotten;  // a purge was completed since it became unneeded: must not be found anywhere
};

// The bytes of item `id`: 8 that no other item has, again and again; of kind 2, once and then 0xFF.
std::vector<uint8_t> ContentOf(uint32_t id, uint8_t kind, uint32_t size_bytes);

// Every function that checks adds to `faults` what it finds wrong, one line each.
class Device : private LogOwner {
 public:
  Device(const Geometry& geometry, uint32_t batch_bytes);

  FaultyFlash& flash() { return flash_; }
  Log& log() { return *log_; }
  const std::map<uint32_t, Expected>& model() const { return model_; }
  const std::vector<std::string>& faults() const { return faults_; }

  void LosePowerAt(uint64_t step, Failure failure);

  // Power on, a new log, Mount; then compares what came with the model. kOk unless power was lost again.
  Status Restart();

  // The operations on log and model. After a loss of power the model knows what may have happened; Restart comes next.
  Status Append(uint8_t kind, uint32_t size_bytes) { return Append(kind, size_bytes, false); }
  Status AppendNow(uint8_t kind, uint32_t size_bytes) { return Append(kind, size_bytes, true); }
  Status Flush();
  Status Format();
  // One of every `stride` needed items is not needed any longer, beginning with the oldest.
  void Drop(uint32_t stride);
  // The same, and a purge.
  Status Forget(uint32_t stride);
  // The purge again, where one was interrupted.
  Status ForgetAgain();

  // Reads every needed item and looks for forgotten ones in the whole flash.
  void CheckAll();

  // To begin again from the same state. Only with power on and everything flushed.
  struct State {
    FaultyFlash::State flash;
    std::map<uint32_t, Expected> model;
    uint32_t next_id;
    uint32_t identity;
  };
  State Save() const;
  void Restore(const State& state);

 private:
  Status OnItem(const Item& item) override;
  bool IsNeeded(const Item& item) override;
  void OnMoved(const Item& item, uint32_t to) override;

  void Boot();
  Status MountAnyIdentity();
  void Compare();
  void OnCommitted();
  Status Append(uint8_t kind, uint32_t size_bytes, bool now);
  void Fault(const std::string& what);

  FaultyFlash flash_;
  uint32_t batch_bytes_;
  std::vector<uint8_t> memory_;
  std::optional<Arena> arena_;
  std::unique_ptr<Log> log_;
  std::map<uint32_t, Expected> model_;
  std::map<uint32_t, uint32_t> address_of_;  // by id
  std::map<uint32_t, uint32_t> id_at_;       // by address
  std::vector<std::string> faults_;
  uint32_t next_id_ = 1;
  uint32_t identity_ = 1;
  // A Format was interrupted and nothing was committed since: identity and model of the other of the two logs that
  // a mount may find.
  std::optional<std::pair<uint32_t, std::map<uint32_t, Expected>>> other_;
  std::set<uint32_t> forgetting_;  // ids whose purge is not complete
  bool flickered_ = false;
};

}  // namespace tfodcl

#endif  // TESTS_MICRO_STORE_DEVICE_H_
