// A driver's connection against a scheduler that is played by hand.
#include <atomic>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "runtime/api/session_core.h"
#include "runtime/objects/stored_object.h"
#include "runtime/wire/call_records.h"
#include "runtime/wire/memory_transport.h"
#include "runtime/wire/message_codec.h"
#include "tests/support/stoppable_transport.h"

using namespace troupe;
using namespace std::chrono_literals;

namespace {

using Numbers = std::vector<std::uint32_t>;

class Played {
 public:
  explicit Played(std::chrono::milliseconds patience = 60s, std::chrono::milliseconds lost_after = 600s)
      : transport_(network_.make_transport()) {
    REQUIRE(transport_->listen("scheduler"));
    session_ = std::make_shared<SessionCore>(
        SessionOptions{.scheduler_address = "scheduler",
                       .active_scheduler = [this] { return std::to_string(link_); },
                       .cluster = cluster_,
                       .program = "p",
                       .name = "driver",
                       .heartbeat = 10ms,
                       .lost_after = lost_after,
                       .submit_patience = patience},
        std::make_unique<test::StoppableTransport>(network_.make_transport(), is_stopped_));
    auto started = std::async(std::launch::async, [this] { return session_->start(20s).has_value(); });
    while (started.wait_for(0s) != std::future_status::ready) hear();
    REQUIRE(started.get());
  }

  SessionCore& session() { return *session_; }
  /// The driver, for so long.
  void stops_for(std::chrono::milliseconds time) {
    is_stopped_ = true;
    std::this_thread::sleep_for(time);  // What it is to miss is time itself.
    is_stopped_ = false;
  }
  ObjectPtr submits() { return session_->submit({}, {"t", "f", {}}); }

  /// What comes next.
  message::Submit submit() {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (submits_.empty() && std::chrono::steady_clock::now() < deadline) hear();
    REQUIRE_FALSE(submits_.empty());
    auto submit = std::move(submits_.front());
    submits_.erase(submits_.begin());
    return submit;
  }
  /// The same, of which only the tasks matter, and which is answered so.
  Numbers submit(const std::string& refusal) {
    const auto next = submit();
    answer(next.request, refusal);
    return numbers_of(next);
  }
  static Numbers numbers_of(const message::Submit& submit) {
    Numbers numbers;
    for (const auto& spec : submit.tasks) numbers.push_back(spec.id.number);
    return numbers;
  }
  /// The driver's thread has looked at everything since, and submitted nothing.
  bool stays_silent() {
    for (const auto begin = beats_; beats_ < begin + 2;) hear();
    return submits_.empty();
  }
  void send(const message::Message& message) {
    transport_->send(driver_, encode(Envelope{cluster_, epoch_, 1}, message));
  }
  void answer(std::uint64_t request, const std::string& refusal) { send(message::Answer{request, refusal}); }
  void ends(std::uint32_t number, const Bytes& result = "x", NodeId node = {1}) {
    send(message::TaskEnded{
        .task = {session_->job(), number}, .result = result, .attempts = {{.id = {1, 1}, .node = node}}});
  }

  /// For the cluster's state, and for what is locked: the questions, once both are there.
  std::pair<message::AskStatus, message::AskSync> is_asked() {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while ((!asked_ || !asked_sync_) && std::chrono::steady_clock::now() < deadline) hear();
    REQUIRE(asked_);
    REQUIRE(asked_sync_);
    return {*std::exchange(asked_, {}), *std::exchange(asked_sync_, {})};
  }

  /// Another scheduler answers from now on.
  void takes_over() { ++epoch_; }
  /// It is reached anew.
  void moves() { ++link_; }

  /// An actor that is up at the address.
  std::shared_ptr<ActorLine> actor_at(const std::string& address, const ActorOptions& options = {}) {
    auto actor = session_->spawn(options, nullptr, {{"a", "A", {}}}).front();
    submit("");
    send(message::ActorUp{actor->task, {1, 1}, address});
    return actor;
  }
  std::unique_ptr<Transport> another_end() { return network_.make_transport(); }

