// A batch learner that follows a script: learn_batches PACKAGE INPUTS UNIT_BYTES BLOCK_BYTES NUM_BLOCKS OUT < SCRIPT.
// INPUTS: int8 inputs of the encoder, one after another, that the script calls by their number.
//   add NAME | learn LABEL INPUT | end | restart
//   classify INPUT: prints the label
//   dump NAME: writes OUT/NAME.flash, the bytes of the flash, and OUT/NAME.arrays, all arrays of the stage, float32

#include <iostream>
#include <memory>
#include <string>

#include "batch_learner/batch_learner.h"
#include "ports/simulated_flash.h"
#include "script.h"

namespace tfodcl {
namespace {

class Board {
 public:
  Board(Bytes package, const Geometry& geometry)
      : flash_memory_(SimulatedFlash::RequiredBytes(geometry)),
        flash_(geometry, {flash_memory_.data(), flash_memory_.size()}) {
    Check(ReadPackage(package, &package_, Trains::kNetwork));
    Check(flash_.Open());
    Start();
  }

  BatchLearner& learner() { return *learner_; }

  void Start() {
    BatchLearnerMemory memory;
    Check(BatchLearner::RequiredBytes(package_, flash_.geometry(), &memory));
    memory_.reset(static_cast<uint8_t*>(std::aligned_alloc(kArenaAlignment, memory.total())));
    Arena arena(Span<uint8_t>(memory_.get(), memory.total()));
    learner_ = std::make_unique<BatchLearner>();
    Check(learner_->Start(package_, &flash_, &arena));
  }

  void End() {
    uint32_t num_left = 0;
    Check(learner_->EndBatch(&num_left));
    while (num_left > 0) Check(learner_->TrainStep(&num_left));
  }

  void Dump(const std::string& path) {
    const Span<const float> arrays = learner_->arrays();
    WriteFile(path + ".flash", {flash_.contents()});
    WriteFile(path + ".arrays", {{reinterpret_cast<const uint8_t*>(arrays.data()), arrays.size() * sizeof(float)}});
  }

 private:
  Package package_;
  std::vector<uint8_t> flash_memory_;
  SimulatedFlash flash_;
  std::unique_ptr<uint8_t, decltype(&std::free)> memory_{nullptr, &std::free};
  std::unique_ptr<BatchLearner> learner_;
};

bool Follow(const std::string& verb, Board* board) {
  if (verb != "end") return false;
  board->End();
  return true;
}

}  // namespace
}  // namespace tfodcl

int main(int argc, char** argv) { return tfodcl::RunScript<tfodcl::Board>(argc, argv, tfodcl::Follow); }
