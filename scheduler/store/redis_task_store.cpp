#include "scheduler/store/redis_task_store.h"

#include <poll.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "scheduler/store/record_codec.h"
#include "scheduler/store/redis_greeting.h"
#include "scheduler/store/redis_layout.h"
#include "scheduler/store/redis_load.h"
#include "scheduler/store/redis_writes.h"

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

bool may_pass(Fault fault) {
  return fault == Fault::unavailable || fault == Fault::peer_lost || fault == Fault::timed_out;
}

}  // namespace

// --- opening

Result<void> RedisTaskStore::stand_by(const std::function<bool()>& until_stopped) {
  is_overtaken_ = false;
  auto text = wait_for_lease(options_.socket, *options_.lease, until_stopped, options_.on_progress);
  if (!text) return text.error();
  free_lease_ = std::move(*text);
  return {};
}

Result<StoredState> RedisTaskStore::open(ClusterId cluster_if_new) {
  drop_connection();
  keeper_.reset();
  if (writer_) seen_ = writer_->own();
  writer_.reset();
  flight_.reset();
  outcome_.reset();
  broken_.reset();
  Deadline deadline = now() + options_.patience;
  milliseconds back_off = first_back_off;
  for (;;) {
    redis_loads_ = false;
    auto state = try_open(cluster_if_new, deadline);
    if (state) return state;
    if (!may_pass(state.error().fault) || is_overtaken_) return state;
    if (redis_loads_) {
      deadline = now() + options_.patience;
      options_.on_progress();
    }
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
  StoreAge age;
  StoredState state;
  std::optional<Error> damage;
  std::unique_ptr<LeaseKeeper> keeper;
  for (const auto step : opening_steps()) {
    std::optional<Error> failure;
    switch (step) {
      case OpeningStep::take_epoch: {
        const auto taken = take_epoch(*connection, cluster_if_new, deadline);
        taken ? void(age = *taken) : void(failure = taken.error());
        if (taken && options_.lease) keeper = std::make_unique<LeaseKeeper>(options_.socket, *options_.lease, age);
        break;
      }
      case OpeningStep::load: {
        const auto loaded = load_graphs(*connection, options_.socket, options_.patience, state, options_.on_progress);
        if (!loaded) (may_pass(loaded.error().fault) ? failure : damage) = loaded.error();
        break;
      }
      case OpeningStep::check_epoch:  // loading may have taken long
        failure = check_epoch(*connection, age, now() + options_.patience);
        break;
    }
    if (failure) return std::move(*failure);
  }
  if (damage) return std::move(*damage);
  state.cluster = age.cluster;
  state.epoch = age.epoch;
  state.commit_seq = age.commit_seq;
  tally_ = Tally(state);
  stored_tally_ = tally_.text();
  writer_.emplace("the store in Redis at " + options_.socket, age);
  keeper_ = std::move(keeper);
  connection_ = std::move(*connection);
  link_ = Link::up;
  return state;
}

/// A scheduler that took over meanwhile may have written what was being read: then damage means nothing.
std::optional<Error> RedisTaskStore::check_epoch(RedisConnection& connection, const StoreAge& own, Deadline deadline) {
  connection.append({"WATCH", epoch_key});
  auto watched = connection.ask({"GET", epoch_key}, deadline);
  if (watched) watched = connection.wait_reply(deadline);
  if (!watched) return watched.error();
  const auto epoch = epoch_from(options_.socket, *watched);
  if (!epoch) return epoch.error();
  if (*epoch == own.epoch) return std::nullopt;
  const std::string what = "another scheduler took over the store at " + options_.socket + " with epoch " +
                           std::to_string(epoch->value_or(0));
  if (!options_.lease) return Error{Fault::refused, what + ": stop one of the two"};
  is_overtaken_ = true;
  return Error{Fault::unavailable, what + " while this one read it"};
}

Result<StoreAge> RedisTaskStore::take_epoch(RedisConnection& connection, ClusterId cluster_if_new, Deadline deadline) {
  // Before the store is asked: a scheduler that is active still may let the agents see more meanwhile.
  if (options_.seen) {
    const StoreAge told = options_.seen();
    if (!seen_ || std::tie(told.epoch, told.commit_seq) > std::tie(seen_->epoch, seen_->commit_seq)) seen_ = told;
  }
  const auto greeting = greet(connection, deadline);
  if (!greeting) return greeting.error();
  redis_loads_ = is_loading(*greeting);
  if (auto good = judge_settings(options_.socket, *greeting); !good) return good.error();
  const auto found = judge_age(options_.socket, *greeting);
  if (!found) return found.error();
  const std::string store = "the store in Redis at " + options_.socket;
  const bool is_new = !*found;
  if (is_new && seen_ && seen_->epoch > 0) {
    return Error{Fault::refused, store + " is empty, seen was commit " + std::to_string(seen_->commit_seq) +
                                     " of cluster " + to_text(seen_->cluster) + ": restore its files"};
  }
  StoreAge age = found->value_or(StoreAge{cluster_if_new, 0, 0});
  if (seen_) {
    if (auto refusal = refuse_older(store, age, *seen_)) return *refusal;
  }
  if (options_.lease) {
    connection.append({"WATCH", lease_key});
    auto lease = connection.ask({"GET", lease_key}, deadline);
    if (lease) lease = connection.wait_reply(deadline);
    if (!lease) return lease.error();
    const std::string_view text = lease->text();
    is_overtaken_ = !text.empty() && text != free_lease_ && !is_held_by(options_.lease->holder, text);
    if (is_overtaken_)
      return Error{Fault::unavailable, store + " has another scheduler: its lease is '" + std::string(text) + "'"};
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
  if (options_.lease) {
    connection.append({"SET", lease_key, lease_text(*options_.lease, age.epoch, age.commit_seq)});
    ++queued;
  }
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

void RedisTaskStore::commit(Batch batch) {
  TROUPE_CHECK(writer_, "a store is opened before it commits");
  TROUPE_CHECK(!flight_ && !outcome_, "one commit at a time");
  if (broken_) {
    outcome_ = broken_;
    return;
  }
  if (keeper_) keeper_->gets_on();
  flight_.emplace(Flight{.batch = std::move(batch), .deadline = now() + options_.patience});
  writer_->begin();
  advance();
}

std::optional<CommitOutcome> RedisTaskStore::poll() {
  if (writer_ && !outcome_) advance();
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
    } else if (link_ == Link::up && writer_->may_send()) {
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
  if (writer_) writer_->on_connection_lost();
  connection_.reset();
  link_ = Link::away;
  awaited_.clear();
  greeting_.clear();
  back_off_ = std::clamp(2 * back_off_, first_back_off, longest_back_off);
  retry_at_ = now() + back_off_;
}

void RedisTaskStore::append_questions() {
  for (const auto question : writer_->behind_exec()) {
    const bool is_watch = question == FencedWriter::Question::watch_epoch;
    connection_->append({is_watch ? "WATCH" : "GET", epoch_key});
    awaited_.push_back(is_watch ? Await::watch : Await::epoch);
  }
}

void RedisTaskStore::begin_batch() {
  connection_->append({"MULTI"});
  awaited_.push_back(Await::queued);
  link_ = Link::executing;
  writer_->sent();
  flight_->next_write = writer_->is_whole() ? 0 : flight_->batch.size();
  flight_->sent_exec = false;
  append_writes();
}

void RedisTaskStore::append_writes() {
  const Batch& batch = flight_->batch;
  if (keeper_) keeper_->gets_on();
  const std::size_t before = connection_->unsent_bytes();
  while (flight_->next_write < batch.size()) {
    const Write& first = batch[flight_->next_write];
    if (is_end_of_job(first) || removes(first)) {
      is_end_of_job(first) ? append_end_of_job(first) : append_removal(first);
      ++flight_->next_write;
      continue;
    }
    const std::string key = key_of(first);
    std::vector<std::string> pairs;  // field, record, field, record …
    std::size_t bytes = 0;
    std::optional<JobId> lists_job;
    for (; flight_->next_write < batch.size() && pairs.size() < 2 * fields_per_hset && bytes < bytes_per_hset;
         ++flight_->next_write) {
      const Write& write = batch[flight_->next_write];
      if (!are_of_one_hash(write, first) || is_end_of_job(write) || removes(write)) break;
      if (const auto* job = std::get_if<SaveJob>(&write)) lists_job = job->job.id;
      std::string field = field_of(write);
      std::string record = record_of({key, field}, write);
      bytes += record.size();
      if (!job_of(write)) tally_.add(key, field);
      pairs.push_back(std::move(field));
      pairs.push_back(std::move(record));
    }
    std::vector<std::string_view> arguments = {write_command, key};
    arguments.insert(arguments.end(), pairs.begin(), pairs.end());
    connection_->append(arguments);
    awaited_.push_back(Await::queued);
    if (lists_job) {
      connection_->append({"SADD", jobs_key, to_text(*lists_job)});
      awaited_.push_back(Await::queued);
    }
    if (connection_->unsent_bytes() >= unsent_limit) break;
  }
  if (flight_->next_write == batch.size()) {
    append_lease();
    append_tally();
    connection_->append({"SET", commit_seq_key, std::to_string(writer_->next_commit_seq())});
    connection_->append({"EXEC"});
    awaited_.insert(awaited_.end(), {Await::queued, Await::exec});
    flight_->sent_exec = true;
    append_questions();
  }
  flight_->deadline += milliseconds((connection_->unsent_bytes() - before) * 1'000 >> 20);
}

void RedisTaskStore::append_end_of_job(const Write& write) {
  const JobId job = job_of(write);
  const std::string key = graph_key(job);
  connection_->append({"UNLINK", key});
  if (const auto* summary = std::get_if<SaveSummary>(&write)) {
    connection_->append({write_command, key, summary_field, encode_record({key, summary_field}, summary->summary)});
  } else {
    connection_->append({"SREM", jobs_key, to_text(job)});
  }
  awaited_.insert(awaited_.end(), {Await::queued, Await::queued});
}

void RedisTaskStore::append_lease() {
  if (!options_.lease || now() < renew_lease_at_) return;
  connection_->append(
      {"SET", lease_key, lease_text(*options_.lease, writer_->own().epoch, writer_->next_commit_seq())});
  awaited_.push_back(Await::queued);
  flight_->renews_lease = true;
  renew_lease_at_ = now() + options_.lease->length / 4;
}

void RedisTaskStore::append_removal(const Write& write) {
  const std::string key = key_of(write);
  const std::string field = field_of(write);
  connection_->append({"HDEL", key, field});
  awaited_.push_back(Await::queued);
  tally_.remove(key, field);
  if (!std::holds_alternative<SaveQueue>(write)) return;
  connection_->append({"UNLINK", queue_key(field)});
  awaited_.push_back(Await::queued);
  tally_.remove_all(queue_key(field));
}

void RedisTaskStore::append_tally() {
  const std::string text = tally_.text();
  if (text == stored_tally_) return;
  connection_->append({"SET", tally_key, text});
  awaited_.push_back(Await::queued);
}

// --- answers

void RedisTaskStore::on_reply(RedisReply reply) {
  if (keeper_) keeper_->gets_on();
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
  link_ = Link::up;
  back_off_ = milliseconds(0);
  if (flight_) flight_->refusal.reset();
  if (auto outcome = writer_->on_connected(found->value_or(StoreAge{writer_->own().cluster, 0, 0})))
    end(std::move(*outcome));
}

void RedisTaskStore::on_exec(const RedisReply& reply) {
  link_ = Link::up;
  if (reply.is_nil()) return writer_->on_nil();
  const std::string refuses =
      "Redis at " + options_.socket + " refuses commit " + std::to_string(writer_->next_commit_seq());
  if (reply.is_error()) {
    return lose({Fault::refused,
                 refuses + ", nothing of it is stored: " + flight_->refusal.value_or(std::string(reply.text()))});
  }
  for (std::size_t i = 0; i < reply.size(); ++i) {
    if (!reply[i].is_error()) continue;
    return lose({Fault::corrupt, refuses + " in part: " + std::string(reply[i].text()) +
                                     ": the store was changed by somebody else; restore its folder from a copy"});
  }
  end(writer_->on_stored());
}

void RedisTaskStore::on_epoch(const RedisReply& reply) {
  const auto epoch = epoch_from(options_.socket, reply);
  if (!epoch) return lose(epoch.error());
  if (auto outcome = writer_->on_epoch(*epoch)) end(std::move(*outcome));
}

void RedisTaskStore::end(CommitOutcome outcome) {
  if (std::holds_alternative<Committed>(outcome)) {
    stored_tally_ = tally_.text();
    if (flight_->renews_lease) keeper_->renewed();
  } else {
    broken_ = outcome;
    keeper_.reset();
    drop_connection();
  }
  if (flight_) outcome_ = std::move(outcome);
  flight_.reset();
}

void RedisTaskStore::check_deadline() {
  if (!flight_ || now() < flight_->deadline) return;
  lose({Fault::timed_out, "commit " + std::to_string(writer_->next_commit_seq()) +
                              " is not answered, it may be stored or not: " +
                              (connection_ ? "Redis at " + options_.socket + " is silent" : last_trouble_) +
                              "; see its log, then start the scheduler again"});
}

}  // namespace troupe::scheduler
