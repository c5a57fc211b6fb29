#include "runtime/agent/worker_process.h"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string_view>
#include <variant>

#include "runtime/ring/ring_link.h"
#include "runtime/worker/task_log.h"

namespace troupe {
namespace {

constexpr std::string_view scheme = "ipc://";

}  // namespace

void take_calls(WorkerProcess& worker, const std::vector<message::ActorCalls>& told) {
  for (const auto& each : told) worker.calls[{each.actor, each.attempt}] = each.counts;
}

message::Message with_calls(message::Message message, WorkerProcesses& workers) {
  auto* beat = std::get_if<message::AgentHeartbeat>(&message);
  if (beat == nullptr) return message;
  std::set<std::pair<TaskId, AttemptId>> running;
  for (const auto& each : beat->running) running.emplace(each.task, each.attempt);
  for (auto& [number, worker] : workers) {
    std::erase_if(worker.calls, [&](const auto& each) { return !running.contains(each.first); });
    for (const auto& [key, counts] : worker.calls) beat->calls.push_back({key.first, key.second, counts});
  }
  return message;
}

std::string log_of(const WorkerProcess& worker, const Begun& begun, const std::string& logs) {
  if (!begun.running.task) return worker.output_file;
  std::string log = logs + '/' + log_name(begun.running);
  std::error_code missing;
  // If it is not there, the file is called so by now.
  if (std::filesystem::file_size(worker.output_file, missing) > 0 && !missing) {
    std::filesystem::rename(worker.output_file, log, missing);
    // Who follows a log takes it for whole when it is closed by who writes there, which came before it had that name.
    ::close(::open(log.c_str(), O_WRONLY | O_CLOEXEC));
  }
  return log;
}

void remove_output(const WorkerProcess& worker, const std::string& log) {
  std::error_code missing;
  for (const auto& file : {worker.output_file, log})
    if (std::filesystem::file_size(file, missing) == 0 && !std::filesystem::exists(older_log(file), missing))
      std::filesystem::remove(file, missing);
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
