#include "scheduler/simulation/store_client.h"

#include <memory>
#include <utility>

#include "scheduler/simulation/world.h"

namespace troupe::scheduler::sim {
namespace {

constexpr Time longest_way{2};
constexpr Time longest_back_off{50};

}  // namespace

StoreClient::StoreClient(World& world, std::uint32_t scheduler, Owner owner)
    : world_(world), scheduler_(scheduler), owner_(std::move(owner)), dice_(world.scenario.seed + scheduler, "store") {}

bool StoreClient::reaches_store() const { return world_.store.is_up() && world_.timeline.now() >= cut_until_; }

void StoreClient::cut(Time until) { cut_until_ = std::max(cut_until_, until); }

Time StoreClient::draw_delay() {
  const bool is_slow = world_.timeline.now() < world_.store_slow_until;
  return dice_.between(Time{0},
                       is_slow ? world_.scenario.timing.node_timeout / 2 : world_.scenario.weather.longest_commit);
}

/// What is asked reaches the store even if the process that asked is gone by then; what is answered does not reach it.
template <class There, class Here>
void StoreClient::ask(There there, Here here) {
  const auto way = dice_.between(Time{0}, longest_way);
  world_.timeline.after(way, [this, there, here, life = life_, connection = connection_] {
    const bool arrives = reaches_store() && world_.store.holds(connection);
    const auto is_mine = [this, life, connection] { return life == life_ && connection == connection_; };
    if (!arrives) {
      if (is_mine()) disconnect();
      return;
    }
    const auto answer = there(connection);
    world_.timeline.after(draw_delay(), [this, is_mine, here, answer, connection] {
      if (!is_mine()) return;
      if (!reaches_store() || !world_.store.holds(connection)) return disconnect();
      when_awake([is_mine, here, answer] {
        if (is_mine()) here(answer);
      });
    });
  });
}

/// A process that is stopped reads its answers when it goes on.
template <class What>
void StoreClient::when_awake(What what) {
  if (!is_paused_) return what();
  world_.timeline.after(longest_back_off / 10, [this, what] { when_awake(what); });
}

void StoreClient::open() {
  opening_ = Opening{.steps = opening_steps(world_.scenario.planted),
                     .give_up_at = world_.timeline.now() + world_.scenario.timing.store_patience};
  connect();
}

void StoreClient::close() {
  ++life_;
  connection_ = 0;
  is_paused_ = false;
  opening_.reset();
  writer_.reset();
  batch_.reset();
}

void StoreClient::connect() {
  if (!reaches_store()) return try_again();
  connection_ = world_.store.connect();
  if (opening_) {
    opening_->next = 0;
    return next_step();
  }
  ask(
      [this](auto connection) {
        world_.store.watch(connection);
        return world_.store.age();
      },
      [this](const StoreAge& found) {
        take(writer_->on_connected(found));
        pump();
      });
}

void StoreClient::disconnect() {
  connection_ = 0;
  if (writer_) writer_->on_connection_lost();
  try_again();
}

void StoreClient::try_again() {
  world_.timeline.after(dice_.between(Time{1}, longest_back_off), [this, life = life_] {
    if (life != life_ || connection_ != 0 || (!opening_ && !writer_)) return;
    if (opening_ && world_.timeline.now() >= opening_->give_up_at) return lose("the store is not there");
    connect();
  });
}

void StoreClient::next_step() {
  const Planted planted = world_.scenario.planted;
  if (opening_->next == opening_->steps.size()) {
    StoredState state = std::move(opening_->state);
    const StoreAge age = opening_->age;
    opening_.reset();
    state.cluster = age.cluster;
    state.epoch = age.epoch;
    state.commit_seq = age.commit_seq;
    writer_.emplace("the store", age, planted);
    return owner_.opened(std::move(state));
  }
  switch (opening_->steps[opening_->next++]) {
    case OpeningStep::take_epoch:
      return ask(
          [this, planted](auto) -> std::optional<StoreAge> {
            if (refuse_older("the store", world_.store.age(), {.cluster = world_.cluster}, planted))
              return std::nullopt;
            return world_.store.take_epoch();
          },
          [this](const std::optional<StoreAge>& age) {
            if (!age) return lose("the store is another cluster's");
            opening_->age = *age;
            next_step();
          });
    case OpeningStep::load:
      return ask(
          [this, life = life_](auto) {
            if (life == life_ && opening_) opening_->state = world_.store.contents().loaded();
            return true;
          },
          [this](bool) { next_step(); });
    case OpeningStep::check_epoch:
      return ask(
          [this](auto connection) {
            world_.store.watch(connection);
            return world_.store.age().epoch;
          },
          [this](std::uint32_t epoch) {
            if (epoch != opening_->age.epoch)
              return lose("another scheduler took over while this one opened the store");
            next_step();
          });
  }
}

void StoreClient::commit(Batch batch) {
  // Shared with what is under way to the store: that arrives even when this process does not live to see it.
  batch_ = std::make_shared<const Batch>(std::move(batch));
  writer_->begin();
  world_.timeline.after(world_.scenario.timing.store_patience, [this, commit = ++commits_, life = life_] {
    // One that was stopped reads what has arrived meanwhile before it looks at the time.
    when_awake([this, commit, life] {
      world_.timeline.after(longest_back_off, [this, commit, life] {
        if (life == life_ && commit == commits_ && writer_ && writer_->has_batch()) lose("a commit is not answered");
      });
    });
  });
  pump();
}

void StoreClient::pump() {
  if (writer_ && connection_ != 0 && writer_->may_send()) send_batch();
}

void StoreClient::send_batch() {
  struct Reply {
    bool is_stored = false;
    std::optional<std::uint32_t> epoch;
  };
  const auto questions = writer_->behind_exec();
  const bool renews_watch = questions.front() == FencedWriter::Question::watch_epoch;
  ask(
      [this, batch = batch_, own = writer_->own(), is_whole = writer_->is_whole(), renews_watch](auto connection) {
        StoreModel& store = world_.store;
        Reply reply;
        if (store.will_execute(connection)) world_.witness.commits(own, is_whole ? batch.get() : nullptr, store);
        reply.is_stored = store.execute(connection, is_whole ? batch.get() : nullptr, own.commit_seq + 1);
        if (renews_watch) store.watch(connection);
        reply.epoch = store.age().epoch;
        return reply;
      },
      [this](const Reply& reply) {
        // Two answers, one behind the other: anything may happen between them.
        world_.timeline.after(dice_.between(Time{0}, Time{1}),
                              [this, life = life_, connection = connection_, epoch = reply.epoch] {
                                when_awake([this, life, connection, epoch] {
                                  if (life != life_ || connection != connection_) return;
                                  take(writer_->on_epoch(epoch));
                                  pump();
                                });
                              });
        if (reply.is_stored) {
          take(writer_->on_stored());
        } else {
          writer_->on_nil();
        }
        pump();
      });
  writer_->sent();
}

void StoreClient::take(const std::optional<CommitOutcome>& outcome) {
  if (!outcome) return;
  if (const auto* committed = std::get_if<Committed>(&*outcome)) return owner_.committed(committed->commit_seq);
  if (const auto* fenced = std::get_if<Fenced>(&*outcome))
    return lose("another scheduler took over in epoch " + std::to_string(fenced->epoch));
  lose(std::get<StoreLost>(*outcome).error.message);
}

void StoreClient::lose(const std::string& why) { owner_.lost(why); }

}  // namespace troupe::scheduler::sim
