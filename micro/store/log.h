// An append-only log of opaque items in a ring of erase blocks: committed or absent, never half (SPEC.md 5).
//
// Items are written in commits: a header, some items of one kind and size, one CRC-32. A commit lies within one block.
// Nothing is overwritten. When the ring is full, the oldest block is collected: items that the owner still needs are
// appended anew, and the block is erased. So all blocks wear alike.

#ifndef TFODCL_STORE_LOG_H_
#define TFODCL_STORE_LOG_H_

#include "base/arena.h"
#include "base/span.h"
#include "base/status.h"
#include "store/flash.h"

namespace tfodcl {

// An item in the log. `address` is that of its first byte; it stays valid until OnMoved tells another.
struct Item {
  uint8_t kind;
  uint32_t address;
  uint32_t size_bytes;
};

// Who knows what the items mean. Must not call the log but for Read while one of these runs.
class LogOwner {
 public:
  // While mounting: one committed item, oldest first. After a power loss an item may come twice, with equal bytes;
  // the later one is to be kept. Any status but kOk ends the mount with it.
  virtual Status OnItem(const Item& item) = 0;

  // While collecting: whether the item at this address is needed any longer.
  virtual bool IsNeeded(const Item& item) = 0;

  // A needed item has been committed anew at address `to`; the old one is about to be erased.
  virtual void OnMoved(const Item& item, uint32_t to) = 0;

 protected:
  ~LogOwner() = default;
};

// Since the log was created in RAM, but for erase counts, which the blocks keep.
struct LogStatistics {
  uint32_t num_items;             // appended by the owner
  uint64_t item_bytes;            // of these items
  uint64_t programmed_bytes;      // of all program units written: items, headers, padding, copies
  uint64_t copied_bytes;          // of items, by collecting
  uint32_t num_erases;            // by this object
  uint32_t least_erase_count;     // of any block, over its life
  uint32_t greatest_erase_count;  // of any block, over its life
  uint32_t num_commits_damaged;   // found by the last mount: torn or unreadable
};

class Log {
 public:
  // Of the arena that the constructor's `buffer` comes from: enough for commits of `batch_bytes` of items.
  static size_t RequiredBytes(const Geometry& geometry, size_t batch_bytes);

  // `flash` and `owner` must outlive the log. Allocates RequiredBytes in Mount or Format.
  Log(Flash* flash, LogOwner* owner) : flash_(flash), owner_(owner) {}
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Takes the buffer for commits of at most `batch_bytes` of items. kArenaTooSmall, kInvalidArgument.
  Status Prepare(size_t batch_bytes, Arena* arena);

  // Finds all committed items and hands them to the owner. An empty or never used flash becomes an empty log of
  // `identity`. kForeignLog, and nothing changes, where the log was made with another identity (a package's CRC-32).
  Status Mount(uint32_t identity);

  // Erases everything and begins an empty log. After a power loss within, a mount finds either all or nothing.
  Status Format(uint32_t identity);

  // Appends an item to the pending commit: durable after Flush, or when the buffer is full and the next one comes.
  // Its address is known at once and can be read. `bytes` is copied; 1..batch_bytes. kLogFull where the items needed
  // leave no room: nothing has changed then. After any other failure the log must be mounted again.
  Status Append(uint8_t kind, Bytes bytes, uint32_t* address);

  // Makes all items appended so far durable.
  Status Flush();

  // Appends and commits one item that may be larger than the buffer, `head` then `body`, of at most LargestItem()
  // bytes together. Flushes what is pending first. Errors as Append.
  Status AppendNow(uint8_t kind, Bytes head, Bytes body, uint32_t* address);

  // The most bytes that AppendNow takes without leaving the rest of the block unused, or where that is not worth
  // a commit, of a fresh block.
  uint32_t LargestItem() const;

  // Begins a new block, then collects and erases all blocks before it: what the owner no longer needs is gone.
  // Interrupted, it has to be called again after the mount.
  Status Purge();

  // Reads within an item, pending or durable.
  Status Read(uint32_t address, Span<uint8_t> out) const;

  const LogStatistics& statistics() const { return statistics_; }

 private:
  Flash* flash_;
  LogOwner* owner_;
  LogStatistics statistics_{};
};

}  // namespace tfodcl

#endif  // TFODCL_STORE_LOG_H_
