// What a host is told of a class.

#ifndef TFODCL_LEARNER_CLASS_INFO_H_
#define TFODCL_LEARNER_CLASS_INFO_H_

#include "base/span.h"

namespace tfodcl {

struct ClassInfo {
  uint16_t label;
  uint32_t num_learnt;   // samples learnt since the class is known, replays of training batches included
  uint32_t num_records;  // in the replay memory
  uint32_t num_ended;    // of num_learnt, when its samples or the training batch were last ended
  Bytes name;            // UTF-8, valid until the class changes
};

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_CLASS_INFO_H_
