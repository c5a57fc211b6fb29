// What is left on disk of an actor: a log that may end anywhere, a checkpoint, names of files. The first byte chooses.
// Covers: runtime/worker/call_log.cpp
#include "runtime/worker/call_log.h"

#include <algorithm>

#include "runtime/base/check.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

const std::vector<LoggedCall> some{{7, 1, "add", {"\x05", ""}, "", 2},
                                   {8, 3, "add", {}, "an argument cannot be had", 1}};

void run_log(std::string_view bytes) {
  const auto cut = decode_log(bytes, LogEnd::may_be_cut);
  const auto whole = decode_log(bytes, LogEnd::whole);
  TROUPE_CHECK(!whole || (cut && *cut == *whole), "what is whole is not cut");
  if (!cut) return;
  const auto again = decode_log(encode_batch(0, *cut), LogEnd::whole);
  TROUPE_CHECK(again && *again == *cut, "what was read is written alike");
}

void run_checkpoint(std::string_view bytes) {
  const auto checkpoint = decode_checkpoint(bytes);
  if (!checkpoint) return;
  const auto again = decode_checkpoint(encode_checkpoint(*checkpoint));
  TROUPE_CHECK(again && *again == *checkpoint, "what was read is written alike");
}

void run_names(std::string_view bytes) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= bytes.size(); at = std::min(bytes.find('\n', at), bytes.size()) + 1)
    names.emplace_back(bytes.substr(at, bytes.find('\n', at) - at));
  const FoundFiles found = files_from(names);
  std::vector<std::string> again;
  for (const Generation each : found.checkpoints) again.push_back(checkpoint_name(each));
  for (const Generation each : found.logs) again.push_back(log_name(each));
  const FoundFiles same = files_from(again);
  TROUPE_CHECK(same.checkpoints == found.checkpoints && same.logs == found.logs, "a name says which file it is");
}

}  // namespace

void run(std::string_view bytes) {
  if (bytes.empty()) return;
  switch (bytes[0] % 3) {
    case 0: return run_log(bytes.substr(1));
    case 1: return run_checkpoint(bytes.substr(1));
    default: return run_names(bytes.substr(1));
  }
}

std::vector<std::string> seeds() {
  const std::string log = encode_batch(0, some) + encode_batch(1, {}) + encode_batch(2, {some[0]});
  const Checkpoint checkpoint{"state", {{7, 2, 9, {{true, "\x01"}, {false, "it threw"}}}}};
  const std::string names = checkpoint_name({{1, 2}, 3}) + '\n' + log_name({{1, 2}, 4}) + "\nowner";
  return {std::string(1, '\0') + log, std::string(1, '\0') + log.substr(0, log.size() - 3),
          std::string(1, '\1') + encode_checkpoint(checkpoint), std::string(1, '\2') + names};
}

}  // namespace troupe::fuzz
