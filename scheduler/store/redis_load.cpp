#include "scheduler/store/redis_load.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "scheduler/store/record_codec.h"
#include "scheduler/store/redis_greeting.h"
#include "scheduler/store/redis_hashes.h"
#include "scheduler/store/redis_layout.h"

namespace troupe::scheduler {

namespace {

constexpr std::size_t commands_in_flight = 8;
constexpr std::size_t tasks_at_once = 250;
constexpr std::string_view ids_per_scan = "2000";

constexpr std::size_t fields_worth_a_guess = 1'000;

enum class Writer { none, writes_meanwhile };
using Wanted = std::function<bool(const JobInfo&)>;  // Empty: all jobs are.

/// One graph's hash: which fields it has.
struct Graph {
  JobId id;
  std::string key;
  bool has_summary = false;
  std::vector<std::uint32_t> numbers;  // of its tasks, in order
  std::size_t fields = 0;              // of one whose numbers are guessed: how many it has
};

template <class T>
Result<T> record_of(const Graph& graph, const std::string& field, const RedisValue& value) {
  const RecordPlace place{graph.key, field};
  if (!value.is_text()) return damaged_record(place, "it is missing");
  return decode_record<T>(place, value.text());
}

/// Appends what is read to `state`, graph by graph, task by task, in order of their ids: nothing is sorted or looked up
/// a second time, however many there are.
class Loader {
 public:
  Loader(RedisConnection& connection, const std::string& socket, std::chrono::milliseconds patience, Writer writer,
         Wanted wanted, std::function<void()> between, StoredState& state)
      : connection_(connection),
        socket_(socket),
        patience_(patience),
        writer_(writer),
        wanted_(std::move(wanted)),
        between_(std::move(between)),
        state_(state) {}

  /// Leaves no reply outstanding but on a connection that is lost.
  Result<void> load() {
    auto loaded = load_all();
    for (; outstanding_ > 0; --outstanding_)
      if (!connection_.wait_reply(deadline())) break;
    return loaded;
  }

 private:
  Result<void> load_all() {
    const auto ids = job_ids();
    if (!ids) return ids.error();
    std::vector<Graph> graphs;
    for (const JobId id : *ids) graphs.push_back({.id = id, .key = graph_key(id)});
    if (wanted_)
      if (auto kept = keep_wanted(graphs); !kept) return kept;
    if (auto guessed = guess_numbers(graphs); !guessed) return guessed;
    auto read_all = read_fields_and_records(graphs);
    if (read_all && found_guessed_ != guessed_) read_all = read_again(graphs);
    if (!read_all) return read_all;
    if (auto read = load_hashes(connection_, socket_, patience_, state_); !read) return read;
    if (writer_ == Writer::writes_meanwhile) return {};
    if (auto good = check_tally(connection_, socket_, patience_, state_); !good) return good;
    return look_for_strays(graphs);
  }

  Result<std::vector<JobId>> job_ids() {
    const auto texts = scan({"SSCAN", jobs_key});
    if (!texts) return texts.error();
    std::set<JobId> ids;
    for (const std::string& text : *texts) {
      const auto id = hex_from(text);
      if (!id || *id == 0) return damaged_record({jobs_key, text}, "it is no job's id");
      ids.insert(JobId{*id});
    }
    return std::vector(ids.begin(), ids.end());
  }

  /// A key that belongs to nothing has lost its place: what was written to it is missing elsewhere.
  Result<void> look_for_strays(const std::vector<Graph>& graphs) {
    const auto keys = scan({"SCAN"});
    if (!keys) return keys.error();
    std::set<std::string> known;
    for (const std::string_view key :
         {cluster_key, epoch_key, commit_seq_key, lease_key, jobs_key, queues_key, cache_key, drained_key, tally_key})
      known.emplace(key);
    for (const Graph& graph : graphs) known.insert(graph.key);
    for (const auto& [queue, stored] : state_.queues) known.insert(queue_key(queue));
    for (const std::string& key : *keys)
      if (!known.contains(key)) return damaged_record({key, "(the whole key)"}, "nothing refers to it");
    return {};
  }

  Result<std::vector<std::string>> scan(std::vector<std::string_view> command) {
    std::vector<std::string> found;
    const std::string name(command[0]);
    std::string cursor = "0";
    do {
      std::vector<std::string_view> arguments = command;
      arguments.insert(arguments.end(), {cursor, "COUNT", ids_per_scan});
      ask(arguments);
      const auto reply = next_reply(name);
      if (!reply) return reply.error();
      if (reply->size() != 2 || !(*reply)[0].is_text() || !(*reply)[1].is_array()) return odd_answer(name);
      cursor = (*reply)[0].text();
      for (std::size_t i = 0; i < (*reply)[1].size(); ++i) found.emplace_back((*reply)[1][i].text());
    } while (cursor != "0");
    return found;
  }

