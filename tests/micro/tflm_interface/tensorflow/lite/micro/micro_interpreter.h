// Declarations of TensorFlow Lite Micro that the adapter uses, with its names and signatures: to compile against.

#ifndef TFLM_INTERFACE_MICRO_MICRO_INTERPRETER_H_
#define TFLM_INTERFACE_MICRO_MICRO_INTERPRETER_H_

#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflite {

class MicroAllocator;
class MicroOpResolver;
class MicroProfilerInterface;
class MicroResourceVariables;

class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& op_resolver, uint8_t* tensor_arena,
                   size_t tensor_arena_size, MicroResourceVariables* resource_variables = nullptr,
                   MicroProfilerInterface* profiler = nullptr, bool preserve_all_tensors = false);
  MicroInterpreter(const Model* model, const MicroOpResolver& op_resolver, MicroAllocator* allocator,
                   MicroResourceVariables* resource_variables = nullptr, MicroProfilerInterface* profiler = nullptr);
  ~MicroInterpreter();

  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  size_t inputs_size() const;
  size_t outputs_size() const;
  TfLiteTensor* input_tensor(size_t index);
  TfLiteTensor* output_tensor(size_t index);
  template <class T>
  T* typed_input_tensor(int tensor_index);
  template <class T>
  T* typed_output_tensor(int tensor_index);
  size_t arena_used_bytes() const;

 private:
  void* members_[8];
};

}  // namespace tflite

#endif  // TFLM_INTERFACE_MICRO_MICRO_INTERPRETER_H_
