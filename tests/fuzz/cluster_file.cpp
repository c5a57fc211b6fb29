// The file by which a cluster is found: what is wrong with it is said in a line that names it, and what was read is
// written alike.
// Covers: scheduler/local/cluster_file.cpp
#include "scheduler/local/cluster_file.h"

#include "runtime/base/check.h"
#include "tests/fuzz/small_file.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {

using namespace scheduler;

void run(std::string_view bytes) {
  const std::string path = cluster_file_in(folder_in_memory().path());
  write_file(path, bytes);
  const auto file = read_cluster_file(path);
  if (!file) {
    TROUPE_CHECK(file.error().message.starts_with(path), "what is wrong has its place");
    return;
  }
  TROUPE_CHECK(file->scheduler.find(file->directory()) != std::string::npos, "its sockets are where its address is");
  TROUPE_CHECK(write_cluster_file(path, *file), "a file in memory can be written");
  const auto again = read_cluster_file(path);
  TROUPE_CHECK(again && *again == *file, "what was read is written alike");
}

std::vector<std::string> seeds() {
  const std::string id = to_text(ClusterId{1, 2});
  return {"{\"cluster_id\":\"" + id + "\",\"scheduler\":\"ipc:///tmp/a/scheduler.sock\",\"folder\":\"/var/a\"}",
          "{\"cluster_id\":\"" + id + "\",\"scheduler\":\"ipc://a\",\"folder\":\"a\"}",
          "{\"cluster_id\":\"" + id + "\",\"scheduler\":\"tcp://a\"}",
          "{\"cluster_id\":7}",
          "[1]",
          std::string(70'000, ' ')};
}

}  // namespace troupe::fuzz