  /// Asks for each of `items` in turn, some commands ahead of the replies that are taken.
  template <class T>
  Result<void> for_each(std::vector<T>& items, const std::string& command, const std::function<void(const T&)>& ask_for,
                        const std::function<Result<void>(T&, const RedisReply&)>& take_reply) {
    std::size_t asked = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      for (; asked < items.size() && asked < i + commands_in_flight; ++asked) ask_for(items[asked]);
      const auto reply = next_reply(command + ' ' + key_of(items[i]));
      if (!reply) return reply.error();
      if (auto taken = take_reply(items[i], *reply); !taken) return taken;
    }
    return {};
  }

  /// What has a summary, or is gone, is told apart later.
  Result<void> keep_wanted(std::vector<Graph>& graphs) {
    std::vector<Graph> kept;
    auto read = for_each<Graph>(
        graphs, "HMGET",
        [&](const Graph& graph) {
          ask({"HMGET", graph.key, job_field});
        },
        [&](Graph& graph, const RedisReply& reply) -> Result<void> {
          if (reply.size() != 1) return odd_answer("HMGET " + graph.key);
          if (reply[0].is_nil()) {
            kept.push_back(std::move(graph));
            return {};
          }
          const auto job = record_of<JobInfo>(graph, std::string(job_field), reply[0]);
          if (!job) return job.error();
          if (wanted_(*job)) kept.push_back(std::move(graph));
          return {};
        });
    graphs = std::move(kept);
    return read;
  }

  /// Of a large graph Redis needs longer for the fields' names than for the records, and does nothing else meanwhile.
  /// Its tasks mostly have the numbers from 0 or 1 on: then the last of them tells all, and as many records as there
  /// are fields show that it did: the job's, and of each task its spec, or that and progress.
  Result<void> guess_numbers(std::vector<Graph>& graphs) {
    if (writer_ == Writer::writes_meanwhile) return {};
    std::vector<Guess> guesses;
    auto counted = for_each<Graph>(
        graphs, "HLEN",
        [&](const Graph& graph) {
          ask({"HLEN", graph.key});
        },
        [&](Graph& graph, const RedisReply& reply) -> Result<void> {
          if (const std::size_t fields = reply.number(); fields >= fields_worth_a_guess)
            guesses.push_back({&graph, fields, 0, fields});
          return {};
        });
    while (counted && std::any_of(guesses.begin(), guesses.end(), [](const Guess& each) { return each.is_open(); })) {
      counted = for_each<Guess>(
          guesses, "HMGET",
          [&](const Guess& guess) {
            ask({"HMGET", guess.graph->key, spec_field(guess.middle())});
          },
          [&](Guess& guess, const RedisReply& reply) -> Result<void> {
            if (reply.size() != 1) return odd_answer("HMGET " + guess.graph->key);
            if (guess.is_open()) (reply[0].is_nil() ? guess.beyond : guess.last) = guess.middle();
            return {};
          });
    }
    for (const Guess& guess : guesses) {
      if (1 + 2 * (guess.last + 1) < guess.fields) continue;  // There are others.
      guess.graph->numbers.resize(guess.last + 1);
      std::iota(guess.graph->numbers.begin(), guess.graph->numbers.end(), 0);
      guess.graph->fields = guess.fields;
      guessed_ += guess.fields;
    }
    return counted;
  }

  Result<void> read_fields_and_records(std::vector<Graph>& graphs) {
    std::vector<Graph*> unknown;
    std::size_t tasks = 0;
    for (Graph& graph : graphs)
      if (graph.fields == 0) unknown.push_back(&graph);
    auto read = for_each<Graph*>(
        unknown, "HKEYS",
        [&](Graph* const& graph) {
          ask({"HKEYS", graph->key});
        },
        [&](Graph*& graph, const RedisReply& reply) { return take_fields(*graph, reply); });
    if (!read) return read;
    for (const Graph& graph : graphs) tasks += graph.numbers.size();
    state_.tasks.reserve(tasks);
    return read_records(graphs);
  }

  /// A number was left out, or something is missing: the names of the fields tell which.
  Result<void> read_again(std::vector<Graph>& graphs) {
    for (Graph& graph : graphs) {
      graph.fields = 0;
      graph.numbers.clear();
    }
    state_.jobs.clear();
    state_.tasks.clear();
    state_.summaries.clear();
    return read_fields_and_records(graphs);
  }

