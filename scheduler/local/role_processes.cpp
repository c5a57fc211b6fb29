#include "scheduler/local/role_processes.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "runtime/agent/agent.h"
#include "runtime/agent/process.h"
#include "runtime/wire/ring_transport.h"
#include "scheduler/local/cluster_file.h"
#include "scheduler/local/places.h"
#include "scheduler/local/supervisor.h"
#include "scheduler/service/service.h"
#include "scheduler/store/redis_task_store.h"

namespace troupe::scheduler {
namespace {

constexpr std::chrono::seconds between_signs{1};

std::atomic<bool> stop_asked = false;
int stop_event = -1;  // Readable when it is asked.
void on_stop(int) {
  stop_asked = true;
  const int error = errno;
  ::eventfd_write(stop_event, 1);
  errno = error;
}

bool may_pass(Fault fault) {
  return fault == Fault::unavailable || fault == Fault::peer_lost || fault == Fault::timed_out;
}

}  // namespace

void tell(int descriptor, std::string line) {
  std::replace(line.begin(), line.end(), '\n', ' ');
  const std::string text = line + '\n';
  if (::write(descriptor, text.data(), text.size()) < 0) std::fprintf(stderr, "troupe: %s\n", line.c_str());
}

pid_t fork_role(const char* name, const std::function<int()>& role) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::prctl(PR_SET_NAME, name);
  reset_signals();
  ::signal(SIGPIPE, SIG_IGN);
  stop_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct sigaction action {};
  action.sa_handler = on_stop;
  ::sigaction(SIGTERM, &action, nullptr);
  raise_descriptor_limit();
  ::_exit(role());
}

int run_scheduler_role(const RoleArguments& arguments, int word) {
  const std::string& directory = arguments.at("directory");
  std::chrono::steady_clock::time_point tell_at{};
  RedisStoreOptions options{.socket = redis_socket(directory), .on_progress = [&] {
                              const auto now = std::chrono::steady_clock::now();
                              if (now < tell_at) return;
                              tell_at = now + between_signs;
                              tell(word, std::string(loading_word));
                            }};
  const std::filesystem::path member = arguments.at("member");
  if (!member.empty()) {
    options.seen = [folder = member.parent_path().parent_path().string(), cluster = arguments.cluster()] {
      return highest_seen(folder, cluster);
    };
    options.lease = LeaseOptions{.holder = member.filename().string()};
  }
  const auto is_stopped = [] { return stop_asked.load(); };
  RedisTaskStore store(options);
  const auto transport = make_ring_transport();
  Service service({.address = [&](std::uint32_t epoch) { return scheduler_address(directory, epoch); },
                   .announce = [&](std::uint32_t epoch) { announce_scheduler(directory, epoch); },
                   .cluster = arguments.cluster(),
                   .settings = {.most_tasks = std::stoul(arguments.at("most_tasks"))},
                   .longest_commit_pause = options.lease ? options.lease->length / 3 : Time(0),
                   .record = arguments.at("record")},
                  store, *transport);
  if (options.lease && arguments.at("has_agent") != "1") tell(word, std::string(ready_word));
  const auto begin = [&] {
    Result<void> may_begin;
    if (options.lease) may_begin = store.stand_by(is_stopped);
    return may_begin ? service.start() : may_begin;
  };
  Result<void> ended = begin();
  while (!ended && store.is_overtaken()) {
    std::fprintf(stderr, "troupe: scheduler: %s: it stands by\n", ended.error().message.c_str());
    ended = begin();
  }
  if (ended) ended = service.run(is_stopped);
  if (ended || ended.error().fault == Fault::cancelled) return exit_as_told;
  const std::string& why = ended.error().message;
  std::fprintf(stderr, "troupe: scheduler: %s\n", why.c_str());
  if (service.is_fenced()) return exit_fenced;
  if (may_pass(ended.error().fault)) return exit_for_now;
  tell(word, why);
  return exit_for_good;
}

int run_agent_role(const RoleArguments& arguments, const NodeCapacity& capacity, NodeStart start, int word) {
  const std::string& directory = arguments.at("directory");
  const std::string agent = "ipc://" + arguments.at("agent");
  const std::string& member = arguments.at("member");
  const std::string seen = member.empty() ? "" : seen_file(member);
  const ForkServers::Arguments fork_server_arguments = [&](const std::string& program) {
    return to_argv(program, {"forker",
                             {{"cluster", arguments.at("cluster")},
                              {"id", to_text(WorkerId{})},
                              {"node", to_text(start.node)},
                              {"agent", agent},
                              {"scheduler", scheduler_address(directory)},
                              {"directory", directory},
                              {"logs", arguments.at("logs")}}});
  };
  const char* wish = std::getenv("TROUPE_FORK_SERVER");
  const bool may_fork = wish == nullptr || std::string_view(wish) != "0";
  const auto transport = make_ring_transport();
  const auto ended =
      run_agent({.cluster = arguments.cluster(),
                 .node = start.node,
                 .incarnation = start.incarnation,
                 .name = arguments.at("name"),
                 .capacity = capacity,
                 .scheduler_address = scheduler_address(directory),
                 .active_scheduler = [&] { return active_scheduler(directory); },
                 .cluster_file = cluster_file_in(directory),
                 .own_address = agent,
                 .worker_address = [&](WorkerId worker) { return worker_address(directory, to_text(worker)); },
                 .worker_arguments =
                     [&](const std::string& program, WorkerId worker) {
                       return to_argv(program, {"worker",
                                                {{"cluster", arguments.at("cluster")},
                                                 {"id", to_text(worker)},
                                                 {"node", to_text(start.node)},
                                                 {"agent", agent},
                                                 {"scheduler", scheduler_address(directory)},
                                                 {"address", worker_address(directory, to_text(worker))}}});
                     },
                 .fork_server_arguments = may_fork ? fork_server_arguments : nullptr,
                 .on_welcome = [word] { tell(word, std::string(ready_word)); },
                 .seen_file = seen,
                 .log_directory = arguments.at("logs"),
                 .object_bytes = std::stoull(arguments.at("object_bytes")),
                 .stop = stop_event},
                *transport);
  if (ended) return 0;
  std::fprintf(stderr, "troupe: agent: %s\n", ended.error().message.c_str());
  return 1;
}

}  // namespace troupe::scheduler
