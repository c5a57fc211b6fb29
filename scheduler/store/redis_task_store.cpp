#include "scheduler/store/redis_task_store.h"

#include <poll.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "scheduler/store/record_codec.h"
#include "scheduler/store/redis_greeting.h"
#include "scheduler/store/redis_layout.h"
#include "scheduler/store/redis_load.h"

namespace troupe::scheduler {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_back_off{1};
constexpr milliseconds longest_back_off{50};
// A big batch is appended while it is sent, so this bounds the buffer and not the batch.
constexpr std::size_t unsent_limit = 256 * 1024;
constexpr std::size_t fields_per_hset = 128;
constexpr std::size_t bytes_per_hset = 64 * 1024;

Deadline now() { return std::chrono::steady_clock::now(); }

std::string key_of(const Write& write) {
  if (const auto* job = std::get_if<SaveJob>(&write)) return graph_key(job->job.id);
  if (const auto* task = std::get_if<SaveTask>(&write)) return graph_key(task->spec.id.job);
  if (const auto* progress = std::get_if<SaveProgress>(&write)) return graph_key(progress->task.job);
  return std::string(std::holds_alternative<SaveDrain>(write) ? drained_key : cache_key);
}

/// Takes a field away instead of writing it.
bool removes(const Write& write) {
  const auto* drain = std::get_if<SaveDrain>(&write);
  return std::holds_alternative<DropCached>(write) || (drain != nullptr && !drain->drains);
}

std::string field_of(const Write& write) {
  if (const auto* task = std::get_if<SaveTask>(&write)) return spec_field(task->spec.id.number);
  if (const auto* progress = std::get_if<SaveProgress>(&write)) return progress_field(progress->task.number);
  if (const auto* saved = std::get_if<SaveCached>(&write)) return cache_field(saved->cached.key);
  if (const auto* dropped = std::get_if<DropCached>(&write)) return cache_field(dropped->key);
  if (const auto* drain = std::get_if<SaveDrain>(&write)) return to_text(drain->node);
  return std::string(job_field);
}

std::string record_of(RecordPlace place, const Write& write) {
  if (const auto* job = std::get_if<SaveJob>(&write)) return encode_record(place, job->job);
  if (const auto* task = std::get_if<SaveTask>(&write)) return encode_record(place, task->spec);
  if (const auto* saved = std::get_if<SaveCached>(&write)) return encode_record(place, saved->cached);
  if (const auto* drain = std::get_if<SaveDrain>(&write)) return encode_record(place, drain->node);
  return encode_record(place, std::get<SaveProgress>(write).progress);
}

bool may_pass(Fault fault) {
  return fault == Fault::unavailable || fault == Fault::peer_lost || fault == Fault::timed_out;
}

}  // namespace

// --- opening
// -----------------------------------------------------------------------------------------------------------

Result<StoredState> RedisTaskStore::open(ClusterId cluster_if_new) {
  drop_connection();
  open_ = false;
  flight_.reset();
  outcome_.reset();
  broken_.reset();
  const Deadline deadline = now() + options_.patience;
  milliseconds back_off = first_back_off;
  for (;;) {
    auto state = try_open(cluster_if_new, deadline);
    if (state) {
      open_ = true;
      return state;
    }
    if (!may_pass(state.error().fault)) return state;
    if (now() + back_off >= deadline) {
      return Error{Fault::unavailable, state.error().message + ", tried for " +
                                           std::to_string(options_.patience.count()) + " ms: start it, or see its log"};
    }
    ::poll(nullptr, 0, static_cast<int>(back_off.count()));
    back_off = std::min(2 * back_off, longest_back_off);
  }
}

