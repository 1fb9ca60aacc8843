// A learner that follows a script: learn_script PACKAGE INPUTS UNIT_BYTES BLOCK_BYTES NUM_BLOCKS OUT < SCRIPT.
// INPUTS: int8 inputs of the encoder, one after another, that the script calls by their number.
//   add NAME | learn LABEL INPUT | end LABEL | rename LABEL NAME | forget LABEL | save | restart | reset
//   classify INPUT: prints the label
//   dump NAME: writes OUT/NAME.flash, the bytes of the flash, and OUT/NAME.rows, the rows of all classes by label and
//   that of the classes to come, float32

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "learner/learner.h"
#include "ports/simulated_flash.h"
#include "script.h"

namespace tfodcl {
namespace {

class Board {
 public:
  Board(Bytes package, const Geometry& geometry)
      : flash_memory_(SimulatedFlash::RequiredBytes(geometry)),
        flash_(geometry, {flash_memory_.data(), flash_memory_.size()}) {
    Check(ReadPackage(package, &package_));
    Check(flash_.Open());
    Start();
  }

  Learner& learner() { return *learner_; }

  void Start() {
    size_t bytes = 0;
    Check(Learner::RequiredBytes(package_, flash_.geometry(), &bytes));
    memory_.reset(static_cast<uint8_t*>(std::aligned_alloc(kArenaAlignment, bytes)));
    Arena arena(Span<uint8_t>(memory_.get(), bytes));
    learner_ = std::make_unique<Learner>();
    Check(learner_->Start(package_, &flash_, &arena));
  }

  void EndClass(uint16_t label) {
    uint32_t num_left = 0;
    Check(learner_->EndClass(label, &num_left));
    while (num_left > 0) Check(learner_->ReplayStep(&num_left));
  }

  void Dump(const std::string& path) {
    WriteFile(path + ".flash", {flash_.contents()});
    std::vector<Bytes> rows;
    const auto add = [&](uint32_t label) {
      const Span<const float> row = learner_->row(label);
      rows.emplace_back(reinterpret_cast<const uint8_t*>(row.data()), row.size() * sizeof(float));
    };
    for (const uint16_t label : learner_->labels()) add(label);
    add(package_.capacity);
    WriteFile(path + ".rows", rows);
  }

 private:
  Package package_;
  std::vector<uint8_t> flash_memory_;
  SimulatedFlash flash_;
  std::unique_ptr<uint8_t, decltype(&std::free)> memory_{nullptr, &std::free};
  std::unique_ptr<Learner> learner_;
};

bool Follow(const std::string& verb, Board* board) {
  uint16_t label = 0;
  std::string name;
  if (verb == "end" && std::cin >> label) {
    board->EndClass(label);
  } else if (verb == "rename" && std::cin >> label >> name) {
    Check(board->learner().Rename(label, View(name)));
  } else if (verb == "forget" && std::cin >> label) {
    Check(board->learner().Forget(label));
  } else if (verb == "save") {
    Check(board->learner().Save());
  } else if (verb == "reset") {
    Check(board->learner().Reset());
  } else {
    return false;
  }
  return true;
}

}  // namespace
}  // namespace tfodcl

int main(int argc, char** argv) { return tfodcl::RunScript<tfodcl::Board>(argc, argv, tfodcl::Follow); }
