// Commands 0x01..0x05: the board, its costs and its log.

#include "base/bytes.h"
#include "encoder/encoder.h"
#include "serial/cobs.h"
#include "serial/server.h"

namespace tfodcl {

Status Server::Info() {
  if (ArgumentU32(0) == 0) return Status::kInvalidArgument;
  reply_.U8(static_cast<uint8_t>(learner_status_));
  reply_.U8(static_cast<uint8_t>(package_source_));
  reply_.U8(static_cast<uint8_t>(device_.tick_unit));
  reply_.U8(0);
  reply_.U32(CobsBodyBytes(device_.request_buffer.size()) - kRequestHeaderBytes - kCrcBytes);
  WriteGeometry(device_.package_flash->geometry());
  WriteGeometry(device_.log_flash->geometry());
  reply_.U32(device_.arena.size());
  reply_.U32(package_.identity);
  reply_.U32(package_.total_bytes);
  reply_.U32(package_.latent_dim);
  reply_.U32(package_.capacity);
  const bool runs = learner_status_ == Status::kOk;
  reply_.U32(runs ? learner_->input().size() : 0);
  reply_.U32(runs ? learner_->num_classes() : 0);
  reply_.U32(runs ? learner_->num_records() : 0);
  reply_.U32(runs ? learner_->num_pending() : 0);
  reply_.Text(device_.board);
  reply_.Text(Encoder::BackEnd());
  reply_.Text(kFirmwareVersion);
  return Status::kOk;
}

void Server::WriteGeometry(const Geometry& geometry) {
  reply_.U32(geometry.size_bytes());
  reply_.U32(geometry.erase_block_bytes);
  reply_.U32(geometry.program_unit_bytes);
}

void Server::WriteCost(uint32_t number, const Cost& cost) {
  reply_.U32(number);
  reply_.U32(cost.count);
  reply_.U64(cost.last_ticks);
  reply_.U64(cost.total_ticks);
}

Status Server::Statistics() {
  reply_.U32(arena_used_);
  reply_.U32(device_.arena.size());
  reply_.U32(device_.stack_used_bytes());
  reply_.U32(device_.stack_bytes);
  const LogStatistics log = learner_->log_statistics();
  reply_.U32(log.num_items);
  reply_.U64(log.item_bytes);
  reply_.U64(log.programmed_bytes);
  reply_.U64(log.copied_bytes);
  reply_.U32(log.num_erases);
  reply_.U32(log.least_erase_count);
  reply_.U32(log.greatest_erase_count);
  reply_.U32(log.num_commits_damaged);
  reply_.U16(kNumParts);
  uint16_t num_commands = 0;
  for (const Cost& cost : costs_) num_commands += cost.count != 0;
  reply_.U16(num_commands);
  for (uint8_t part = 1; part <= kNumParts; ++part) WriteCost(part, learner_->costs()->of(Part{part}));
  for (size_t i = 0; i < kNumCommands; ++i) {
    if (costs_[i].count != 0) WriteCost(kCommands[i].number, costs_[i]);
  }
  return Status::kOk;
}

Status Server::Reboot() {
  reboots_ = true;
  return Status::kOk;
}

Status Server::Reset() {
  num_correct_ = 0;
  num_evaluated_ = 0;
  switch (learner_status_) {
    case Status::kOk:
    case Status::kForeignLog:
    case Status::kCorruptLog:
      learner_status_ = learner_->Reset();
      return learner_status_;
    default:
      break;
  }
  const Status status = EraseLog();
  if (status != Status::kOk || package_source_ == PackageSource::kNone) return status;
  const Package package = package_;
  return StartLearner(package, package_source_);
}

Status Server::EraseLog() {
  for (uint32_t block = 0; block < device_.log_flash->geometry().num_blocks; ++block) {
    const Status status = device_.log_flash->Erase(block);
    if (status != Status::kOk) return status;
  }
  return Status::kOk;
}

Status Server::LogRead() {
  const uint32_t address = ArgumentU32(0), count = ArgumentU32(4);
  if (count > kMaxReplyPayloadBytes) return Status::kOutOfRange;
  return device_.log_flash->Read(address, Span<uint8_t>(reply_.Extend(count), count));
}

}  // namespace tfodcl