Result<StoredState> RedisTaskStore::try_open(ClusterId cluster_if_new, Deadline deadline) {
  auto connection = RedisConnection::connect(options_.socket);
  if (!connection) return connection.error();
  const auto age = take_epoch(*connection, cluster_if_new, deadline);
  if (!age) return age.error();

  StoredState state{.cluster = age->cluster, .epoch = age->epoch, .commit_seq = age->commit_seq};
  const auto loaded = load_graphs(*connection, options_.socket, options_.patience, state);
  if (!loaded && may_pass(loaded.error().fault)) return loaded.error();

  // A scheduler that took over meanwhile may have written what was being read.
  connection->append({"WATCH", epoch_key});
  auto watched = connection->ask({"GET", epoch_key}, deadline);
  if (watched) watched = connection->wait_reply(deadline);
  if (!watched) return watched.error();
  const auto epoch = epoch_from(options_.socket, *watched);
  if (!epoch) return epoch.error();
  if (*epoch != age->epoch) {
    return Error{Fault::refused, "another scheduler took over the store at " + options_.socket + " with epoch " +
                                     std::to_string(epoch->value_or(0)) + ": stop one of the two"};
  }
  if (!loaded) return loaded.error();

  seen_ = *age;
  connection_ = std::move(*connection);
  link_ = Link::armed;
  return state;
}

Result<StoreAge> RedisTaskStore::take_epoch(RedisConnection& connection, ClusterId cluster_if_new, Deadline deadline) {
  const auto greeting = greet(connection, deadline);
  if (!greeting) return greeting.error();
  if (auto good = judge_settings(options_.socket, *greeting); !good) return good.error();
  const auto found = judge_age(options_.socket, *greeting);
  if (!found) return found.error();
  const std::string store = "the store in Redis at " + options_.socket;
  const bool is_new = !*found;
  if (is_new && seen_) {
    return Error{Fault::refused, store + " is empty, seen was commit " + std::to_string(seen_->commit_seq) +
                                     " of cluster " + to_text(seen_->cluster) + ": restore its files"};
  }
  StoreAge age = found->value_or(StoreAge{cluster_if_new, 0, 0});
  if (seen_) {
    if (auto refusal = refuse_older(store, age, *seen_)) return *refusal;
  }
  TROUPE_CHECK(age.epoch < std::numeric_limits<std::uint32_t>::max(), "epochs do not run out");
  ++age.epoch;

  connection.append({"MULTI"});
  std::size_t queued = 4;  // with MULTI's own OK
  if (is_new) {
    connection.append({"SET", cluster_key, to_text(age.cluster)});
    connection.append({"SET", commit_seq_key, "0"});
    queued += 2;
  }
  connection.append({"SET", epoch_key, std::to_string(age.epoch)});
  // The scheduler before this one may have committed until now, so only this answer counts.
  connection.append({"GET", commit_seq_key});
  connection.append({"EXEC"});
  connection.exchange();
  std::optional<RedisReply> exec;
  std::string refusal;
  for (std::size_t i = 0; i < queued; ++i) {
    auto reply = connection.wait_reply(deadline);
    if (!reply) return reply.error();
    if (reply->is_error() && refusal.empty()) refusal = reply->text();
    exec = std::move(*reply);
  }
  if (!refusal.empty()) return Error{Fault::refused, store + " refuses to take an epoch: " + refusal};
  if (exec->is_nil()) return Error{Fault::unavailable, store + " is being opened by another scheduler, too"};
  const auto commit_seq = commit_seq_from(options_.socket, (*exec)[exec->size() - 1]);
  if (!commit_seq) return commit_seq.error();
  age.commit_seq = commit_seq->value_or(0);
  return age;
}

// --- committing
// --------------------------------------------------------------------------------------------------------

void RedisTaskStore::commit(Batch batch) {
  TROUPE_CHECK(open_, "a store is opened before it commits");
  TROUPE_CHECK(!flight_ && !outcome_, "one commit at a time");
  if (broken_) {
    outcome_ = broken_;
    return;
  }
  flight_.emplace(
      Flight{.batch = std::move(batch), .commit_seq = seen_->commit_seq + 1, .deadline = now() + options_.patience});
  advance();
}

std::optional<CommitOutcome> RedisTaskStore::poll() {
  if (open_ && !outcome_) advance();
  return std::exchange(outcome_, std::nullopt);
}

