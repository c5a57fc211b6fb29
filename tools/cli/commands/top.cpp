#include "tools/cli/commands/top.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>

#include <nlohmann/json.hpp>

#include "tools/cli/cluster_choice.h"
#include "tools/cli/cluster_report.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/interrupts.h"
#include "tools/cli/live_work.h"
#include "tools/cli/output.h"
#include "tools/cli/task_report.h"
#include "tools/cli/units.h"

namespace troupe::cli {
namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;
using std::chrono::milliseconds;

constexpr std::size_t other_lines = 8;  // Of the view: all but rows of tables.

/// What all nodes together have and do.
struct Sum {
  std::size_t up = 0;
  Milli cpus = 0;
  Milli free_cpus = 0;
  std::size_t gpus = 0;
  std::uint64_t running = 0;
  std::uint64_t waiting = 0;
};

Sum sum_of(const message::ClusterStatus& status) {
  Sum sum;
  for (const auto& node : status.nodes) {
    if (!node.alive) continue;
    ++sum.up;
    sum.cpus += node.capacity.cpus;
    sum.free_cpus += node.free_cpus;
    sum.gpus += node.capacity.gpus.size();
    sum.running += node.running;
  }
  for (const auto& shape : status.queue) sum.waiting += shape.waiting * std::max<std::uint64_t>(shape.gang, 1);
  return sum;
}

std::int64_t now_ms() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Commits of durable work between two looks.
class CommitRate {
 public:
  /// Nothing the first time, and after a take-over.
  std::optional<double> at(const message::ClusterStatus& status) {
    const auto now = Clock::now();
    std::optional<double> rate;
    if (epoch_ == status.epoch)
      rate =
          static_cast<double>(status.commit_seq - commits_) / std::chrono::duration<double>(now - looked_at_).count();
    epoch_ = status.epoch;
    commits_ = status.commit_seq;
    looked_at_ = now;
    return rate;
  }

 private:
  std::uint32_t epoch_ = 0;  // A scheduler's is never 0.
  std::uint64_t commits_ = 0;
  Clock::time_point looked_at_;
};

std::string rate_text(const std::optional<double>& rate) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", rate.value_or(0));
  return rate ? text : "-";
}

std::string line_of(const message::ClusterStatus& status, const Sum& sum, const std::optional<double>& rate) {
  return local_time(now_ms()) + "  " + std::to_string(sum.up) + " of " + std::to_string(status.nodes.size()) +
         " nodes up, " + milli_text(sum.cpus - sum.free_cpus) + " of " + milli_text(sum.cpus) + " cpus taken, " +
         std::to_string(sum.running) + " running, " + std::to_string(sum.waiting) + " waiting, " + rate_text(rate) +
         " commits/s";
}

std::string json_of(const message::ClusterStatus& status, const std::vector<message::JobSummary>& jobs, const Sum& sum,
                    const std::optional<double>& rate) {
  Json nodes = Json::array();
  for (const auto& node : status.nodes) nodes.push_back(Json::parse(node_json(node)));
  const auto cpus = [](Milli amount) { return static_cast<double>(amount) / 1000; };
  return Json{{"time", rfc3339(now_ms())},
              {"epoch", status.epoch},
              {"nodes_up", sum.up},
              {"cpus", cpus(sum.cpus)},
              {"free_cpus", cpus(sum.free_cpus)},
              {"gpus", sum.gpus},
              {"running", sum.running},
              {"waiting", sum.waiting},
              {"commits_per_s", rate ? Json(*rate) : Json()},
              {"nodes", std::move(nodes)},
              {"jobs", jobs_array(jobs)}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The terminal's other screen, for as long as it lives; what stood on the first one is back then.
class Screen {
 public:
  Screen() { std::fputs("\033[?1049h\033[?25l", stdout); }
  ~Screen() {
    std::fputs("\033[?25h\033[?1049l", stdout);
    std::fflush(stdout);
  }
  Screen(const Screen&) = delete;

  static std::size_t rows() {
    winsize size{};
    return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : 24;
  }
  void draw(message::ClusterStatus status, const std::vector<message::JobSummary>& jobs,
            const std::string& heading) const {
    std::size_t room = std::max<std::size_t>(rows(), other_lines + 3) - other_lines;
    // Each table has a third, and what those before it leave.
    const auto rows_of = [&room](std::size_t wanted, std::size_t tables_left) {
      const std::size_t rows = std::min(wanted, room / tables_left);
      room -= rows;
      return rows;
    };
    Table nodes = node_table();
    for (std::size_t i = 0, shown = rows_of(status.nodes.size(), 3); i < shown; ++i) add_node(nodes, status.nodes[i]);
    Table busy = job_table();
    for (std::size_t i = 0, shown = rows_of(jobs.size(), 2); i < shown; ++i) add_job(busy, jobs[i]);
    status.queue.resize(rows_of(status.queue.size(), 1));
    std::printf("\033[H\033[J%s\n\n", heading.c_str());
    nodes.print();
    if (!busy.empty()) {
      std::printf("\n");
      busy.print();
    }
    if (!status.queue.empty()) {
      std::printf("\n");
      queue_table(status).print();
    }
    std::fflush(stdout);
  }
};

}  // namespace

int top_command(const TopCommand& command) {
  const auto fail = [](const Error& error) {
    complain("top", error.message);
    return exit_code_of(error);
  };
  const auto interval = command.interval.empty() ? milliseconds(1'000) : parse_duration(command.interval);
  if (!interval) return fail(bad_input("--interval: found '" + command.interval + "', expected " + expected_duration));
  std::optional<std::int64_t> count;
  if (!command.count.empty()) {
    count = parse_count(command.count);
    if (!count || *count == 0)
      return fail(bad_input("--count: found '" + command.count + "', expected a number of looks"));
  }
  const auto cluster = need_cluster(command.cluster);
  if (!cluster) return fail(cluster.error());
  LiveWork live(*cluster);
  if (const auto core = live.core(); !core) return fail(core.error());
  count_interrupts();

  const bool is_live = !command.json && is_terminal(STDOUT_FILENO);
  std::optional<Screen> screen;
  CommitRate commits;
  auto next = Clock::now();
  for (std::int64_t shown = 1;; ++shown) {
    const auto status = live.status(true);
    const auto jobs = live.busy_jobs();
    if (interrupts() > 0) break;
    if (!status || !jobs) {
      screen.reset();
      return fail(status ? jobs.error() : status.error());
    }
    const Sum sum = sum_of(*status);
    const auto rate = commits.at(*status);
    if (is_live) {
      if (!screen) screen.emplace();
      screen->draw(*status, *jobs, line_of(*status, sum, rate) + ", epoch " + std::to_string(status->epoch));
    } else {
      std::printf("%s\n", (command.json ? json_of(*status, *jobs, sum, rate) : line_of(*status, sum, rate)).c_str());
      if (std::fflush(stdout) != 0) break;  // Nobody reads it any more.
    }
    if (shown == count) return exit_done;
    next = std::max(next + *interval, Clock::now());
    while (interrupts() == 0 && Clock::now() < next)
      ::poll(nullptr, 0, static_cast<int>(std::chrono::ceil<milliseconds>(next - Clock::now()).count()));
  }
  return interrupts() > 0 ? exit_interrupted : exit_done;
}

}  // namespace troupe::cli
