// The name of a class, and its item in the log (SPEC.md 6.1).

#ifndef TFODCL_LEARNER_CLASS_NAME_H_
#define TFODCL_LEARNER_CLASS_NAME_H_

#include "learner/items.h"
#include "store/log.h"

namespace tfodcl {

// 1..64 bytes of UTF-8.
bool IsClassName(Bytes name);

class ClassName {
 public:
  // Whether the class has a name at all.
  bool is_given() const { return id_ != 0; }
  uint32_t id() const { return id_; }  // of its item; 0: none
  Bytes text() const { return {text_, num_bytes_}; }
  bool Is(Bytes name) const;

  // Makes `name`, which is one, durable as that of the class in `header`.
  Status Write(const ItemHeader& header, Bytes name, Log* log);

  // Takes the name of a class item of the log, unless the one here is younger. kCorruptLog: it has none.
  Status Take(const Item& item, uint32_t id, const Log& log);

  // Whether this is the item that the name is of, at the address that counts.
  bool IsAt(uint32_t id, uint32_t address) const { return id == id_ && address == address_; }
  void Move(uint32_t address) { address_ = address; }
  // The class is known no longer.
  void Clear() { *this = ClassName(); }

 private:
  uint32_t id_ = 0;
  uint32_t address_ = 0;
  uint8_t num_bytes_ = 0;
  uint8_t text_[kMaxNameBytes] = {};
};

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_CLASS_NAME_H_