void RedisTaskStore::advance() {
  bool moved = true;
  while (moved && !broken_) {
    moved = false;
    if (!connection_) {
      if (now() < retry_at_) break;
      connect();
      if (!connection_) break;
    }
    connection_->exchange();
    while (connection_ && !broken_) {
      auto reply = connection_->next_reply();
      if (!reply) break;
      on_reply(std::move(*reply));
      moved = true;
    }
    if (broken_ || !connection_) break;
    if (connection_->lost()) {
      last_trouble_ = connection_->lost()->message;
      drop_connection();
      moved = true;
    } else if (link_ == Link::armed && flight_) {
      begin_batch();
      moved = true;
    } else if (link_ == Link::executing && !flight_->sent_exec && connection_->unsent_bytes() < unsent_limit) {
      append_writes();
      moved = true;
    }
  }
  check_deadline();
}

void RedisTaskStore::connect() {
  auto connection = RedisConnection::connect(options_.socket);
  if (!connection) {
    last_trouble_ = connection.error().message;
    drop_connection();
    return;
  }
  connection_ = std::move(*connection);
  link_ = Link::greeting;
  append_greeting(*connection_);
  awaited_.assign(greeting_replies, Await::greeting);
}

void RedisTaskStore::drop_connection() {
  connection_.reset();
  link_ = Link::away;
  awaited_.clear();
  greeting_.clear();
  back_off_ = std::clamp(2 * back_off_, first_back_off, longest_back_off);
  retry_at_ = now() + back_off_;
}

void RedisTaskStore::append_watch() {
  connection_->append({"WATCH", epoch_key});
  connection_->append({"GET", epoch_key});
  awaited_.insert(awaited_.end(), {Await::watch, Await::epoch});
}

void RedisTaskStore::begin_batch() {
  connection_->append({"MULTI"});
  awaited_.push_back(Await::queued);
  link_ = Link::executing;
  flight_->sent_exec = false;
  append_writes();
}

