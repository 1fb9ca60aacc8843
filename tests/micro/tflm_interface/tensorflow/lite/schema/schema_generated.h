// Declarations of TensorFlow Lite Micro that the adapter uses, with its names and signatures: to compile against.

#ifndef TFLM_INTERFACE_SCHEMA_SCHEMA_GENERATED_H_
#define TFLM_INTERFACE_SCHEMA_SCHEMA_GENERATED_H_

#include <cstdint>

namespace flatbuffers {

template <typename T>
class Offset;

template <typename T>
class Vector;

template <typename T>
class Vector<Offset<T>> {
 public:
  uint32_t size() const;
  const T* Get(uint32_t i) const;
};

}  // namespace flatbuffers

namespace tflite {

enum BuiltinOperator : int32_t { BuiltinOperator_ADD = 0 };

class OperatorCode;

class Model {
 public:
  uint32_t version() const;
  const flatbuffers::Vector<flatbuffers::Offset<OperatorCode>>* operator_codes() const;
};

const Model* GetModel(const void* buffer);

}  // namespace tflite

#endif  // TFLM_INTERFACE_SCHEMA_SCHEMA_GENERATED_H_
