#include "serial/server.h"

#include "serial/cobs.h"

namespace tfodcl {
namespace {

constexpr uint8_t kInfo = 0x01;
// Commands after which SCORES and LATENT no longer tell of the last sample.
constexpr uint8_t kFirstThatMayMoveLatent = 0x03;
constexpr uint8_t kLastThatMayMoveLatent = 0x25;
constexpr uint8_t kEndBatch = 0x28;

bool MayMoveLatent(uint8_t command) {
  return (command >= kFirstThatMayMoveLatent && command <= kLastThatMayMoveLatent) || command == kEndBatch;
}

}  // namespace

constexpr Server::Command Server::kCommands[] = {
    {0x01, 4, Command::Rest::kNone, Command::Needs::kNothing, &Server::Info},
    {0x02, 0, Command::Rest::kNone, Command::Needs::kNothing, &Server::Statistics},
    {0x03, 0, Command::Rest::kNone, Command::Needs::kNothing, &Server::Reboot},
    {0x04, 0, Command::Rest::kNone, Command::Needs::kNothing, &Server::Reset},
    {0x05, 8, Command::Rest::kNone, Command::Needs::kNothing, &Server::LogRead},
    {0x10, 4, Command::Rest::kNone, Command::Needs::kNothing, &Server::PackageErase},
    {0x11, 4, Command::Rest::kBytes, Command::Needs::kNothing, &Server::PackageWrite},
    {0x12, 8, Command::Rest::kNone, Command::Needs::kNothing, &Server::PackageCheck},
    {0x13, 0, Command::Rest::kNone, Command::Needs::kNothing, &Server::PackageStart},
    {0x20, 0, Command::Rest::kBytes, Command::Needs::kLearner, &Server::AddClass},
    {0x21, 2, Command::Rest::kInput, Command::Needs::kLearner, &Server::Learn},
    {0x22, 2, Command::Rest::kNone, Command::Needs::kClassLearner, &Server::EndClass},
    {0x23, 2, Command::Rest::kBytes, Command::Needs::kLearner, &Server::Rename},
    {0x24, 2, Command::Rest::kNone, Command::Needs::kClassLearner, &Server::Forget},
    {0x25, 0, Command::Rest::kNone, Command::Needs::kClassLearner, &Server::Save},
    {0x26, 2, Command::Rest::kNone, Command::Needs::kLearner, &Server::Class},
    {0x27, 10, Command::Rest::kNone, Command::Needs::kLearner, &Server::Row},
    {0x28, 0, Command::Rest::kNone, Command::Needs::kBatchLearner, &Server::EndBatch},
    {0x29, 0, Command::Rest::kNone, Command::Needs::kBatchLearner, &Server::Batch},
    {0x30, 0, Command::Rest::kInput, Command::Needs::kLearner, &Server::Classify},
    {0x31, 3, Command::Rest::kInput, Command::Needs::kLearner, &Server::Evaluate},
    {0x32, 8, Command::Rest::kNone, Command::Needs::kLearner, &Server::Scores},
    {0x33, 8, Command::Rest::kNone, Command::Needs::kLearner, &Server::Latent},
};

Server::Server(const Device& device, Learner* class_learner, BatchLearner* batch_learner)
    : device_(device), class_learner_(class_learner), batch_learner_(batch_learner), learner_(class_learner) {
  class_learner_->costs()->SetClock(device_.ticks);
  batch_learner_->costs()->SetClock(device_.ticks);
}

void Server::Receive(Bytes bytes) {
  for (const uint8_t byte : bytes) {
    if (byte == 0) {
      EndFrame();
      num_received_ = 0;
      is_too_long_ = false;
    } else if (num_received_ < device_.request_buffer.size()) {
      device_.request_buffer[num_received_++] = byte;
    } else {
      is_too_long_ = true;
    }
  }
}

void Server::EndFrame() {
  if (num_received_ == 0) return;
  if (is_too_long_) return ReplyError(0, kNoSequence, Status::kInvalidLength);
  const Status status = ReadRequest(device_.request_buffer.subspan(0, num_received_), &request_);
  if (status != Status::kOk) return ReplyError(0, kNoSequence, status);
  if (request_.version != kProtocolVersion) {
    return ReplyError(request_.command, request_.sequence, Status::kUnsupportedProtocol);
  }
  if (BeginsSession()) {
    session_ = ArgumentU32(0);
    return Execute();
  }
  if (IsRepeated()) return Send(last_reply_);
  if (!IsNext()) return ReplyError(request_.command, request_.sequence, Status::kOutOfSequence);
  Execute();
}

bool Server::BeginsSession() const {
  if (request_.command != kInfo || request_.payload.size() != 4 || request_.sequence == kNoSequence) return false;
  return ArgumentU32(0) != 0 && ArgumentU32(0) != session_;
}

bool Server::IsRepeated() const {
  return session_ != 0 && request_.sequence == last_sequence_ && request_.crc == last_crc_;
}

bool Server::IsNext() const { return session_ != 0 && request_.sequence == (last_sequence_ + 1) % kNoSequence; }

void Server::Execute() {
  last_sequence_ = request_.sequence;
  last_crc_ = request_.crc;
  reply_.Begin(request_.command, request_.sequence);
  Status status = Status::kUnknownCommand;
  for (const Command& command : kCommands) {
    if (command.number == request_.command) status = Dispatch(command);
  }
  last_reply_ = reply_.Finish(status, ReplyKind::kFinal);
  Send(last_reply_);
  if (reboots_) device_.reboot();
}

Status Server::Dispatch(const Command& command) {
  if (Status status = Admits(command); status != Status::kOk) return status;
  if (!HasLength(command)) return Status::kInvalidLength;
  if (MayMoveLatent(command.number)) {
    has_latent_ = false;
    has_scores_ = false;
  }
  const uint64_t begin = device_.ticks();
  const Status status = (this->*command.execute)();
  if (status == Status::kOk) costs_[&command - kCommands].Add(device_.ticks() - begin);
  if (learner_status_ == Status::kOk) learner_status_ = learner_->status();  // a flash may have failed
  return status;
}

Status Server::Admits(const Command& command) const {
  if (command.needs == Command::Needs::kNothing) return Status::kOk;
  if (learner_status_ != Status::kOk) return learner_status_;
  const bool is_other = learner_ == class_learner_ ? command.needs == Command::Needs::kBatchLearner
                                                   : command.needs == Command::Needs::kClassLearner;
  return is_other ? Status::kUnknownCommand : Status::kOk;
}

bool Server::HasLength(const Command& command) const {
  const size_t size = request_.payload.size();
  if (size < command.fixed_bytes) return false;
  const size_t rest = size - command.fixed_bytes;
  switch (command.rest) {
    case Command::Rest::kNone:
      return rest == 0;
    case Command::Rest::kInput:
      return rest == learner_->input().size();
    case Command::Rest::kBytes:
      break;
  }
  return true;
}

void Server::ReplyError(uint8_t command, uint16_t sequence, Status error) {
  uint8_t bytes[ReplyBytes(0)];
  Reply reply(bytes);
  reply.Begin(command, sequence);
  Send(reply.Finish(error, ReplyKind::kFinal));
}

void Server::ReplyProgress(uint32_t num_steps, uint32_t num_left) {
  uint8_t bytes[ReplyBytes(8)];
  Reply reply(bytes);
  reply.Begin(request_.command, request_.sequence);
  reply.U32(num_steps);
  reply.U32(num_left);
  Send(reply.Finish(Status::kOk, ReplyKind::kProgress));
}

void Server::Send(Bytes body) {
  CobsEncode(body, device_.write);
  const uint8_t end_of_frame = 0;
  device_.write(Bytes(&end_of_frame, 1));
}

}  // namespace tfodcl
