#include "kernels/window.h"

#include <cstring>

namespace tfodcl {

void GatherWindow(const int8_t* input, const ImageShape& shape, const Window& window, int32_t row, int32_t column,
                  int8_t fill, int8_t* patch) {
  const size_t row_bytes = static_cast<size_t>(window.width) * shape.channels;
  const WindowPart rows = InsideInput(row, window.height, shape.height);
  const WindowPart columns = InsideInput(column, window.width, shape.width);
  const bool partly = rows.begin > 0 || rows.end < window.height || columns.begin > 0 || columns.end < window.width;
  if (partly) std::memset(patch, fill, row_bytes * window.height);
  if (columns.end <= columns.begin) return;
  const size_t inside_bytes = static_cast<size_t>(columns.end - columns.begin) * shape.channels;
  for (int32_t y = rows.begin; y < rows.end; ++y) {
    const int8_t* from =
        input + (static_cast<size_t>(row + y) * shape.width + (column + columns.begin)) * shape.channels;
    std::memcpy(patch + y * row_bytes + static_cast<size_t>(columns.begin) * shape.channels, from, inside_bytes);
  }
}

}  // namespace tfodcl
