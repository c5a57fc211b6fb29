// What a process takes from its object store, whatever that answers: messages of any size and of the bytes, with memory
// or without, some before it asks, and each question has an answer in the end or its store is gone. What it opens lies
// within memory that it was handed.
// Covers: runtime/objects/store_connection.cpp
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <mutex>
#include <thread>

#include "runtime/base/check.h"
#include "runtime/objects/store_connection.h"
#include "runtime/ring/local_socket.h"
#include "runtime/ring/shared_memory.h"
#include "tests/fuzz/small_file.h"
#include "tests/fuzz/tape.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

using namespace object_store;

/// Who asks waits while its thread reads the tape: they take turns.
class FalseStore {
 public:
  FalseStore(std::string_view bytes, Descriptor socket) : tape_(bytes), socket_(std::move(socket)) {
    thread_ = std::thread([this] { serve(); });
  }
  ~FalseStore() {
    leave();
    thread_.join();
  }

  std::uint8_t byte() {
    const std::lock_guard lock(mutex_);
    return tape_.byte();
  }
  bool is_over() {
    const std::lock_guard lock(mutex_);
    return tape_.is_over();
  }
  void leave() { ::shutdown(socket_.number(), SHUT_RDWR); }
  /// To what nobody asked, or with any number.
  void say_something() {
    const std::lock_guard lock(mutex_);
    const auto outcome = static_cast<Outcome>(tape_.byte() % 9);
    say(next_answer(outcome, tape_.byte()));
  }

 private:
  void serve() {
    for (;;) {
      pollfd polled{socket_.number(), POLLIN, 0};
      ::poll(&polled, 1, -1);
      Request request;
      Descriptor handed;
      const auto received = receive_message(socket_, bytes_of_body(request), {&handed, 1});
      if (!received) return leave();
      if (!*received) continue;
      const bool asks = request.verb == Verb::reserve || request.verb == Verb::open || request.verb == Verb::list;
      if (asks) answer(request);
    }
  }

  void answer(const Request& request) {
    constexpr std::array ends{Outcome::opened, Outcome::granted, Outcome::refused, Outcome::lost, Outcome::end};
    const std::lock_guard lock(mutex_);
    const std::uint8_t how = tape_.byte();
    if (how % 16 == 15) return leave();
    if (how % 4 == 3) say(next_answer(Outcome::entry, request.number));
    auto last = next_answer(ends[how % ends.size()], request.number);
    last.held = !tape_.is_over() && how % 4 == 2;  // There is more, until the tape is over.
    say(last);
  }

  Answer next_answer(Outcome outcome, std::uint64_t number) {
    Answer answer{.outcome = outcome, .value_at = tape_.byte(), .number = number, .segment = tape_.byte()};
    answer.capacity = page_bytes * (tape_.byte() % 4);
    const std::uint64_t bytes = tape_.byte();
    answer.bytes = bytes == 255 ? ~std::uint64_t{8} : 32 * bytes;
    answer.object = {1, tape_.byte()};
    return answer;
  }

  /// The next byte: 1: with memory, 2: of another size, 4: not all of it.
  void say(const Answer& answer) {
    const std::uint8_t how = tape_.byte();
    std::optional<SharedMemory> memory;
    if ((how & 1) != 0 && answer.capacity > 0)
      if (auto made = SharedMemory::make(answer.capacity + ((how & 2) != 0 ? page_bytes : 0)))
        memory.emplace(std::move(*made));
    const int handed[] = {memory ? memory->descriptor() : -1};
    const auto whole = bytes_of_body(answer);
    send_message(socket_, (how & 4) != 0 ? whole.first(how % whole.size()) : whole, std::span(handed, memory ? 1 : 0));
  }

  std::mutex mutex_;
  Tape tape_;
  Descriptor socket_;
  std::thread thread_;
};

}  // namespace

void run(std::string_view bytes) {
  const std::string socket = folder_in_memory().file("n.objects");
  const auto door = listen_local(socket, 4);
  TROUPE_CHECK(door, "a socket can be had");
  const auto process = std::make_shared<StoreConnection>(socket);
  FalseStore store(bytes.substr(0, 1000),
                   Descriptor(::accept4(door->number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)));
  std::vector<Payload> seen;
  std::uint64_t answered = 0;
  while (!store.is_over()) {
    const std::uint8_t what = store.byte();
    const ObjectId object{1, store.byte()};
    switch (what % 9) {
      case 0: store.say_something(); break;
      case 1:
      case 2:
        if (auto payload = process->open(object)) {
          const std::string copy(payload->bytes);  // Reads all of it.
          seen.push_back(std::move(*payload));
        }
        break;
      case 3: {
        const std::string body(40 * object.low, 'b');
        const auto whom = object.low % 2 == 0 ? ObjectClient::For::self : ObjectClient::For::other;
        answered += process->put("head", body, whom).has_value();
        break;
      }
      case 4:
        process->hold(object, object.low % 2 == 0);
        process->leave(object);
        process->drop(object);
        process->look_after();
        break;
      case 5: answered += process->list().has_value(); break;
      case 6: answered += process->confirm().has_value(); break;
      case 7: seen.clear(); break;
      case 8:
        if (object.low == 1) store.leave();
        TROUPE_CHECK(process->is_broken() || !process->is_known_broken(), "what is broken stays so");
        break;
    }
  }
  TROUPE_CHECK(answered <= bytes.size(), "each answer is one to a question");
}

std::vector<std::string> seeds() {
  using Bytes = std::vector<int>;
  const auto text = [](const std::vector<Bytes>& pieces) {
    std::string made;
    for (const Bytes& piece : pieces)
      for (const int byte : piece) made += static_cast<char>(byte);
    return made;
  };
  const Bytes put{3, 1}, again{3, 1}, granted{1, 0, 0, 0, 0, 0, 0}, own_spare{0, 0, 4, 0, 0, 1, 0, 0, 0, 0};
  const Bytes open{1, 7}, own{0, 188, 1, 0, 1, 0, 0}, with_memory{0, 188, 0, 1, 2, 0, 1},
      outside{0, 188, 0, 1, 255, 0, 1};
  const Bytes lost{8, 0, 0, 0, 0, 0, 0}, refused{12, 0, 0, 0, 0, 0, 0}, without{0, 0, 0, 0, 1, 0, 0};
  const Bytes of_other_size{0, 188, 0, 1, 2, 0, 3}, gone{0, 0, 5, 0, 0, 1, 0, 0, 0, 0};
  const Bytes list{5, 0}, entry_and_end{19, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0}, more{14, 0, 0, 0, 0, 0, 0};
  const Bytes confirm{6, 0}, end{4, 0, 0, 0, 0, 0, 0}, holds{4, 1, 4, 2}, lets_go{7, 0}, leaves{8, 1}, left{15};
  const std::string puts = text({put, granted, own_spare, again, open, own, lets_go, gone, holds});
  const std::string opens =
      text({open, with_memory, open, lets_go, open, outside, open, lost, open, refused, open, without});
  const std::string lists = text({list, entry_and_end, list, more, end, confirm, end});
  return {puts,
          opens,
          lists,
          text({open, of_other_size, put, refused, put, left, put}),
          text({put, granted, leaves, put}),
          text({{0, 0, 1, 0, 0, 0, 0, 0, 0, 5}, confirm, end})};
}

}  // namespace troupe::fuzz
