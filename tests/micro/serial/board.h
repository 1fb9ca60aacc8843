// A board for tests: a server with a learner, two regions of flash, and a line whose bytes are kept.

#ifndef TFODCL_TESTS_SERIAL_BOARD_H_
#define TFODCL_TESTS_SERIAL_BOARD_H_

#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "host.h"
#include "ports/simulated_flash.h"
#include "serial/server.h"
#include "test_package.h"

namespace tfodcl {

constexpr uint32_t kSession = 0x12345678;
constexpr size_t kRequestBufferBytes = 512;

// A flash that fails as told.
class FailingFlash : public Flash {
 public:
  explicit FailingFlash(SimulatedFlash* flash) : flash_(flash) {}

  uint64_t unreadable_from = UINT64_MAX;
  bool programs = true;

  const Geometry& geometry() const override { return flash_->geometry(); }
  Status Read(uint32_t address, Span<uint8_t> out) override {
    return uint64_t{address} + out.size() > unreadable_from ? Status::kUnreadable : flash_->Read(address, out);
  }
  Status Program(uint32_t address, Bytes bytes) override {
    return programs ? flash_->Program(address, bytes) : Status::kFlashFailure;
  }
  Status Erase(uint32_t block) override { return flash_->Erase(block); }

 private:
  SimulatedFlash* flash_;
};

// One at a time: the functions of a Device know no object.
class Board {
 public:
  explicit Board(const ByteVector& factory_package = {})
      : factory_package_(factory_package.size() / 32), request_buffer_(kRequestBufferBytes) {
    EXPECT_EQ(log_.Open(), Status::kOk);
    EXPECT_EQ(package_.Open(), Status::kOk);
    if (!factory_package.empty()) {
      std::memcpy(factory_package_[0].bytes, factory_package.data(), factory_package.size());
      device_.factory_package = SpanOf(factory_package_);
    }
    sent().clear();
    num_reboots() = 0;
    device_.board = "test board";
    device_.log_flash = &failing_log_;
    device_.package_flash = &failing_package_;
    device_.package_region = package_.contents();
    device_.arena = SpanOf(arena_);
    device_.request_buffer = Span<uint8_t>(request_buffer_.data(), request_buffer_.size());
    device_.write = [](Bytes bytes) { sent().insert(sent().end(), bytes.begin(), bytes.end()); };
    device_.ticks = [] {
      static uint64_t ticks = 0;
      return ticks += 10;
    };
    device_.tick_unit = TickUnit::kEmulatedInstructions;
    device_.stack_used_bytes = [] { return uint32_t{700}; };
    device_.stack_bytes = 8192;
    device_.reboot = [] { ++num_reboots(); };
    Restart();
  }

  // As a reset does: flash stays.
  void Restart() {
    learner_ = std::make_unique<Learner>();
    batch_learner_ = std::make_unique<BatchLearner>();
    server_ = std::make_unique<Server>(device_, learner_.get(), batch_learner_.get());
    server_->Start();
  }

  // What the board answers to these bytes.
  std::vector<HostReply> Receive(const ByteVector& bytes) {
    sent().clear();
    server_->Receive(Bytes(bytes.data(), bytes.size()));
    return ParseReplies(sent());
  }

  // The final reply to the next request of the session; a reply with command 0 where there is another number of them.
  HostReply Request(uint8_t command, const ByteVector& payload = {}) {
    const std::vector<HostReply> replies = Receive(NextFrame(command, payload));
    return replies.size() == 1 ? replies[0] : HostReply{};
  }
  uint8_t StatusOf(uint8_t command, const ByteVector& payload = {}) { return Request(command, payload).status; }

  ByteVector NextFrame(uint8_t command, const ByteVector& payload = {}) {
    return RequestFrame(command, ++sequence_, payload);
  }
  HostReply BeginSession() { return Request(0x01, U32s({kSession})); }
  uint16_t sequence() const { return sequence_; }

  Learner& learner() { return *learner_; }
  BatchLearner& batch_learner() { return *batch_learner_; }
  SimulatedFlash& log() { return log_; }
  SimulatedFlash& package() { return package_; }
  FailingFlash& failing_log() { return failing_log_; }
  FailingFlash& failing_package() { return failing_package_; }
  static int& num_reboots() {
    static int count;
    return count;
  }

  // All that a request may change, but for costs.
  ByteVector State() {
    ByteVector state = U32s({learner_->num_classes(), learner_->num_records(), learner_->num_pending()});
    ClassInfo info;
    for (uint16_t label = 0; label < 8; ++label) {
      if (learner_->GetClass(label, &info) != Status::kOk) continue;
      state = state + U32s({label, info.num_learnt, info.num_records, info.num_ended});
      state = state + ByteVector(info.name.begin(), info.name.end());
      const auto* row = reinterpret_cast<const uint8_t*>(learner_->row(label).data());
      state = state + ByteVector(row, row + 4 * learner_->row(label).size());
    }
    const Bytes log = log_.contents(), package = package_.contents();
    return state + ByteVector(log.begin(), log.end()) + ByteVector(package.begin(), package.end());
  }

 private:
  static ByteVector& sent() {
    static ByteVector bytes;
    return bytes;
  }

  // Vectors of blocks, because a package begins at a multiple of 32 bytes.
  struct alignas(32) AlignedBlock {
    uint8_t bytes[32];
  };
  using AlignedVector = std::vector<AlignedBlock>;
  static Span<uint8_t> SpanOf(AlignedVector& blocks) { return Span<uint8_t>(blocks[0].bytes, 32 * blocks.size()); }

  AlignedVector log_memory_{2200}, package_memory_{1100};
  SimulatedFlash log_{Geometry{4, 4096, 16, 10'000}, SpanOf(log_memory_)};
  SimulatedFlash package_{Geometry{32, 4096, 8, 10'000}, SpanOf(package_memory_)};
  FailingFlash failing_log_{&log_}, failing_package_{&package_};
  AlignedVector factory_package_;
  AlignedVector arena_{32'768};
  std::vector<uint8_t> request_buffer_;
  Device device_{};
  std::unique_ptr<Learner> learner_;
  std::unique_ptr<BatchLearner> batch_learner_;
  std::unique_ptr<Server> server_;
  uint16_t sequence_ = 100;
};

}  // namespace tfodcl

#endif  // TFODCL_TESTS_SERIAL_BOARD_H_
