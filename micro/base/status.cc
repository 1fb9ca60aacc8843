#include "base/status.h"

namespace tfodcl {

const char* StatusText(Status status) {
  switch (status) {
    case Status::kOk:
      return "ok";
    case Status::kInvalidArgument:
      return "an argument must be within its documented range";
    case Status::kOutOfRange:
      return "an offset and length must lie within the region";
    case Status::kArenaTooSmall:
      return "the arena must have the bytes that the package requires";
    case Status::kNotAPackage:
      return "a package must begin with its magic bytes";
    case Status::kUnsupportedVersion:
      return "the format version must be one that this firmware reads";
    case Status::kCorruptPackage:
      return "every CRC-32 of a package must be that of its bytes";
    case Status::kInvalidPackage:
      return "the sections of a package must be complete and agree with one another";
    case Status::kNoPackage:
      return "a package must be loaded first";
    case Status::kNoPlan:
      return "the package must have a plan for the builtin encoder";
    case Status::kUnsupportedOperator:
      return "every operator of the encoder must have a kernel in this firmware";
    case Status::kUnsupportedNetwork:
      return "the adaptive stage must be one that this firmware can train";
    case Status::kFlashFailure:
      return "flash must program and erase as told";
    case Status::kUnreadable:
      return "flash must be readable where it is read";
    case Status::kNotErased:
      return "flash must be erased before it is programmed";
    case Status::kLogFull:
      return "what is kept must fit the log";
    case Status::kForeignLog:
      return "the log must belong to the package; reset erases it";
    case Status::kCorruptLog:
      return "the log must be one that this format can have written";
    case Status::kCapacityReached:
      return "the package's capacity must hold every class";
    case Status::kUnknownClass:
      return "a class must be learnt before it is used";
    case Status::kNoClasses:
      return "a class must be learnt before anything is classified";
    case Status::kNameTaken:
      return "names of classes must differ";
    case Status::kInvalidName:
      return "a name must be 1 to 64 bytes of UTF-8";
    case Status::kCorruptRecord:
      return "a payload must be one that its codec can have written";
    case Status::kBudgetTooSmall:
      return "the replay budget must hold a record of every class";
    case Status::kBatchFull:
      return "a training batch must have at most as many new samples as the package says";
    case Status::kCorruptFrame:
      return "a frame must be COBS-coded with the CRC-32 of its bytes";
    case Status::kUnsupportedProtocol:
      return "the protocol version must be one that this firmware speaks";
    case Status::kUnknownCommand:
      return "a command must be one of the protocol";
    case Status::kInvalidLength:
      return "a request must have the length of its command";
    case Status::kOutOfSequence:
      return "a sequence number must be the last one or its successor";
  }
  return "unknown status";
}

}  // namespace tfodcl
