#include "encoder/builtin/operators.h"

namespace tfodcl {
namespace {

constexpr size_t kHeadBytes = 8;

const Operator* FindOperator(uint8_t kind) {
  for (const Operator& one : kWeightedOperators) {
    if (static_cast<uint8_t>(one.kind) == kind) return &one;
  }
  for (const Operator& one : kUnweightedOperators) {
    if (static_cast<uint8_t>(one.kind) == kind) return &one;
  }
  return nullptr;
}

bool HasLength(PlanOperator fields, const Operator& one) {
  return one.kind == OperatorKind::kConcatenation ? fields.num_bytes() >= one.num_bytes
                                                  : fields.num_bytes() == one.num_bytes;
}

OperatorCall MakeCall(const Graph& graph, PlanOperator fields) {
  return {graph, fields, graph.Tensor(fields.input()), graph.Tensor(fields.output())};
}

Status CheckOperator(const Graph& graph, PlanOperator fields, const Operator& one) {
  const bool in_range =
      one.has_activation ? fields.low() <= fields.high() : fields.low() == INT8_MIN && fields.high() == INT8_MAX;
  const uint16_t num_tensors = graph.header().num_tensors;
  if (!in_range || fields.input() >= num_tensors || fields.output() >= num_tensors) return Status::kInvalidPackage;
  const OperatorCall call = MakeCall(graph, fields);
  return !call.output.is_constant && one.check(call) ? Status::kOk : Status::kInvalidPackage;
}

}  // namespace

Status CheckOperators(const Graph& graph) {
  PlanOperator fields = graph.FirstOperator();
  const uint8_t* bytes = fields.begin();
  for (uint16_t i = 0; i < graph.header().num_operators; ++i) {
    fields = PlanOperator(bytes);
    const size_t rest = graph.end() - bytes;
    if (rest < kHeadBytes || rest < fields.num_bytes()) return Status::kInvalidPackage;
    const Operator* one = FindOperator(fields.kind());
    if (one == nullptr) return Status::kUnsupportedOperator;
    if (!HasLength(fields, *one)) return Status::kInvalidPackage;
    const Status status = CheckOperator(graph, fields, *one);
    if (status != Status::kOk) return status;
    bytes = fields.end();
  }
  return Status::kOk;
}

void RunOperators(const Graph& graph) {
  PlanOperator fields = graph.FirstOperator();
  for (uint16_t i = 0; i < graph.header().num_operators; ++i, fields = PlanOperator(fields.end())) {
    FindOperator(fields.kind())->run(MakeCall(graph, fields));
  }
}

Window WindowOf(PlanOperator fields) {
  return {fields.U8(8), fields.U8(9), fields.U8(10), fields.U8(11), fields.U8(12), fields.U8(13)};
}

OutputRange RangeOf(const OperatorCall& call) {
  const int32_t zero_point = call.output.zero_point;
  return {zero_point, call.fields.low() - zero_point, call.fields.high() - zero_point};
}

bool IsWindowValid(const Window& window, const ImageShape& input, const ImageShape& output) {
  if (window.height < 1 || window.width < 1 || window.stride_height < 1 || window.stride_width < 1) return false;
  if (window.pad_top >= window.height || window.pad_left >= window.width) return false;
  const int64_t last_row = static_cast<int64_t>(output.height - 1) * window.stride_height - window.pad_top;
  const int64_t last_column = static_cast<int64_t>(output.width - 1) * window.stride_width - window.pad_left;
  return last_row < input.height && last_column < input.width;
}

}  // namespace tfodcl
