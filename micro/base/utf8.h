// Text is UTF-8 (SPEC.md 1).

#ifndef TFODCL_BASE_UTF8_H_
#define TFODCL_BASE_UTF8_H_

#include "base/span.h"

namespace tfodcl {

// Whether `bytes` are whole UTF-8 characters: none overlong, no surrogates, none above U+10FFFF (RFC 3629).
bool IsUtf8(Bytes bytes);

}  // namespace tfodcl

#endif  // TFODCL_BASE_UTF8_H_