void RedisTaskStore::append_writes() {
  const Batch& batch = flight_->batch;
  const std::size_t before = connection_->unsent_bytes();
  while (flight_->next_write < batch.size()) {
    const Write& first = batch[flight_->next_write];
    const std::string key = key_of(first);
    if (removes(first)) {
      connection_->append({"HDEL", key, field_of(first)});
      awaited_.push_back(Await::queued);
      ++flight_->next_write;
      continue;
    }
    std::vector<std::string> pairs;  // field, record, field, record …
    std::size_t bytes = 0;
    std::optional<JobId> listed;
    for (; flight_->next_write < batch.size() && pairs.size() < 2 * fields_per_hset && bytes < bytes_per_hset;
         ++flight_->next_write) {
      const Write& write = batch[flight_->next_write];
      if (removes(write) || key_of(write) != key) break;
      if (const auto* job = std::get_if<SaveJob>(&write)) listed = job->job.id;
      std::string field = field_of(write);
      std::string record = record_of({key, field}, write);
      bytes += record.size();
      pairs.push_back(std::move(field));
      pairs.push_back(std::move(record));
    }
    std::vector<std::string_view> arguments = {"HSET", key};
    arguments.insert(arguments.end(), pairs.begin(), pairs.end());
    connection_->append(arguments);
    awaited_.push_back(Await::queued);
    if (listed) {
      connection_->append({"SADD", jobs_key, to_text(*listed)});
      awaited_.push_back(Await::queued);
    }
    if (connection_->unsent_bytes() >= unsent_limit) break;
  }
  if (flight_->next_write == batch.size()) {
    connection_->append({"SET", commit_seq_key, std::to_string(flight_->commit_seq)});
    connection_->append({"EXEC"});
    awaited_.insert(awaited_.end(), {Await::queued, Await::exec});
    flight_->sent_exec = true;
    append_watch();
  }
  flight_->deadline += milliseconds((connection_->unsent_bytes() - before) * 1'000 >> 20);
}

// --- answers
// -----------------------------------------------------------------------------------------------------------

void RedisTaskStore::on_reply(RedisReply reply) {
  if (awaited_.empty()) return lose({Fault::corrupt, "Redis at " + options_.socket + " answers what nobody asked"});
  const Await await = awaited_.front();
  awaited_.pop_front();
  switch (await) {
    case Await::greeting:
      greeting_.push_back(std::move(reply));
      if (awaited_.empty()) on_greeting();
      return;
    case Await::queued:
      if (reply.is_error() && !flight_->refusal) flight_->refusal = std::string(reply.text());
      return;
    case Await::exec: return on_exec(reply);
    case Await::watch:
      if (reply.is_error()) lose(redis_refusal(options_.socket, "WATCH", reply));
      return;
    case Await::epoch: return on_epoch(reply);
  }
}

// Settles what became of a batch whose EXEC was not answered, too.
void RedisTaskStore::on_greeting() {
  const auto greeting = std::exchange(greeting_, {});
  const auto settings = judge_settings(options_.socket, greeting);
  const auto found = judge_age(options_.socket, greeting);
  if (!settings || !found) {
    Error error = settings ? found.error() : settings.error();
    if (error.fault != Fault::unavailable) return lose(std::move(error));
    last_trouble_ = std::move(error.message);
    return drop_connection();
  }
  const std::string store = "the store in Redis at " + options_.socket;
  const StoreAge age = found->value_or(StoreAge{seen_->cluster, 0, 0});
  if (age.cluster == seen_->cluster && age.epoch > seen_->epoch) return end(Fenced{age.epoch});
  if (auto refusal = refuse_older(store, age, *seen_)) return lose(std::move(*refusal));
  if (age.commit_seq > (flight_ ? flight_->commit_seq : seen_->commit_seq)) {
    return lose({Fault::refused, store + " has commit " + std::to_string(age.commit_seq) +
                                     " under our epoch, expected " + std::to_string(seen_->commit_seq) +
                                     ": somebody else writes to it, stop that"});
  }
  if (flight_) {
    // If the batch is there, only commit_seq is written once more: that is what makes Redis sync the batch to its
    // disk, when it was loaded from a file that had been written and not yet synced.
    flight_->next_write = age.commit_seq == flight_->commit_seq ? flight_->batch.size() : 0;
    flight_->refusal.reset();
  }
  link_ = Link::armed;
  back_off_ = milliseconds(0);
}

void RedisTaskStore::on_exec(const RedisReply& reply) {
  link_ = Link::watching;
  if (reply.is_nil()) {
    // The epoch was touched. The GET behind this EXEC tells whether it moved; if not, the batch goes out again.
    flight_->next_write = 0;
    return;
  }
  const std::string refuses = "Redis at " + options_.socket + " refuses commit " + std::to_string(flight_->commit_seq);
  if (reply.is_error()) {
    return lose({Fault::refused,
                 refuses + ", nothing of it is stored: " + flight_->refusal.value_or(std::string(reply.text()))});
  }
  for (std::size_t i = 0; i < reply.size(); ++i) {
    if (!reply[i].is_error()) continue;
    return lose({Fault::corrupt, refuses + " in part: " + std::string(reply[i].text()) +
                                     ": the store was changed by somebody else; restore its folder from a copy"});
  }
  seen_->commit_seq = flight_->commit_seq;
  end(Committed{flight_->commit_seq});
}

void RedisTaskStore::on_epoch(const RedisReply& reply) {
  const auto epoch = epoch_from(options_.socket, reply);
  if (!epoch) return lose(epoch.error());
  if (*epoch == seen_->epoch) {
    link_ = Link::armed;
  } else if (*epoch > seen_->epoch) {
    end(Fenced{**epoch});
  } else {
    const StoreAge found{seen_->cluster, epoch->value_or(0), 0};
    lose(*refuse_older("the store in Redis at " + options_.socket, found, *seen_));
  }
}

void RedisTaskStore::end(CommitOutcome outcome) {
  if (!std::holds_alternative<Committed>(outcome)) {
    broken_ = outcome;
    drop_connection();
  }
  if (flight_) outcome_ = std::move(outcome);
  flight_.reset();
}

void RedisTaskStore::check_deadline() {
  if (!flight_ || now() < flight_->deadline) return;
  lose({Fault::timed_out, "commit " + std::to_string(flight_->commit_seq) +
                              " is not answered, it may be stored or not: " +
                              (connection_ ? "Redis at " + options_.socket + " is silent" : last_trouble_) +
                              "; see its log, then start the scheduler again"});
}

}  // namespace troupe::scheduler
