// Finding the log in the flash (SPEC.md 5.4). What it relies on: DESIGN.md, "Invariants of the log".

#include "store/log.h"

namespace tfodcl {
namespace {

constexpr uint8_t kErased = 0xFF;

}  // namespace

Status Log::Mount(uint32_t identity) {
  if (buffer_.empty()) return Status::kInvalidArgument;
  mounted_ = false;
  statistics_.num_commits_damaged = 0;
  if (!FindHead()) {
    for (uint32_t block = 0; block < layout_.num_blocks; ++block) {
      BlockHeader header;
      if (ReadBlockHeader(block, &header) == BlockContent::kOtherLog) return Status::kCorruptLog;
    }
    return Format(identity);
  }
  if (identity_ != identity) return Status::kForeignLog;
  if (const Status status = DeliverItems(); status != Status::kOk) return status;
  mounted_ = true;
  return Status::kOk;
}

Status Log::Format(uint32_t identity) {
  if (buffer_.empty()) return Status::kInvalidArgument;
  mounted_ = false;
  if (!FindHead() || cursor_.sequence > kGreatestSequence / 2) {
    // There is no log that could be kept until the new one is there, for no flash lasts as long as such a number. All
    // goes, and the numbers begin anew.
    tail_ = 0;
    cursor_ = {0xFFFFFFFF, layout_.block_bytes, {}};
    if (const Status status = EraseFreeBlocks(); status != Status::kOk) return status;
  } else if (const Status status = SettleDoubts(); status != Status::kOk) {
    return status;
  }
  settled_ = true;
  identity_ = identity;
  tail_ = cursor_.sequence + 1;
  if (const Status status = OpenNextBlock(); status != Status::kOk) return status;
  if (const Status status = WriteTail(); status != Status::kOk) return status;
  if (const Status status = EraseFreeBlocks(); status != Status::kOk) return status;
  mounted_ = true;
  return Status::kOk;
}

BlockContent Log::ReadBlockHeader(uint32_t block, BlockHeader* header) const {
  const Geometry& geometry = flash_->geometry();
  uint8_t bytes[kBlockHeaderBytes];
  if (flash_->Read(block * geometry.erase_block_bytes, bytes) != Status::kOk) return BlockContent::kNoHeader;
  return DecodeBlockHeader(bytes, geometry, block, header);
}

// The head is the newest block that AdoptHead takes. On success the cursor, the tail and the identity are those of the
// log.
bool Log::FindHead() {
  cursor_ = {};
  settled_ = false;
  for (uint64_t bound = uint64_t{kGreatestSequence} + 1;;) {
    BlockHeader newest{};
    bool is_found = false;
    for (uint32_t block = 0; block < layout_.num_blocks; ++block) {
      BlockHeader header;
      if (ReadBlockHeader(block, &header) != BlockContent::kLog) continue;
      if (header.erase_count > greatest_erase_count_) greatest_erase_count_ = header.erase_count;
      if (header.sequence >= bound || (is_found && header.sequence < newest.sequence)) continue;
      newest = header;
      is_found = true;
    }
    if (!is_found) return false;
    if (AdoptHead(newest)) return true;
    bound = newest.sequence;
  }
}

// Takes a block as the head unless it has no commit, or no block is free besides it: then it is a collection's that was
// interrupted, and holds nothing but copies of items that still lie in the tail.
bool Log::AdoptHead(const BlockHeader& header) {
  uint32_t end = layout_.first();
  bool has_commit = false;
  tail_ = header.tail;
  CommitReader reader(flash_, layout_, header.sequence);
  for (Commit commit; reader.Next(&commit);) {
    if (commit.end_offset > end) end = commit.end_offset;
    if (!commit.is_intact) continue;
    has_commit = true;
    const uint32_t tail = commit.header.item_bytes;
    if (commit.header.num_items == 0 && tail >= header.tail && tail <= header.sequence) tail_ = tail;
  }
  if (!has_commit || header.sequence + 1 - tail_ >= layout_.num_blocks) return false;
  identity_ = header.identity;
  // Behind the last byte there may be units that were torn or programmed, and read as erased.
  const uint32_t written_end = WrittenEnd(header.sequence % layout_.num_blocks, end);
  cursor_ = {header.sequence, written_end + layout_.empty_commit_bytes(), {}};
  return true;
}

// Offset behind the last program unit of a block that does not read as erased; at least `from`.
uint32_t Log::WrittenEnd(uint32_t block, uint32_t from) const {
  uint32_t end = layout_.block_bytes;
  for (; end > from; end -= layout_.unit_bytes) {
    if (!IsErased(block * layout_.block_bytes + end - layout_.unit_bytes, layout_.unit_bytes)) break;
  }
  return end;
}

bool Log::IsErased(uint32_t address, uint32_t size) const {
  uint8_t chunk[256];
  for (uint32_t done = 0; done < size;) {
    const uint32_t chunk_bytes = size - done < sizeof(chunk) ? size - done : static_cast<uint32_t>(sizeof(chunk));
    if (flash_->Read(address + done, Span<uint8_t>(chunk, chunk_bytes)) != Status::kOk) return false;
    for (uint32_t i = 0; i < chunk_bytes; ++i) {
      if (chunk[i] != kErased) return false;
    }
    done += chunk_bytes;
  }
  return true;
}

Status Log::DeliverItems() {
  for (uint32_t sequence = tail_; sequence <= cursor_.sequence; ++sequence) {
    CommitReader reader(flash_, layout_, sequence);
    for (Commit commit; reader.Next(&commit);) {
      if (!commit.is_intact) ++statistics_.num_commits_damaged;
      for (uint32_t i = 0; commit.is_intact && i < commit.header.num_items; ++i) {
        if (const Status status = owner_->OnItem(commit.ItemAt(i)); status != Status::kOk) return status;
      }
    }
  }
  return Status::kOk;
}

Status Log::BeginWriting() {
  if (!mounted_) return Status::kInvalidArgument;
  return settled_ ? Status::kOk : SettleDoubts();
}

// A torn unit may read differently each time. So before anything is written after a mount, blocks that the mount did
// not take are erased, and the tail, which may have come from the last commit alone, is written again. The place for
// that may be torn too, and read as erased: then the next one is tried.
Status Log::SettleDoubts() {
  for (uint32_t block = 0; block < layout_.num_blocks; ++block) {
    BlockHeader header;
    if (ReadBlockHeader(block, &header) != BlockContent::kLog || header.sequence <= cursor_.sequence) continue;
    uint32_t erase_count;
    if (const Status status = EraseBlock(block, &erase_count); status != Status::kOk) return status;
  }
  while (!settled_ && cursor_.offset + layout_.empty_commit_bytes() <= layout_.block_bytes) {
    const Status status = WriteTail();
    settled_ = status == Status::kOk;
    if (!settled_ && status != Status::kNotErased && status != Status::kUnreadable) return status;
  }
  // Or nothing more fits in the block. Then a tail in doubt has been written before, at a place that is torn by now.
  settled_ = true;
  mounted_ = true;
  return Status::kOk;
}

}  // namespace tfodcl
