// The items that a learner keeps in its log (SPEC.md 6.1, 6.10).

#ifndef TFODCL_LEARNER_ITEMS_H_
#define TFODCL_LEARNER_ITEMS_H_

#include "base/bytes.h"
#include "base/span.h"

namespace tfodcl {

inline constexpr size_t kMaxNameBytes = 64;

enum ItemKind : uint8_t {
  kRecordItem = 1,
  kClassItem = 2,
  kForgetItem = 3,
  kCheckpointItem = 4,
  kForgottenItem = 5,
  kStateItem = 6,
};

// Of records, classes and forgets: id, label.
inline constexpr uint32_t kItemHeaderBytes = 6;
inline constexpr uint32_t kForgottenItemBytes = 4;
inline constexpr uint32_t kCheckpointHeaderBytes = 24;

struct ItemHeader {
  uint32_t id;
  uint16_t label;
};

inline ItemHeader DecodeItemHeader(const uint8_t* bytes) { return {ReadU32(bytes), ReadU16(bytes + 4)}; }

inline void EncodeItemHeader(const ItemHeader& header, uint8_t* bytes) {
  WriteU32(header.id, bytes);
  WriteU16(header.label, bytes + 4);
}

// Of a part of a checkpoint; its weights follow.
struct CheckpointHeader {
  uint32_t id;          // of the checkpoint
  uint32_t base;        // the newest complete checkpoint when this one was begun, 0: none
  uint32_t label;       // the row; capacity: that of the classes to come
  uint32_t first;       // the first of the row's weights that are here
  uint32_t num_learnt;  // of the label; of the row to come: the number of rows before it
  uint32_t num_ended;   // of the label; of the row to come: 0
};

inline CheckpointHeader DecodeCheckpointHeader(const uint8_t* bytes) {
  return {ReadU32(bytes),      ReadU32(bytes + 4),  ReadU32(bytes + 8),
          ReadU32(bytes + 12), ReadU32(bytes + 16), ReadU32(bytes + 20)};
}

inline void EncodeCheckpointHeader(const CheckpointHeader& header, uint8_t* bytes) {
  WriteU32(header.id, bytes);
  WriteU32(header.base, bytes + 4);
  WriteU32(header.label, bytes + 8);
  WriteU32(header.first, bytes + 12);
  WriteU32(header.num_learnt, bytes + 16);
  WriteU32(header.num_ended, bytes + 20);
}

// Of a part of a state; its words follow.
inline constexpr uint32_t kStateHeaderBytes = 12;

struct StateHeader {
  uint32_t id;      // of the checkpoint
  uint32_t base;    // the newest complete checkpoint when this one was begun, 0: none
  uint32_t number;  // of the part
};

inline StateHeader DecodeStateHeader(const uint8_t* bytes) {
  return {ReadU32(bytes), ReadU32(bytes + 4), ReadU32(bytes + 8)};
}

inline void EncodeStateHeader(const StateHeader& header, uint8_t* bytes) {
  WriteU32(header.id, bytes);
  WriteU32(header.base, bytes + 4);
  WriteU32(header.number, bytes + 8);
}

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_ITEMS_H_
