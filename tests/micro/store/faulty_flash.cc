#include "faulty_flash.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace tfodcl {
namespace {

void Check(Status status) {
  if (status != Status::kOk) throw std::logic_error(StatusText(status));
}

}  // namespace

FaultyFlash::FaultyFlash(const Geometry& geometry)
    : geometry_(geometry),
      memory_(SimulatedFlash::RequiredBytes(geometry)),
      flash_(geometry, Span<uint8_t>(memory_.data(), memory_.size())) {
  Check(flash_.Open());
}

void FaultyFlash::LosePowerAt(uint64_t step, Failure failure) {
  fails_at_ = num_steps_ + step;
  failure_ = failure;
  random_.seed(static_cast<uint32_t>(step) * 8 + static_cast<uint32_t>(failure));
}

std::vector<uint8_t> FaultyFlash::Readable() const {
  std::vector<uint8_t> all(flash_.contents().begin(), flash_.contents().end());
  for (const auto& [unit, contents] : unstable_) {
    for (const auto& content : contents) all.insert(all.end(), content.begin(), content.end());
  }
  return all;
}

void FaultyFlash::Restore(const State& state) {
  std::copy(state.memory.begin(), state.memory.end(), memory_.begin());
  unstable_ = state.unstable;
  torn_ = state.torn;
  is_on_ = true;
  fails_at_ = UINT64_MAX;
  num_torn_programmed_ = 0;
}

Status FaultyFlash::Read(uint32_t address, Span<uint8_t> out) {
  if (!is_on_) return Status::kFlashFailure;
  if (const Status status = flash_.Read(address, out); status != Status::kOk) return status;
  const uint32_t unit_bytes = geometry_.program_unit_bytes;
  const uint32_t end = address + static_cast<uint32_t>(out.size());
  for (auto it = unstable_.lower_bound(address / unit_bytes); it != unstable_.end() && it->first * unit_bytes < end;
       ++it) {
    const size_t choice = random_() % (it->second.size() + 1);
    if (choice == it->second.size()) return Status::kUnreadable;
    for (uint32_t i = 0; i < unit_bytes; ++i) {
      const uint32_t place = it->first * unit_bytes + i;
      if (place >= address && place < end) out[place - address] = it->second[choice][i];
    }
  }
  return Status::kOk;
}

Status FaultyFlash::Program(uint32_t address, Bytes bytes) {
  if (!is_on_) return Status::kFlashFailure;
  const uint32_t unit_bytes = geometry_.program_unit_bytes;
  for (uint32_t done = 0; done < bytes.size(); done += unit_bytes) {
    const Bytes unit = bytes.subspan(done, unit_bytes);
    const uint32_t number = (address + done) / unit_bytes;
    const bool fails = FailsNow();
    if (torn_.count(number) > 0) {
      unstable_[number] = {};
      ++num_torn_programmed_;
      if (fails) return Status::kFlashFailure;
      continue;
    }
    if (!fails) {
      if (const Status status = flash_.Program(address + done, unit); status != Status::kOk) return status;
      continue;
    }
    if (failure_ != Failure::kNotBegun) {
      const std::vector<uint8_t> erased(unit_bytes, 0xFF);
      Check(flash_.Program(address + done, Bytes(erased.data(), unit_bytes)));  // from now on it is programmed
      Tear(number, erased, std::vector<uint8_t>(unit.begin(), unit.end()), true);
    }
    return Status::kFlashFailure;
  }
  return Status::kOk;
}

Status FaultyFlash::Erase(uint32_t block) {
  if (!is_on_) return Status::kFlashFailure;
  const uint32_t unit_bytes = geometry_.program_unit_bytes;
  const uint32_t units = geometry_.erase_block_bytes / unit_bytes;
  const bool fails = FailsNow();
  if (fails && failure_ == Failure::kNotBegun) return Status::kFlashFailure;
  const uint8_t* begin = memory_.data() + block * geometry_.erase_block_bytes;
  const std::vector<uint8_t> before(begin, begin + geometry_.erase_block_bytes);
  unstable_.erase(unstable_.lower_bound(block * units), unstable_.lower_bound((block + 1) * units));
  torn_.erase(torn_.lower_bound(block * units), torn_.lower_bound((block + 1) * units));
  if (const Status status = flash_.Erase(block); status != Status::kOk || !fails) return status;
  const std::vector<uint8_t> erased(unit_bytes, 0xFF);
  for (uint32_t i = 0; i < units; ++i) {
    Check(flash_.Program((block * units + i) * unit_bytes, Bytes(erased.data(), unit_bytes)));
    const auto from = before.begin() + i * unit_bytes;
    Tear(block * units + i, std::vector<uint8_t>(from, from + unit_bytes), erased, i < units / 2);
  }
  return Status::kFlashFailure;
}

bool FaultyFlash::FailsNow() {
  if (num_steps_++ != fails_at_) return false;
  is_on_ = false;
  return true;
}

// `is_first_half`: of a block; a unit that is programmed is torn within itself.
void FaultyFlash::Tear(uint32_t unit, const std::vector<uint8_t>& before, const std::vector<uint8_t>& after,
                       bool is_first_half) {
  const size_t size = before.size();
  torn_.insert(unit);
  const bool is_erase = std::all_of(after.begin(), after.end(), [](uint8_t byte) { return byte == 0xFF; });
  std::vector<uint8_t> now = before;
  switch (failure_) {
    case Failure::kNotBegun:
      break;
    case Failure::kComplete:
      now = after;
      break;
    case Failure::kPartial:
      now = Mixed(before, after);
      break;
    case Failure::kFirstHalf:
      if (!is_erase) std::copy(after.begin(), after.begin() + size / 2, now.begin());
      if (is_erase && is_first_half) now = after;
      break;
    case Failure::kSecondHalf:
      if (!is_erase) std::copy(after.begin() + size / 2, after.end(), now.begin() + size / 2);
      if (is_erase && !is_first_half) now = after;
      break;
    case Failure::kBlank:
      now.assign(size, 0xFF);
      break;
    case Failure::kUnreadable:
      unstable_[unit] = {};
      break;
    case Failure::kFlickers:
      unstable_[unit] = {before, after, Mixed(before, after), std::vector<uint8_t>(size, 0xFF)};
      break;
  }
  std::copy(now.begin(), now.end(), memory_.begin() + unit * geometry_.program_unit_bytes);
}

std::vector<uint8_t> FaultyFlash::Mixed(const std::vector<uint8_t>& before, const std::vector<uint8_t>& after) {
  std::vector<uint8_t> mixed(before.size());
  for (size_t i = 0; i < mixed.size(); ++i) {
    const uint8_t mask = static_cast<uint8_t>(random_());
    mixed[i] = static_cast<uint8_t>((before[i] & mask) | (after[i] & ~mask));
  }
  return mixed;
}

}  // namespace tfodcl