  /// Why there is no value, once that is known; empty: there is one.
  std::optional<Failure> fate(const ObjectPtr& object) {
    REQUIRE(session_->wait(std::vector{object}, 1, std::chrono::steady_clock::now() + 20s));
    return session_->first_failure(std::vector{object});
  }

 private:
  void hear() {
    for (const auto& delivery : transport_->receive(std::chrono::steady_clock::now() + 5ms)) {
      driver_ = delivery.from;
      auto letters = decode(delivery.frame);
      REQUIRE(letters);
      for (auto& message : letters->messages) {
        if (std::holds_alternative<message::DriverHello>(message)) {
          ++beats_;
          send(message::DriverWelcome{1});
        }
        if (auto* submit = std::get_if<message::Submit>(&message)) submits_.push_back(std::move(*submit));
        if (const auto* asked = std::get_if<message::AskStatus>(&message)) asked_ = *asked;
        if (const auto* asked = std::get_if<message::AskSync>(&message)) asked_sync_ = *asked;
      }
    }
  }

  const ClusterId cluster_{1, 2};
  MemoryNetwork network_;
  std::unique_ptr<Transport> transport_;
  std::atomic<int> link_ = 1;
  std::atomic<bool> is_stopped_ = false;
  std::shared_ptr<SessionCore> session_;
  PeerId driver_;
  std::uint32_t epoch_ = 1;
  int beats_ = 0;
  std::vector<message::Submit> submits_;
  std::optional<message::AskStatus> asked_;
  std::optional<message::AskSync> asked_sync_;
};

}  // namespace

TEST_CASE("tasks that are submitted before the last submit is answered leave together, in their order", "[session]") {
  Played played;
  const auto first = played.submits();
  const auto alone = played.submit();
  CHECK(Played::numbers_of(alone) == Numbers{1});
  const std::vector rest{played.submits(), played.submits(), played.submits()};
  CHECK(played.stays_silent());
  played.answer(alone.request, "");
  const auto together = played.submit();
  CHECK(Played::numbers_of(together) == Numbers{2, 3, 4});
  CHECK(together.request > alone.request);
  played.answer(together.request, "");
  for (std::uint32_t number = 1; number <= 4; ++number) played.ends(number);
  CHECK_FALSE(played.fate(first));
  for (const auto& each : rest) CHECK_FALSE(played.fate(each));
}

TEST_CASE("of tasks that were submitted together only those are refused that are refused alone", "[session]") {
  Played played;
  const auto first = played.submits();
  const auto alone = played.submit();
  const auto fits = played.submits();
  const auto too_large = played.submits();
  const auto last = played.submits();
  played.answer(alone.request, "");
  CHECK(played.submit("no node is large enough") == Numbers{2, 3, 4});
  const auto later = played.submits();
  CHECK(played.submit("") == Numbers{2});
  CHECK(played.submit("no node is large enough") == Numbers{3});
  CHECK(played.submit("") == Numbers{4});
  CHECK(played.submit("") == Numbers{5});
  for (const std::uint32_t number : {1u, 2u, 4u, 5u}) played.ends(number);
  for (const auto& each : {first, fits, last, later}) CHECK_FALSE(played.fate(each));
  const auto refused = played.fate(too_large);
  REQUIRE(refused);
  CHECK(refused->fault == Fault::refused);
  CHECK(refused->cause == "no node is large enough");
}

TEST_CASE("a gang leaves by itself, between what came before it and after", "[session]") {
  Played played;
  const auto first = played.submits();
  const auto alone = played.submit();
  const std::vector before{played.submits(), played.submits()};
  const GangOptions pair{.size = 2};
  const auto gang = played.session().spawn({}, &pair, {{"a", "A", {}}, {"a", "A", {}}});
  const std::vector after{played.submits(), played.submits()};
  played.answer(alone.request, "");
  CHECK(played.submit("") == Numbers{2, 3});
  CHECK(played.submit("no node is large enough") == Numbers{4, 5});
  CHECK(played.submit("") == Numbers{6, 7});
}

