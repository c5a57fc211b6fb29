#include "scheduler/store/redis_load.h"

#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "scheduler/store/record_codec.h"
#include "scheduler/store/redis_greeting.h"
#include "scheduler/store/redis_hashes.h"
#include "scheduler/store/redis_layout.h"

namespace troupe::scheduler {

namespace {

constexpr std::size_t graphs_in_flight = 16;
constexpr std::string_view fields_per_scan = "2000";

/// One graph's hash while it is read, in any order. A scan may hand out a field twice.
struct Graph {
  struct Task {
    std::optional<TaskSpec> spec;
    std::optional<TaskProgress> progress;
  };
  JobId id;
  std::string key;
  std::optional<JobInfo> job;
  std::map<std::uint32_t, Task> tasks;
};

Result<void> take_record(Graph& graph, std::string_view name, std::string_view bytes) {
  const RecordPlace place{graph.key, name};
  const auto field = graph_field_from(name);
  if (!field) {
    return Error{Fault::unsupported, "store record " + to_text(place) +
                                         " is of no kind that this version knows: use the newer troupe that wrote it"};
  }
  if (field->kind == GraphField::Kind::job) {
    auto job = decode_record<JobInfo>(place, bytes);
    if (!job) return job.error();
    if (job->id != graph.id) return damaged_record(place, "it names job " + to_text(job->id));
    graph.job = std::move(*job);
  } else if (field->kind == GraphField::Kind::spec) {
    auto spec = decode_record<TaskSpec>(place, bytes);
    if (!spec) return spec.error();
    if (spec->id != TaskId{graph.id, field->number}) return damaged_record(place, "it names task " + to_text(spec->id));
    graph.tasks[field->number].spec = std::move(*spec);
  } else {
    auto progress = decode_record<TaskProgress>(place, bytes);
    if (!progress) return progress.error();
    graph.tasks[field->number].progress = std::move(*progress);
  }
  return {};
}

/// Appends the graph to `state`.
Result<void> take_graph(Graph& graph, StoredState& state) {
  if (!graph.job) return damaged_record({graph.key, job_field}, "it is missing");
  state.jobs.push_back(std::move(*graph.job));
  for (auto& [number, task] : graph.tasks) {
    if (!task.spec) {
      return damaged_record({graph.key, spec_field(number)}, "it is missing, though the task has made progress");
    }
    // A task that was accepted and never changed has no progress yet.
    state.tasks.push_back({std::move(*task.spec), std::move(task.progress).value_or(TaskProgress{})});
  }
  return {};
}

class Loader {
 public:
  Loader(RedisConnection& connection, const std::string& socket, std::chrono::milliseconds patience)
      : connection_(connection), socket_(socket), patience_(patience) {}

  Result<std::vector<JobId>> job_ids() {
    std::set<JobId> ids;
    std::string cursor = "0";
    do {
      auto reply = connection_.ask({"SSCAN", jobs_key, cursor, "COUNT", fields_per_scan}, deadline());
      if (!reply) return reply.error();
      if (auto flaw = flaw_of_scan(*reply, "SSCAN " + std::string(jobs_key))) return *flaw;
      cursor = (*reply)[0].text();
      for (std::size_t i = 0; i < (*reply)[1].size(); ++i) {
        const std::string_view text = (*reply)[1][i].text();
        const auto id = hex_from(text);
        if (!id || *id == 0) return damaged_record({jobs_key, text}, "it is no job's id");
        ids.insert(JobId{*id});
      }
    } while (cursor != "0");
    return std::vector(ids.begin(), ids.end());
  }

  Result<std::vector<Graph>> graphs(const std::vector<JobId>& ids) {
    std::vector<Graph> graphs;
    for (const JobId id : ids) graphs.push_back({.id = id, .key = graph_key(id)});
    std::deque<std::size_t> asked;  // whose replies come next, in this order
    std::size_t next = 0;
    while (next < graphs.size() || !asked.empty()) {
      while (next < graphs.size() && asked.size() < graphs_in_flight)
        scan(graphs[next].key, "0"), asked.push_back(next++);
      connection_.exchange();
      auto reply = connection_.wait_reply(deadline());
      if (!reply) return reply.error();
      const std::size_t at = asked.front();
      asked.pop_front();
      Graph& graph = graphs[at];
      if (auto flaw = flaw_of_scan(*reply, "HSCAN " + graph.key)) return *flaw;
      if ((*reply)[0].text() != "0") scan(graph.key, (*reply)[0].text()), asked.push_back(at);
      connection_.exchange();  // Redis looks for the next piece while this one is read
      const RedisValue found = (*reply)[1];
      for (std::size_t i = 0; i + 1 < found.size(); i += 2) {
        if (auto taken = take_record(graph, found[i].text(), found[i + 1].text()); !taken) return taken.error();
      }
    }
    return graphs;
  }

 private:
  Deadline deadline() const { return std::chrono::steady_clock::now() + patience_; }
  void scan(std::string_view key, std::string_view cursor) {
    connection_.append({"HSCAN", key, cursor, "COUNT", fields_per_scan});
  }
  std::optional<Error> flaw_of_scan(const RedisValue& reply, const std::string& command) const {
    if (reply.is_error()) return redis_refusal(socket_, command, reply);
    if (reply.size() == 2 && reply[0].is_text() && reply[1].is_array()) return std::nullopt;
    return Error{Fault::corrupt, "Redis at " + socket_ + " answers " + command + " with something else than a scan"};
  }

  RedisConnection& connection_;
  const std::string& socket_;
  std::chrono::milliseconds patience_;
};

}  // namespace

Result<void> load_graphs(RedisConnection& connection, const std::string& socket, std::chrono::milliseconds patience,
                         StoredState& state) {
  Loader loader(connection, socket, patience);
  const auto ids = loader.job_ids();
  if (!ids) return ids.error();
  auto graphs = loader.graphs(*ids);
  if (!graphs) return graphs.error();
  for (Graph& graph : *graphs) {
    if (auto taken = take_graph(graph, state); !taken) return taken;
  }
  return load_hashes(connection, socket, patience, state);
}

Result<StoredState> read_store(const std::string& socket, std::chrono::milliseconds patience) {
  const Deadline deadline = std::chrono::steady_clock::now() + patience;
  auto connection = RedisConnection::connect(socket);
  if (!connection) return connection.error();
  const auto age_of = [&]() -> Result<StoreAge> {
    const auto greeting = greet(*connection, deadline);
    if (!greeting) return greeting.error();
    const auto age = judge_age(socket, *greeting);
    if (!age) return age.error();
    if (!*age) return Error{Fault::not_found, "Redis at " + socket + " holds no cluster yet"};
    return **age;
  };
  const auto before = age_of();
  if (!before) return before.error();
  StoredState state{.cluster = before->cluster, .epoch = before->epoch, .commit_seq = before->commit_seq};
  const auto loaded = load_graphs(*connection, socket, patience, state);
  const auto after = age_of();
  if (!after) return loaded ? after.error() : loaded.error();
  if (*after != *before) {
    return Error{Fault::refused, "the store at " + socket + " is being written: ask its scheduler instead"};
  }
  if (!loaded) return loaded.error();
  return state;
}

}  // namespace troupe::scheduler
