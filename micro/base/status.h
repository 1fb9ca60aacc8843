// What every fallible function returns. The values are those of the serial protocol (SPEC.md 7.4): never reuse one.

#ifndef TFODCL_BASE_STATUS_H_
#define TFODCL_BASE_STATUS_H_

#include <cstdint>

namespace tfodcl {

enum class [[nodiscard]] Status : uint8_t{
    kOk = 0,
    // What the caller gave.
    kInvalidArgument = 1,
    kOutOfRange = 2,
    kArenaTooSmall = 3,
    // Packages.
    kNotAPackage = 10,
    kUnsupportedVersion = 11,
    kCorruptPackage = 12,
    kInvalidPackage = 13,
    kNoPackage = 14,
    kNoPlan = 15,
    kUnsupportedOperator = 16,
    kUnsupportedNetwork = 17,
    // Flash and log.
    kFlashFailure = 20,
    kUnreadable = 21,
    kNotErased = 22,
    kLogFull = 23,
    kForeignLog = 24,
    kCorruptLog = 25,
    // Learning.
    kCapacityReached = 30,
    kUnknownClass = 31,
    kNoClasses = 32,
    kNameTaken = 33,
    kInvalidName = 34,
    kCorruptRecord = 35,
    kBudgetTooSmall = 36,
    kBatchFull = 37,
    // Serial protocol.
    kCorruptFrame = 40,
    kUnsupportedProtocol = 41,
    kUnknownCommand = 42,
    kInvalidLength = 43,
    kOutOfSequence = 44,
};

// One line in English, without a full stop: the rule that was broken.
const char* StatusText(Status status);

}  // namespace tfodcl

#endif  // TFODCL_BASE_STATUS_H_