TEST_CASE("what is cancelled before the refusal of those that it left with is not submitted again", "[session]") {
  Played played;
  const auto first = played.submits();
  const auto alone = played.submit();
  const auto cancelled = played.submits();
  const auto other = played.submits();
  played.answer(alone.request, "");
  const auto together = played.submit();
  REQUIRE(Played::numbers_of(together) == Numbers{2, 3});
  played.session().cancel({played.session().job(), 2});
  played.answer(together.request, "no node is large enough");
  CHECK(played.submit("") == Numbers{3});
  const auto failure = played.fate(cancelled);
  REQUIRE(failure);
  CHECK(failure->fault == Fault::cancelled);
  played.ends(3);
  CHECK_FALSE(played.fate(other));
}

TEST_CASE("a task that is cancelled before it could leave never leaves", "[session]") {
  Played played;
  const auto first = played.submits();
  const auto alone = played.submit();
  const auto cancelled = played.submits();
  const auto other = played.submits();
  played.session().cancel({played.session().job(), 2});
  CHECK(played.fate(cancelled)->fault == Fault::cancelled);
  played.answer(alone.request, "");
  CHECK(played.submit("") == Numbers{3});
}

TEST_CASE("who only looks, again and again, sees a result when it has come", "[session]") {
  Played played;
  const auto object = played.submits();
  played.submit("");
  const auto is_there = [&] { return played.session().wait(std::vector{object}, 1, std::chrono::steady_clock::now()); };
  // By now nobody else talks, if looking were talking.
  for (const auto end = std::chrono::steady_clock::now() + 20ms; std::chrono::steady_clock::now() < end;) is_there();
  played.ends(1);
  const auto end = std::chrono::steady_clock::now() + 20s;
  while (!is_there() && std::chrono::steady_clock::now() < end) {
  }
  CHECK(is_there());
}

TEST_CASE("a task that is given again says by which scheduler its driver knows what it is made of", "[session]") {
  Played played;
  const auto first = played.submits();
  played.submit("");
  const auto second = played.session().submit({}, {"t", "f", {first}});
  played.submit("");
  played.takes_over();
  const auto both = played.submit();
  REQUIRE(both.tasks.size() == 2);
  CHECK((both.tasks[1].inputs.size() == 1 && both.tasks[1].inputs_epoch == 0));
  played.answer(both.request, "");
  played.ends(1);
  CHECK_FALSE(played.fate(first));
  played.takes_over();
  const auto one = played.submit();
  REQUIRE(Played::numbers_of(one) == Numbers{2});
  CHECK((one.tasks[0].inputs.empty() && one.tasks[0].inputs_epoch == 2));
}

TEST_CASE("what a new scheduler said over the old link may be lost: over a new one all is submitted again",
          "[session]") {
  Played played;
  const auto task = played.submits();
  played.submit("");
  played.takes_over();
  CHECK(played.submit("") == Numbers{1});
  played.moves();  // The end of the task is lost.
  CHECK(played.submit("") == Numbers{1});
  played.ends(1);
  CHECK_FALSE(played.fate(task));
}

TEST_CASE("a task is given with the node where most bytes of its arguments lie", "[session]") {
  Played played;
  std::vector<RawArgument> results;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    const auto result = played.submits();
    played.submit("");
    const Bytes value =
        number == 4 ? "small" : to_bytes(StoredObject{.id = {1, number}, .bytes = number == 1 ? 500u : 300u});
    played.ends(static_cast<std::uint32_t>(number), value, NodeId{number == 1 ? 1u : 2u});
    CHECK_FALSE(played.fate(result));
    results.emplace_back(result);
  }
  const auto all = played.session().submit({}, {"t", "f", results});
  CHECK(played.submit().tasks[0].near == NodeId{2});
}