  Result<void> take_fields(Graph& graph, const RedisReply& reply) const {
    if (!reply.is_array()) return odd_answer("HKEYS " + graph.key);
    std::vector<std::uint32_t> with_progress;
    bool has_job = false;
    for (std::size_t i = 0; i < reply.size(); ++i) {
      const std::string_view name = reply[i].text();
      const auto field = graph_field_from(name);
      if (!field) {
        return Error{Fault::unsupported,
                     "store record " + to_text(RecordPlace{graph.key, name}) +
                         " is of no kind that this version knows: use the newer troupe that wrote it"};
      }
      has_job = has_job || field->kind == GraphField::Kind::job;
      graph.has_summary = graph.has_summary || field->kind == GraphField::Kind::summary;
      if (field->kind == GraphField::Kind::spec) graph.numbers.push_back(field->number);
      if (field->kind == GraphField::Kind::progress) with_progress.push_back(field->number);
    }
    if (writer_ == Writer::writes_meanwhile && !has_job && !graph.has_summary)
      return {};  // dropped since it was listed
    if (!has_job && !graph.has_summary) return damaged_record({graph.key, job_field}, "it is missing");
    if (graph.has_summary && reply.size() > 1)
      return damaged_record({graph.key, summary_field}, "there is more of the graph beside it");
    std::sort(graph.numbers.begin(), graph.numbers.end());
    std::sort(with_progress.begin(), with_progress.end());
    for (const std::uint32_t number : with_progress) {
      if (std::binary_search(graph.numbers.begin(), graph.numbers.end(), number)) continue;
      return damaged_record({graph.key, spec_field(number)}, "it is missing, though the task has made progress");
    }
    return {};
  }

  /// Of a graph's tasks `last` is there, or is 0; `beyond` is not.
  struct Guess {
    Graph* graph = nullptr;
    std::size_t fields = 0;
    std::size_t last = 0;
    std::size_t beyond = 0;

    bool is_open() const { return beyond - last > 1; }
    std::uint32_t middle() const { return static_cast<std::uint32_t>(last + (beyond - last) / 2); }
  };

  /// What one command asks for: the graph's own record, or some of its tasks.
  struct Part {
    const Graph* graph = nullptr;
    std::size_t first = 0;
    std::size_t count = 0;
  };

  Result<void> read_records(const std::vector<Graph>& graphs) {
    std::vector<Part> parts;
    for (const Graph& graph : graphs) {
      parts.push_back({&graph});
      for (std::size_t first = 0; first < graph.numbers.size(); first += tasks_at_once)
        parts.push_back({&graph, first, std::min(tasks_at_once, graph.numbers.size() - first)});
    }
    return for_each<Part>(
        parts, "HMGET", [&](const Part& part) { ask(part); },
        [&](Part& part, const RedisReply& reply) { return take(part, reply); });
  }

  static const std::string& key_of(const Graph& graph) { return graph.key; }
  static const std::string& key_of(const Graph* graph) { return graph->key; }
  static const std::string& key_of(const Guess& guess) { return guess.graph->key; }
  static const std::string& key_of(const Part& part) { return part.graph->key; }

  void ask(const Part& part) {
    std::vector<std::string> fields;
    if (part.count == 0) fields.emplace_back(part.graph->has_summary ? summary_field : job_field);
    for (std::size_t i = part.first; i < part.first + part.count; ++i) {
      fields.push_back(spec_field(part.graph->numbers[i]));
      fields.push_back(progress_field(part.graph->numbers[i]));
    }
    std::vector<std::string_view> arguments = {"HMGET", part.graph->key};
    arguments.insert(arguments.end(), fields.begin(), fields.end());
    ask(arguments);
  }
  void ask(std::span<const std::string_view> arguments) {
    connection_.append(arguments);
    ++outstanding_;
  }
  void ask(std::initializer_list<std::string_view> arguments) { ask(std::span(arguments.begin(), arguments.size())); }

  Result<void> take(const Part& part, const RedisReply& reply) {
    const Graph& graph = *part.graph;
    if (reply.size() != (part.count == 0 ? 1 : 2 * part.count)) return odd_answer("HMGET " + graph.key);
    if (part.count == 0) return graph.has_summary ? take_summary(graph, reply[0]) : take_job(graph, reply[0]);
    for (std::size_t i = 0; i < part.count; ++i) {
      const std::uint32_t number = graph.numbers[part.first + i];
      if (auto taken = take_task(graph, number, reply[2 * i], reply[2 * i + 1]); !taken) return taken;
    }
    return {};
  }

  /// Whether a writer has taken away what was there a moment ago.
  bool has_gone(const RedisValue& value) const { return writer_ == Writer::writes_meanwhile && value.is_nil(); }

  Result<void> take_job(const Graph& graph, const RedisValue& value) {
    if (has_gone(value)) return {};
    if (graph.fields > 0) ++found_guessed_;
    const std::string field(job_field);
    auto job = record_of<JobInfo>(graph, field, value);
    if (!job) return job.error();
    if (job->id != graph.id) return damaged_record({graph.key, field}, "it names job " + to_text(job->id));
    state_.jobs.push_back(std::move(*job));
    return {};
  }

