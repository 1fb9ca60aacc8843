// What programs that follow a script share: files, names, inputs, and the verbs of every learner:
//   add NAME | learn LABEL INPUT | restart
//   classify INPUT: prints the label
//   dump NAME: what the board dumps, beginning with OUT/NAME

#ifndef TESTS_MICRO_LEARNER_PROGRAM_SCRIPT_H_
#define TESTS_MICRO_LEARNER_PROGRAM_SCRIPT_H_

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/span.h"
#include "base/status.h"
#include "store/flash.h"

namespace tfodcl {

inline void Check(Status status) {
  if (status == Status::kOk) return;
  std::cerr << StatusText(status) << "\n";
  std::exit(1);
}

// A file's bytes at an aligned address, never given back.
inline Bytes ReadFile(const std::string& path) {
  FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) std::exit(2);
  std::fseek(file, 0, SEEK_END);
  const size_t size = static_cast<size_t>(std::ftell(file));
  std::rewind(file);
  static std::vector<std::unique_ptr<uint8_t, decltype(&std::free)>> files;
  files.emplace_back(static_cast<uint8_t*>(std::aligned_alloc(32, AlignUp(size + 1, 32))), &std::free);
  if (std::fread(files.back().get(), 1, size, file) != size) std::exit(2);
  std::fclose(file);
  return Bytes(files.back().get(), size);
}

inline void WriteFile(const std::string& path, const std::vector<Bytes>& parts) {
  FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) std::exit(2);
  for (const Bytes part : parts) std::fwrite(part.data(), 1, part.size(), file);
  std::fclose(file);
}

// Input `number` of them.
inline void SetInput(Bytes inputs, size_t number, Span<int8_t> input) {
  for (size_t i = 0; i < input.size(); ++i) input[i] = static_cast<int8_t>(inputs[number * input.size() + i]);
}

inline Bytes View(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

// False where the verb is not one of these. `Board` has learner(), Start() and Dump(path).
template <typename Board>
bool FollowShared(const std::string& verb, Bytes inputs, const std::string& out, Board* board) {
  uint16_t label = 0;
  size_t number = 0;
  std::string name;
  if (verb == "add" && std::cin >> name) {
    Check(board->learner().AddClass(View(name), &label));
  } else if (verb == "learn" && std::cin >> label >> number) {
    SetInput(inputs, number, board->learner().input());
    Check(board->learner().LearnSample(label));
  } else if (verb == "restart") {
    board->Start();
  } else if (verb == "classify" && std::cin >> number) {
    SetInput(inputs, number, board->learner().input());
    Check(board->learner().Classify(&label));
    std::cout << label << "\n";
  } else if (verb == "dump" && std::cin >> name) {
    board->Dump(out + "/" + name);
  } else {
    return false;
  }
  return true;
}

// The program, with the arguments PACKAGE INPUTS UNIT_BYTES BLOCK_BYTES NUM_BLOCKS OUT. follow(verb, board) is asked
// what is not shared; false where it does not know it either.
template <typename Board, typename FollowOwn>
int RunScript(int argc, char** argv, const FollowOwn& follow) {
  if (argc != 7) return 2;
  const auto number = [&](int i) { return static_cast<uint32_t>(std::strtoul(argv[i], nullptr, 10)); };
  const Geometry geometry{number(3), number(4), number(5), 10000};
  const Bytes inputs = ReadFile(argv[2]);
  Board board(ReadFile(argv[1]), geometry);
  for (std::string verb; std::cin >> verb;) {
    if (FollowShared(verb, inputs, argv[6], &board) || follow(verb, &board)) continue;
    std::cerr << "unknown verb: " << verb << "\n";
    return 2;
  }
  return 0;
}

}  // namespace tfodcl

#endif  // TESTS_MICRO_LEARNER_PROGRAM_SCRIPT_H_