TEST_CASE("a member of a gang needs what its stage does", "[session]") {
  Played played;
  GangOptions mesh{
      .size = 4, .policy = GangPolicy::mesh, .each = {}, .stages = {{{.cpus = 1000}, 7}, {{.cpus = 3000}}}};
  const RawWork work{"a", "A", {}};
  const auto gang = played.session().spawn({}, &mesh, {work, work, work, work});
  const auto tasks = played.submit().tasks;
  REQUIRE(tasks.size() == 4);
  CHECK(tasks[2].needs.cpus == 1000);
  CHECK(tasks[3].needs.cpus == 3000);
  const GangHint third{.gang = 1, .size = 4, .rank = 2, .policy = GangPolicy::mesh, .bytes_to_next = 7, .stages = 2};
  CHECK(*tasks[2].gang == third);
  mesh.size = 3;
  CHECK(flaw_of(mesh) == "a mesh of 3 members is no whole number of pipelines of 2 stages");
  mesh.policy = GangPolicy::model;
  CHECK(flaw_of(mesh) == "a chain of 3 members has 2 stages: one each");
  mesh.policy = GangPolicy::data;
  const auto refused = played.session().spawn({}, &mesh, {work, work, work});
  CHECK(refused.front()->end.cause == "a gang of equal replicas has no stages: its policy is model or mesh");
}

TEST_CASE("a submit without an answer is made again under its number", "[session]") {
  Played played(20ms);
  const auto task = played.submits();
  const auto once = played.submit();
  const auto again = played.submit();
  CHECK(again.request == once.request);
  CHECK(Played::numbers_of(again) == Numbers{1});
}

TEST_CASE("a scheduler that is started anew is given the graphs that were taken, and none that was refused",
          "[session]") {
  Played played;
  const auto hand_in = [&](const std::string& name, const std::string& refusal) {
    TaskGraph graph(name);
    graph.add(Task<int()>{"f"});
    auto taken = std::async(std::launch::async, [&played, graph] { return played.session().submit_graph(graph, 20s); });
    played.answer(played.submit().request, refusal);
    return taken.get();
  };
  const auto kept = hand_in("kept", "");
  REQUIRE(kept);
  const auto refused = hand_in("refused", "no node has 8 gpus");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == Fault::refused);
  // Nor one that nobody waits for any more.
  auto unwatched = std::async(std::launch::async, [&] {
    return played.session().submit_job({.id = JobId{77}, .name = "unwatched", .durable = true}, {}, 20s).has_value();
  });
  played.answer(played.submit().request, "");
  REQUIRE(unwatched.get());
  played.takes_over();
  CHECK(played.submit().job.name == "kept");
  CHECK(played.stays_silent());
}

TEST_CASE("what is not answered is asked again of a scheduler that is started anew, as it was asked", "[session]") {
  Played played;
  auto status = std::async(std::launch::async, [&] { return played.session().ask_status(20s, true).has_value(); });
  auto sync = std::async(std::launch::async, [&] { return played.session().ask_sync(20s).has_value(); });
  played.is_asked();
  played.takes_over();
  const auto [asked, asked_sync] = played.is_asked();
  CHECK(asked.with_queue);
  played.send(message::ClusterStatus{.request = asked.request});
  played.send(message::SyncStatus{.request = asked_sync.request});
  CHECK(status.get());
  CHECK(sync.get());
}

namespace {

/// A worker's end of the links for calls.
class PlayedWorker {
 public:
  PlayedWorker() : door_(std::move(*RingDoor::open(ring_socket_of(address_)))) {}
  ~PlayedWorker() { std::filesystem::remove(ring_socket_of(address_)); }

  const std::string& address() const { return address_; }

  void takes_a_link() {
    link_.reset();
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!link_ && std::chrono::steady_clock::now() < deadline)
      for (auto& link : door_.take_requests(bell_)) link_.emplace(std::move(link));
    REQUIRE(link_);
  }
  std::uint64_t next_number() {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < deadline)
      if (const auto bytes = link_->receive()) return decode_call(*bytes, 1).value().number;
    return 0;
  }
  void answers(const ActorLine& actor, std::uint64_t number, const Bytes& value = "x") {
    send(*link_, message::CallAnswer{actor.task, number, true, value, {}, actor.attempt});
  }
  void breaks_its_link() { link_->give_up(); }
  void breaks_what_it_is_asked_for() {
    for (auto& link : door_.take_requests(bell_)) link.give_up();
  }

 private:
  const std::string address_ =
      "ipc://" + (std::filesystem::temp_directory_path() / ("troupe-" + to_text(random_id()))).string();
  Bell bell_ = std::move(*Bell::make());
  RingDoor door_;
  std::optional<RingLink> link_;
};

}  // namespace

