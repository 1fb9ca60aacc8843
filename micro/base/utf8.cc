#include "base/utf8.h"

namespace tfodcl {
namespace {

struct Form {
  uint8_t mask;       // bits of the first byte that tell the form
  uint8_t first;      // what they are
  uint8_t num_after;  // bytes that follow
  uint32_t least;     // the least character that needs this form
};

constexpr Form kForms[] = {{0x80, 0x00, 0, 0}, {0xE0, 0xC0, 1, 0x80}, {0xF0, 0xE0, 2, 0x800}, {0xF8, 0xF0, 3, 0x10000}};

const Form* FormOf(uint8_t first) {
  for (const Form& form : kForms) {
    if ((first & form.mask) == form.first) return &form;
  }
  return nullptr;
}

}  // namespace

bool IsUtf8(Bytes bytes) {
  for (size_t i = 0; i < bytes.size();) {
    const Form* form = FormOf(bytes[i]);
    if (form == nullptr || form->num_after >= bytes.size() - i) return false;
    uint32_t character = bytes[i] & static_cast<uint8_t>(~form->mask);
    ++i;
    for (uint32_t k = 0; k < form->num_after; ++k, ++i) {
      if ((bytes[i] & 0xC0) != 0x80) return false;
      character = character << 6 | (bytes[i] & 0x3F);
    }
    if (character < form->least || character > 0x10FFFF || (character >= 0xD800 && character < 0xE000)) return false;
  }
  return true;
}

}  // namespace tfodcl
