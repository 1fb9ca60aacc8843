#include "learner/sizes.h"

#include <algorithm>

#include "learner/items.h"

namespace tfodcl {
namespace {

constexpr uint32_t kMostBatchBytes = 512;
constexpr uint32_t kMostPartBytes = 4096;
constexpr uint32_t kPartOverheadBytes = 64;  // headers of commit and part, and padding
constexpr uint32_t kMostRecords = 65535;     // places in the order of an epoch have 16 bits

uint32_t PartBytes(const Geometry& geometry) { return std::min(kMostPartBytes, geometry.erase_block_bytes / 4); }

// At most, of an item in a commit of its own: a header of 16 bytes and padding.
int64_t CommitBytes(uint32_t item_bytes, const Geometry& geometry) {
  return int64_t{item_bytes} + 16 + geometry.program_unit_bytes;
}

// At least, of commits that fit all blocks but three: the one that is written and two that are free. Of each block, its
// header, six program units or as many times 16 bytes, and less than the greatest commit are not used.
int64_t LogBytes(const Codec& codec, const Geometry& geometry) {
  const int64_t greatest = std::max<int64_t>(PartBytes(geometry), CommitBytes(BatchBytes(codec, geometry), geometry));
  const int64_t unused = int64_t{6} * std::max<uint32_t>(geometry.program_unit_bytes, 16) + greatest;
  return (int64_t{geometry.num_blocks} - 3) * (int64_t{geometry.erase_block_bytes} - unused);
}

}  // namespace

uint32_t RecordItemBytes(const Codec& codec) { return kItemHeaderBytes + codec.payload_bytes(); }

uint32_t BatchBytes(const Codec& codec, const Geometry& geometry) {
  const uint32_t item_bytes = RecordItemBytes(codec);
  const uint32_t num_items = std::min(kMostBatchBytes, geometry.erase_block_bytes / 8) / item_bytes;
  return std::max({item_bytes, num_items * item_bytes, uint32_t{kItemHeaderBytes + kMaxNameBytes}});
}

uint32_t MostPartWeights(const Geometry& geometry) {
  const uint32_t part_bytes = PartBytes(geometry);
  return part_bytes > kPartOverheadBytes + sizeof(float) ? (part_bytes - kPartOverheadBytes) / sizeof(float) : 1;
}

uint32_t PartWeights(uint32_t latent_dim, const Geometry& geometry) {
  return std::min(MostPartWeights(geometry), latent_dim);
}

uint32_t BudgetRecords(const Package& package, const Codec& codec) {
  return std::min(package.replay_budget_bytes / (2 + codec.payload_bytes()), kMostRecords);
}

int64_t FittingRecords(const Package& package, const Codec& codec, const Geometry& geometry, uint64_t num_parts,
                       uint32_t part_bytes) {
  const int64_t checkpoint_bytes = static_cast<int64_t>(num_parts) * CommitBytes(part_bytes, geometry);
  const int64_t names_bytes = (int64_t{package.capacity} + 2) * CommitBytes(kItemHeaderBytes + kMaxNameBytes, geometry);
  const int64_t left = LogBytes(codec, geometry) - 2 * checkpoint_bytes - names_bytes;
  return left / CommitBytes(RecordItemBytes(codec), geometry);
}

Status MaxRecords(const Package& package, const Codec& codec, const Geometry& geometry, uint32_t* max_records) {
  const uint32_t budget = BudgetRecords(package, codec);
  if (budget == 0) return Status::kBudgetTooSmall;
  const uint32_t part_weights = PartWeights(package.latent_dim, geometry);
  const uint64_t parts_per_row = (package.latent_dim + part_weights - 1) / part_weights;
  const int64_t fitting = FittingRecords(package, codec, geometry, (uint64_t{package.capacity} + 1) * parts_per_row,
                                         kCheckpointHeaderBytes + 4 * part_weights);
  if (fitting <= 0) return Status::kLogFull;
  *max_records = static_cast<uint32_t>(std::min<int64_t>(budget, fitting));
  return Status::kOk;
}

}  // namespace tfodcl