TEST_CASE("what went over a link that broke fails while the actor lives, and the next call takes another",
          "[session]") {
  Played played;
  PlayedWorker worker;
  const auto actor = played.actor_at(worker.address());
  const auto answered = played.session().call(actor, {}, "m", {});
  const auto lost = played.session().call(actor, {}, "m", {});
  worker.takes_a_link();
  CHECK(worker.next_number() == 1);
  CHECK(worker.next_number() == 2);
  worker.answers(*actor, 1);
  worker.breaks_its_link();
  worker.takes_a_link();
  CHECK_FALSE(played.fate(answered));
  const auto why = played.fate(lost);
  REQUIRE(why);
  CHECK(why->fault == Fault::peer_lost);
  CHECK(why->cause == "not known to have been applied: the link to its worker broke");
  const std::vector next{played.session().call(actor, {}, "m", {}), played.session().call(actor, {}, "m", {})};
  for (const std::uint64_t number : {1u, 2u}) {
    CHECK(worker.next_number() == number);
    worker.answers(*actor, number);
  }
  for (const auto& each : next) CHECK_FALSE(played.fate(each));
}

TEST_CASE("a caller that its actor no longer remembers goes on without what was under way", "[session]") {
  Played played;
  PlayedWorker worker;
  const auto actor = played.actor_at(worker.address(), {.restart = RestartMode::logged});
  const auto answered = played.session().call(actor, {}, "m", {});
  worker.takes_a_link();
  CHECK(worker.next_number() == 0);
  worker.answers(*actor, 0, encode(message::WhatIsKept{0, 7}));
  CHECK(worker.next_number() == 1);
  worker.answers(*actor, 1);
  CHECK_FALSE(played.fate(answered));
  const auto lost = played.session().call(actor, {}, "m", {});
  CHECK(worker.next_number() == 2);
  worker.breaks_its_link();
  worker.takes_a_link();
  CHECK(worker.next_number() == 0);
  worker.answers(*actor, 0, encode(message::WhatIsKept{message::not_remembered, 9000}));
  const auto why = played.fate(lost);
  REQUIRE(why);
  CHECK(why->fault == Fault::peer_lost);
  CHECK_THAT(why->cause, Catch::StartsWith("it is not known whether it was applied"));
  const auto next = played.session().call(actor, {}, "m", {});
  CHECK(worker.next_number() == 3);
  worker.answers(*actor, 3);
  CHECK_FALSE(played.fate(next));
}

TEST_CASE("calls go in frames where one link after the other breaks", "[session]") {
  Played played;
  PlayedWorker worker;
  const auto frames = played.another_end();
  REQUIRE(frames->listen(worker.address()));
  const auto actor = played.actor_at(worker.address());
  std::vector<ObjectPtr> calls;
  std::vector<Delivery> arrived;
  std::jthread breaking([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) worker.breaks_what_it_is_asked_for();
  });
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (arrived.empty() && std::chrono::steady_clock::now() < deadline) {
    calls.push_back(played.session().call(actor, {}, "m", {}));
    arrived = frames->receive(std::chrono::steady_clock::now() + 5ms);
  }
  REQUIRE(!arrived.empty());
  auto letters = decode(arrived.front().frame);
  REQUIRE(letters);
  CHECK(std::get<message::Call>(letters->messages.front()).number == 1);
}

TEST_CASE("a driver that was stopped does not take its scheduler for silent", "[session]") {
  Played played(60s, 1s);
  played.stops_for(1500ms);
  const auto task = played.submits();
  CHECK(played.submit("") == Numbers{1});
  played.ends(1);
  CHECK_FALSE(played.fate(task));
}
