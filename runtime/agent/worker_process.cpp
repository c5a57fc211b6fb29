#include "runtime/agent/worker_process.h"

#include <unistd.h>

#include <filesystem>
#include <string_view>

#include "runtime/ring/ring_link.h"
#include "runtime/worker/task_log.h"

namespace troupe {
namespace {

constexpr std::string_view scheme = "ipc://";

}  // namespace

std::string log_of(const WorkerProcess& worker, const Begun& begun, const std::string& logs) {
  if (!begun.running) return worker.output_file;
  std::string log = logs + '/' + log_name(begun.running, begun.attempt);
  std::error_code missing;
  // If it is not there, the file is called so by now.
  if (std::filesystem::file_size(worker.output_file, missing) > 0 && !missing)
    std::filesystem::rename(worker.output_file, log, missing);
  return log;
}

void remove_output(const WorkerProcess& worker) {
  std::error_code missing;
  if (std::filesystem::file_size(worker.output_file, missing) == 0)
    std::filesystem::remove(worker.output_file, missing);
}

void remove_sockets(const std::string& address) {
  if (!address.starts_with(scheme)) return;
  ::unlink(address.c_str() + scheme.size());
  ::unlink(ring_socket_of(address).c_str());
}

void remove_sockets_like(const std::string& address, const std::string& id) {
  if (!address.starts_with(scheme)) return;
  const std::filesystem::path path = address.substr(scheme.size());
  const std::string name = path.filename().string();
  const std::string begin = name.substr(0, name.find(id) + id.size() / 2);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(path.parent_path(), ignored))
    if (entry.path().filename().string().starts_with(begin)) std::filesystem::remove(entry.path(), ignored);
}

}  // namespace troupe
