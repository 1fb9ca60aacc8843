#include "store/commit_reader.h"

#include "base/crc32.h"

namespace tfodcl {

bool CommitReader::Next(Commit* commit) {
  while (offset_ + kCommitHeaderBytes <= layout_.block_bytes) {
    const bool is_found = ReadAt(offset_, commit);
    offset_ = is_found && commit->is_intact ? commit->end_offset : offset_ + layout_.unit_bytes;
    if (is_found) return true;
  }
  return false;
}

bool CommitReader::ReadAt(uint32_t offset, Commit* commit) const {
  const uint32_t address = sequence_ % layout_.num_blocks * layout_.block_bytes + offset;
  uint8_t bytes[kCommitHeaderBytes];
  if (flash_->Read(address, bytes) != Status::kOk) return false;
  if (!DecodeCommitHeader(bytes, sequence_, offset, &commit->header)) return false;
  commit->content_address = address + kCommitHeaderBytes;
  if (commit->header.num_items == 0) {
    commit->end_offset = offset + layout_.empty_commit_bytes();
    commit->is_intact = commit->end_offset <= layout_.block_bytes;
    return commit->is_intact;
  }
  const Group group = {commit->header.kind, commit->header.item_bytes, commit->header.num_items};
  const uint64_t end_offset = offset + Cursor::CommitBytes(group, layout_);
  if (end_offset > layout_.limit()) return false;
  commit->end_offset = static_cast<uint32_t>(end_offset);
  commit->is_intact = IsIntact(*commit);
  return true;
}

bool CommitReader::IsIntact(const Commit& commit) const {
  uint8_t chunk[128];
  uint32_t crc = 0;
  const uint32_t size = commit.header.item_bytes * commit.header.num_items;
  for (uint32_t done = 0; done < size;) {
    const uint32_t chunk_bytes = size - done < sizeof(chunk) ? size - done : static_cast<uint32_t>(sizeof(chunk));
    if (flash_->Read(commit.content_address + done, Span<uint8_t>(chunk, chunk_bytes)) != Status::kOk) return false;
    crc = Crc32(Bytes(chunk, chunk_bytes), crc);
    done += chunk_bytes;
  }
  return crc == commit.header.content_crc;
}

}  // namespace tfodcl
