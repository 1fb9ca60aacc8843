// R1, R2: invariants of DESIGN.md, "Learner".

#include "learner/replay_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "base/arena.h"

namespace tfodcl {
namespace {

constexpr uint32_t kNumLabels = 6;

struct Record {
  uint32_t id;
  uint16_t label;
};

class Memory {
 public:
  explicit Memory(uint32_t max_records) {
    EXPECT_EQ(memory_.TakeMemory(max_records, kNumLabels, &arena_), Status::kOk);
    memory_.Clear();
  }
  ReplayMemory* operator->() { return &memory_; }
  std::set<uint32_t> Ids() const {
    std::set<uint32_t> ids;
    for (uint32_t i = 0; i < memory_.size(); ++i) ids.insert(memory_.id(i));
    return ids;
  }

 private:
  alignas(kArenaAlignment) uint8_t bytes_[4096];
  Arena arena_{Span<uint8_t>(bytes_)};
  ReplayMemory memory_;
};

// What is to be kept of a set of records, from the definition: one by one, the oldest of the largest class.
std::set<uint32_t> FairShare(std::vector<Record> records, size_t max_records) {
  std::sort(records.begin(), records.end(), [](const Record& a, const Record& b) { return a.id < b.id; });
  while (records.size() > max_records) {
    std::map<uint16_t, int> counts;
    for (const Record& record : records) ++counts[record.label];
    uint16_t largest = 0;
    for (const auto& [label, count] : counts) {
      if (count >= counts[largest]) largest = label;
    }
    records.erase(std::find_if(records.begin(), records.end(), [&](const Record& r) { return r.label == largest; }));
  }
  std::set<uint32_t> ids;
  for (const Record& record : records) ids.insert(record.id);
  return ids;
}

std::vector<Record> RandomHistory(std::mt19937* random) {
  std::vector<Record> history;
  const uint32_t size = (*random)() % 60;
  const uint32_t num_labels = 1 + (*random)() % kNumLabels;
  for (uint32_t id = 1; id <= size; ++id) {
    const bool in_turn = (*random)() % 2;  // classes one after another, or mixed
    history.push_back({id, static_cast<uint16_t>(in_turn ? id * num_labels / (size + 1) : (*random)() % num_labels)});
  }
  return history;
}

// R1: at most max_records, shared as evenly as possible, the youngest of each class.
TEST(ReplayMemory, KeepsAFairShareOfTheYoungest) {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    const std::vector<Record> history = RandomHistory(&random);
    const uint32_t max_records = kNumLabels + random() % 20;
    Memory memory(max_records);
    std::map<uint16_t, uint32_t> num_seen;
    for (const Record& record : history) {
      memory->Add(record.id, record.label, 0);
      ++num_seen[record.label];
    }
    ASSERT_EQ(memory->size(), std::min<size_t>(history.size(), max_records));
    uint32_t most = 0;
    for (uint16_t label = 0; label < kNumLabels; ++label) most = std::max(most, memory->num_of(label));
    for (const auto& [label, seen] : num_seen) {
      ASSERT_TRUE(memory->num_of(label) == seen || memory->num_of(label) + 1 >= most);
      uint32_t left = memory->num_of(label);
      for (auto record = history.rbegin(); left > 0; ++record) {
        if (record->label != label) continue;
        ASSERT_LT(memory->Find(record->id), memory->size());
        --left;
      }
    }
  }
}

// R2: whatever a mount finds, in whatever order and how often, as long as it finds all that is kept.
TEST(ReplayMemory, IsAFunctionOfTheSetOfRecords) {
  std::mt19937 random(2);
  for (int round = 0; round < 3000; ++round) {
    const std::vector<Record> history = RandomHistory(&random);
    const uint32_t max_records = kNumLabels + random() % 20;
    const std::set<uint32_t> kept = FairShare(history, max_records);
    Memory memory(max_records);
    for (const Record& record : history) memory->Add(record.id, record.label, 0);
    ASSERT_EQ(memory.Ids(), kept);

    std::vector<Record> found;
    for (const Record& record : history) {
      if (kept.count(record.id) == 0 && random() % 2) continue;  // its block was erased
      found.push_back(record);
      if (random() % 4 == 0) found.push_back(record);  // was moved when power was lost
    }
    std::shuffle(found.begin(), found.end(), random);
    Memory mounted(max_records);
    for (const Record& record : found) mounted->Add(record.id, record.label, 0);
    ASSERT_EQ(mounted.Ids(), kept);
  }
}

TEST(ReplayMemory, TakesTheEarlierAddressOfARecordThatComesTwice) {
  Memory memory(3);
  memory->Add(5, 1, 100);
  memory->Add(4, 0, 200);
  memory->Add(5, 1, 300);
  ASSERT_EQ(memory->size(), 2u);
  EXPECT_EQ(memory->address(memory->Find(5)), 100u);
  EXPECT_EQ(memory->num_of(1), 1u);
  EXPECT_EQ(memory->id(0), 4u);  // in the order of their ids
}

TEST(ReplayMemory, DropsOfEquallyLargeClassesFromThatWithTheHighestLabel) {
  Memory memory(4);
  for (uint32_t id = 1; id <= 4; ++id) memory->Add(id, static_cast<uint16_t>(id % 2), 0);
  memory->Add(5, 4, 0);
  EXPECT_EQ(memory.Ids(), (std::set<uint32_t>{2, 3, 4, 5}));  // of label 1 the oldest
}

TEST(ReplayMemory, RemovesTheOlderRecordsOfOneLabel) {
  Memory memory(6);
  for (uint32_t id = 1; id <= 6; ++id) memory->Add(id, static_cast<uint16_t>(id % 2), 0);
  memory->RemoveOlder(1, 5);
  EXPECT_EQ(memory.Ids(), (std::set<uint32_t>{2, 4, 5, 6}));
  EXPECT_EQ(memory->num_of(1), 1u);
}

}  // namespace
}  // namespace tfodcl
