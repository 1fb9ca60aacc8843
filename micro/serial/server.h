// The board's side of the serial protocol (SPEC.md 7): bytes in, calls of the learner that the package needs, replies
// out.

#ifndef TFODCL_SERIAL_SERVER_H_
#define TFODCL_SERIAL_SERVER_H_

#include "batch_learner/batch_learner.h"
#include "learner/learner.h"
#include "serial/device.h"
#include "serial/frame.h"

namespace tfodcl {

inline constexpr char kFirmwareVersion[] = "1.0.0";

class Server {
 public:
  // `device` and the learners, which get the device's clock, must outlive the server. Packages with a network are
  // `batch_learner`'s.
  Server(const Device& device, Learner* class_learner, BatchLearner* batch_learner);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Starts the learner with the package of the region or, where that is not valid, of the firmware. The server serves
  // whether or not a learner could be started; INFO says so.
  void Start();

  // Takes bytes as they come from the host, in pieces of any size, and writes the replies to the frames that they end.
  // Returns when every reply is written. Bytes are not trusted.
  void Receive(Bytes bytes);

 private:
  struct Command {
    uint8_t number;
    uint32_t fixed_bytes;                                      // of the payload
    enum class Rest : uint8_t { kNone, kInput, kBytes } rest;  // of the payload, after the fixed bytes
    enum class Needs : uint8_t { kNothing, kLearner, kClassLearner, kBatchLearner } needs;
    Status (Server::*execute)();
  };
  enum class PackageSource : uint8_t { kNone = 0, kRegion = 1, kFirmware = 2 };
  static constexpr size_t kNumCommands = 23;
  static const Command kCommands[kNumCommands];

  // Frames and their order.
  void EndFrame();
  bool BeginsSession() const;
  bool IsRepeated() const;
  bool IsNext() const;
  void Execute();
  Status Dispatch(const Command& command);
  Status Admits(const Command& command) const;
  bool HasLength(const Command& command) const;
  void ReplyError(uint8_t command, uint16_t sequence, Status error);
  void ReplyProgress(uint32_t num_steps, uint32_t num_left);
  void Send(Bytes body);

  // The board: commands_board.cc.
  Status Info();
  Status Statistics();
  Status Reboot();
  Status Reset();
  Status LogRead();
  Status EraseLog();
  void WriteGeometry(const Geometry& geometry);
  void WriteCost(uint32_t number, const Cost& cost);

  // Packages: commands_package.cc.
  Status PackageErase();
  Status PackageWrite();
  Status PackageCheck();
  Status PackageStart();
  // The package region up to the first program unit that cannot be read.
  Bytes ReadableRegion();
  bool IsWritten(uint32_t offset, Bytes wanted);
  bool IsErased(uint32_t offset, uint32_t size_bytes);
  Status StartLearner(const Package& package, PackageSource source);

  // Learning: commands_learning.cc.
  Status AddClass();
  Status Learn();
  Status EndClass();
  Status Rename();
  Status Forget();
  Status Save();
  Status EndBatch();
  Status Batch();
  Status Class();
  Status Row();
  Status Classify();
  Status Evaluate();
  Status Scores();
  Status Latent();
  void TakeInput(Bytes input);
  // Takes all of `num_steps` by step(&num_left), with progress replies; then the final reply's payload.
  template <typename Step>
  Status TakeSteps(uint32_t num_steps, const Step& step);

  uint16_t ArgumentU16(uint32_t offset) const { return ReadU16(request_.payload.data() + offset); }
  uint32_t ArgumentU32(uint32_t offset) const { return ReadU32(request_.payload.data() + offset); }
  Bytes ArgumentsFrom(uint32_t offset) const {
    return request_.payload.subspan(offset, request_.payload.size() - offset);
  }

  const Device& device_;
  Learner* class_learner_;
  BatchLearner* batch_learner_;
  DeviceLearner* learner_;  // the one of the package

  // The frame that is being received, and the request in it.
  size_t num_received_ = 0;
  bool is_too_long_ = false;
  Request request_{};

  // The session and the last request executed in it.
  uint32_t session_ = 0;
  uint16_t last_sequence_ = 0;
  uint32_t last_crc_ = 0;
  uint8_t reply_bytes_[ReplyBytes(kMaxReplyPayloadBytes)];
  Reply reply_{reply_bytes_};
  Bytes last_reply_;

  // The learner.
  Status learner_status_ = Status::kNoPackage;
  PackageSource package_source_ = PackageSource::kNone;
  Package package_{};
  size_t arena_used_ = 0;
  bool has_latent_ = false;
  bool has_scores_ = false;
  uint32_t num_correct_ = 0;
  uint32_t num_evaluated_ = 0;
  bool reboots_ = false;

  Cost costs_[kNumCommands];
};

}  // namespace tfodcl

#endif  // TFODCL_SERIAL_SERVER_H_
