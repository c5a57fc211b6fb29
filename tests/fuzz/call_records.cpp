// Calls and answers as they come out of a ring whose other end may write anything. The first byte chooses.
// Covers: runtime/wire/call_records.cpp
#include "runtime/wire/call_records.h"

#include <cstring>

#include "runtime/base/check.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

std::string whole(std::initializer_list<std::uint32_t> words, const std::string& rest) {
  std::string bytes;
  for (const std::uint32_t word : words) bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  return bytes + rest;
}

}  // namespace

void run(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::string_view record = bytes.substr(1);
  std::size_t taken = 0;
  if (bytes[0] % 2 == 0) {
    const auto call = decode_call(record, 7);
    if (!call) return;
    TROUPE_CHECK(call->caller == 7, "who calls is known by the ring, not by the record");
    taken = call->method.size();
    for (const Bytes& argument : call->arguments) taken += argument.size() + sizeof(std::uint32_t);
  } else {
    const auto answer = decode_answer(record);
    if (!answer) return;
    TROUPE_CHECK(answer->ok ? answer->error.empty() : answer->value.empty(), "it is an answer or an error");
    taken = answer->value.size() + answer->error.size();
  }
  TROUPE_CHECK(taken <= record.size(), "no more is taken than is there");
}

/// As call_records.cpp lays them: job, number, task, epoch, attempt, bytes of the method, arguments, their sizes; job,
/// number, task, ok.
std::vector<std::string> seeds() {
  return {whole({}, std::string(1, '\0')) + whole({7, 0, 1, 0, 3, 1, 1, 3, 2, 4, 0}, "addxxxx"),
          whole({}, std::string(1, '\0')) + whole({7, 0, 1, 0, 3, 1, 1, 2, 0}, "ok"),
          whole({}, std::string(1, '\1')) + whole({7, 0, 1, 0, 3, 1}, "the value"),
          whole({}, std::string(1, '\1')) + whole({7, 0, 1, 0, 3, 0}, "it threw")};
}

}  // namespace troupe::fuzz
