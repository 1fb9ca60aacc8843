// Declarations of TensorFlow Lite Micro that the adapter uses, with its names and signatures: to compile against.

#ifndef TFLM_INTERFACE_SCHEMA_SCHEMA_UTILS_H_
#define TFLM_INTERFACE_SCHEMA_SCHEMA_UTILS_H_

#include "tensorflow/lite/schema/schema_generated.h"

namespace tflite {

BuiltinOperator GetBuiltinCode(const OperatorCode* operator_code);

}  // namespace tflite

#endif  // TFLM_INTERFACE_SCHEMA_SCHEMA_UTILS_H_
