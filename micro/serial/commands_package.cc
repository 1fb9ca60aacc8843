// Commands 0x10..0x13: loading a package into its region of flash, and starting the learner with it.

#include <cstring>

#include "base/crc32.h"
#include "serial/server.h"

namespace tfodcl {
namespace {

constexpr uint32_t kPieceBytes = 256;  // at least every program unit

bool IsWithin(const Geometry& geometry, uint32_t offset, size_t size_bytes) {
  return offset <= geometry.size_bytes() && size_bytes <= geometry.size_bytes() - offset;
}

}  // namespace

void Server::Start() {
  Package package;
  const Status status = ReadPackage(ReadableRegion(), &package, Trains::kNetwork);
  if (status == Status::kOk) {
    static_cast<void>(StartLearner(package, PackageSource::kRegion));
  } else if (ReadPackage(device_.factory_package, &package, Trains::kNetwork) == Status::kOk) {
    static_cast<void>(StartLearner(package, PackageSource::kFirmware));
  } else {
    learner_status_ = status == Status::kNotAPackage ? Status::kNoPackage : status;
  }
}

// A word with an ECC error, which an interrupted write leaves, must not be met where the region is mapped: that may
// fault.
Bytes Server::ReadableRegion() {
  uint8_t piece[kPieceBytes];
  const size_t unit = device_.package_flash->geometry().program_unit_bytes;
  size_t size = 0;
  for (size_t step = kPieceBytes; step >= unit; step /= 2) {
    while (step <= device_.package_region.size() - size &&
           device_.package_flash->Read(static_cast<uint32_t>(size), Span<uint8_t>(piece, step)) == Status::kOk) {
      size += step;
    }
  }
  return device_.package_region.subspan(0, size);
}

Status Server::StartLearner(const Package& package, PackageSource source) {
  package_ = package;
  package_source_ = source;
  Arena arena(device_.arena);
  learner_ = class_learner_;
  if (!package_.network.empty()) learner_ = batch_learner_;
  learner_status_ = learner_->Start(package_, device_.log_flash, &arena);
  arena_used_ = arena.used();
  num_correct_ = 0;
  num_evaluated_ = 0;
  return learner_status_;
}

Status Server::PackageErase() {
  if (ArgumentU32(0) >= device_.package_flash->geometry().num_blocks) return Status::kOutOfRange;
  learner_status_ = Status::kNoPackage;
  package_source_ = PackageSource::kNone;
  package_ = Package{};
  return device_.package_flash->Erase(ArgumentU32(0));
}

Status Server::PackageWrite() {
  const Geometry& geometry = device_.package_flash->geometry();
  const uint32_t unit = geometry.program_unit_bytes;
  const uint32_t offset = ArgumentU32(0);
  const Bytes bytes = ArgumentsFrom(4);
  if (offset % unit != 0 || bytes.size() % unit != 0) return Status::kInvalidArgument;
  if (!IsWithin(geometry, offset, bytes.size())) return Status::kOutOfRange;
  // The learner reads its package in place, and has checked it: also units that read as erased stay as they are.
  const uint32_t in_use = package_source_ == PackageSource::kRegion ? package_.total_bytes : 0;
  for (uint32_t i = 0; i < bytes.size(); i += unit) {
    if (IsWritten(offset + i, bytes.subspan(i, unit))) continue;
    if (offset + i < in_use || !IsErased(offset + i, unit)) return Status::kNotErased;
  }
  for (uint32_t i = 0; i < bytes.size(); i += unit) {
    if (IsWritten(offset + i, bytes.subspan(i, unit))) continue;
    const Status status = device_.package_flash->Program(offset + i, bytes.subspan(i, unit));
    if (status != Status::kOk) return status;
  }
  return Status::kOk;
}

bool Server::IsWritten(uint32_t offset, Bytes wanted) {
  uint8_t found[kPieceBytes];
  const Status status = device_.package_flash->Read(offset, Span<uint8_t>(found, wanted.size()));
  return status == Status::kOk && std::memcmp(found, wanted.data(), wanted.size()) == 0;
}

bool Server::IsErased(uint32_t offset, uint32_t size_bytes) {
  uint8_t erased[kPieceBytes];
  std::memset(erased, 0xFF, size_bytes);
  return IsWritten(offset, Bytes(erased, size_bytes));
}

Status Server::PackageCheck() {
  uint32_t offset = ArgumentU32(0), left = ArgumentU32(4);
  if (!IsWithin(device_.package_flash->geometry(), offset, left)) return Status::kOutOfRange;
  uint32_t crc = 0;
  while (left > 0) {
    uint8_t piece[kPieceBytes];
    const uint32_t size = left < kPieceBytes ? left : kPieceBytes;
    const Status status = device_.package_flash->Read(offset, Span<uint8_t>(piece, size));
    if (status != Status::kOk) return status;
    crc = Crc32(Bytes(piece, size), crc);
    offset += size;
    left -= size;
  }
  reply_.U32(crc);
  return Status::kOk;
}

Status Server::PackageStart() {
  Package package;
  const Status status = ReadPackage(ReadableRegion(), &package, Trains::kNetwork);
  return status == Status::kOk ? StartLearner(package, PackageSource::kRegion) : status;
}

}  // namespace tfodcl