  Result<void> take_summary(const Graph& graph, const RedisValue& value) {
    if (has_gone(value)) return {};
    const std::string field(summary_field);
    auto summary = record_of<GraphSummary>(graph, field, value);
    if (!summary) return summary.error();
    const JobId id = summary->job.id;
    if (id != graph.id) return damaged_record({graph.key, field}, "it names job " + to_text(id));
    state_.summaries.push_back(std::move(*summary));
    return {};
  }

  Result<void> take_task(const Graph& graph, std::uint32_t number, const RedisValue& spec, const RedisValue& progress) {
    const bool is_guessed = graph.fields > 0;
    if (has_gone(spec) || (is_guessed && spec.is_nil())) return {};
    if (is_guessed) found_guessed_ += progress.is_nil() ? 1 : 2;
    const std::string field = spec_field(number);
    auto read = record_of<TaskSpec>(graph, field, spec);
    if (!read) return read.error();
    const TaskId id = read->id;
    if (id != TaskId{graph.id, number}) return damaged_record({graph.key, field}, "it names task " + to_text(id));
    TaskRecord& record = state_.tasks.emplace_back();
    record.spec = std::move(*read);
    // A task that was accepted and never changed has no progress yet.
    if (progress.is_nil()) return {};
    auto made = record_of<TaskProgress>(graph, progress_field(number), progress);
    if (!made) return made.error();
    record.progress = std::move(*made);
    return {};
  }

  Deadline deadline() const { return std::chrono::steady_clock::now() + patience_; }

  Result<RedisReply> next_reply(const std::string& command) {
    connection_.exchange();
    auto reply = connection_.wait_reply(deadline());
    if (!reply) return reply;
    --outstanding_;
    if (reply->is_error()) return redis_refusal(socket_, command, *reply);
    connection_.exchange();  // Redis looks for the next part while this one is read
    if (between_) between_();
    return reply;
  }
  Error odd_answer(const std::string& command) const {
    return {Fault::corrupt, "Redis at " + socket_ + " answers " + command + " with something else than was asked for"};
  }

  RedisConnection& connection_;
  const std::string& socket_;
  const std::chrono::milliseconds patience_;
  const Writer writer_;
  const Wanted wanted_;
  const std::function<void()> between_;
  StoredState& state_;
  std::size_t outstanding_ = 0;
  std::size_t guessed_ = 0;        // Fields of the graphs whose tasks' numbers are guessed.
  std::size_t found_guessed_ = 0;  // Of these: records, and progress of tasks that are there.
};

/// Of a cluster that is there.
Result<StoreAge> age_of(RedisConnection& connection, const std::string& socket, Deadline deadline) {
  const auto greeting = greet(connection, deadline);
  if (!greeting) return greeting.error();
  const auto age = judge_age(socket, *greeting);
  if (!age) return age.error();
  if (!*age) return Error{Fault::not_found, "Redis at " + socket + " holds no cluster yet"};
  return **age;
}

}  // namespace

Result<void> load_graphs(RedisConnection& connection, const std::string& socket, std::chrono::milliseconds patience,
                         StoredState& state, const std::function<void()>& between) {
  return Loader(connection, socket, patience, Writer::none, {}, between, state).load();
}

Result<StoredState> read_store(const std::string& socket, std::chrono::milliseconds patience) {
  const Deadline deadline = std::chrono::steady_clock::now() + patience;
  auto connection = RedisConnection::connect(socket);
  if (!connection) return connection.error();
  const auto before = age_of(*connection, socket, deadline);
  if (!before) return before.error();
  StoredState state{.cluster = before->cluster, .epoch = before->epoch, .commit_seq = before->commit_seq};
  const auto loaded = load_graphs(*connection, socket, patience, state);
  const auto after = age_of(*connection, socket, deadline);
  if (!after) return loaded ? after.error() : loaded.error();
  if (*after != *before) {
    return Error{Fault::refused, "the store at " + socket + " is being written: ask its scheduler instead"};
  }
  if (!loaded) return loaded.error();
  return state;
}

Result<StoredState> read_live_store(const std::string& socket, const std::function<bool(const JobInfo&)>& wanted,
                                    std::chrono::milliseconds patience) {
  auto connection = RedisConnection::connect(socket);
  if (!connection) return connection.error();
  const auto age = age_of(*connection, socket, std::chrono::steady_clock::now() + patience);
  if (!age) return age.error();
  StoredState state{.cluster = age->cluster, .epoch = age->epoch, .commit_seq = age->commit_seq};
  Loader loader(*connection, socket, patience, Writer::writes_meanwhile, wanted, {}, state);
  if (auto loaded = loader.load(); !loaded) return loaded.error();
  return state;
}

}  // namespace troupe::scheduler
