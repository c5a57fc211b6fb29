#include "runtime/objects/object_store.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "runtime/base/crc32c.h"
#include "runtime/objects/segment.h"
#include "runtime/objects/store_core.h"
#include "runtime/ring/local_socket.h"

namespace troupe {
namespace {

using namespace object_store;
using Clock = std::chrono::steady_clock;

constexpr int most_at_the_door = 64;
constexpr int most_requests_a_turn = 64;             // Of one process.
constexpr std::size_t most_waiting_replies = 65536;  // For one process, that does not fetch them.
constexpr std::size_t disk_step = 8u << 20;
constexpr Time full_pause{100};  // Of the door, when there are no descriptors left.

Error disk_error(const std::string& path, const char* verb) {
  return {Fault::unavailable, std::string("cannot ") + verb + ' ' + path + ": " + std::strerror(errno)};
}

/// Segments in memory and files in the folder.
class MemoryAndDisk final : public Shelf {
 public:
  explicit MemoryAndDisk(std::string folder) : folder_(std::move(folder)) {}

  SegmentNumber keep(Segment segment) {
    segments_.emplace(++last_, std::move(segment));
    return last_;
  }
  const Segment& at(SegmentNumber number) const { return segments_.at(number); }

  void offer(SegmentNumber number) override { at(number).head().state.store(segment_spare); }

  bool take_away_spare(SegmentNumber number) override {
    std::uint32_t expected = segment_spare;
    if (!at(number).head().state.compare_exchange_strong(expected, segment_empty)) return false;
    remove(number);
    return true;
  }

  void remove(SegmentNumber number) override {
    at(number).discard();
    segments_.erase(number);
  }

  Result<void> spill(ObjectId object, SegmentNumber number, std::uint64_t bytes) override {
    if (folder_.empty()) return Error{Fault::unavailable, "there is no folder for objects"};
    const std::string path = path_of(object);
    Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return disk_error(path, "make");
    const int memory = at(number).descriptor();
    std::vector<char> buffer(std::min<std::uint64_t>(bytes, disk_step));
    OnDisk written;
    while (written.bytes < bytes) {
      const auto piece = std::min<std::uint64_t>(buffer.size(), bytes - written.bytes);
      const auto at = static_cast<off_t>(written.bytes);
      const ssize_t read = ::pread(memory, buffer.data(), piece, at);
      const ssize_t size = read > 0 ? ::write(file.number(), buffer.data(), static_cast<std::size_t>(read)) : read;
      if (size <= 0) {
        auto error = disk_error(path, "write");
        ::unlink(path.c_str());
        return error;
      }
      // A short write is followed by one that says why.
      written.take({buffer.data(), static_cast<std::size_t>(size)});
    }
    on_disk_[object] = written;
    return {};
  }

  Result<SegmentNumber> restore(ObjectId object, std::uint64_t capacity) override {
    const std::string path = path_of(object);
    const OnDisk& written = on_disk_.at(object);
    Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return errno == ENOENT ? damaged(path) : disk_error(path, "open");
    auto segment = Segment::make(capacity);
    if (!segment) return segment.error();
    char* const memory = reinterpret_cast<char*>(segment->bytes().data());
    OnDisk found;
    while (found.bytes < written.bytes) {
      const auto piece = std::min<std::uint64_t>(disk_step, written.bytes - found.bytes);
      const ssize_t read = ::pread(file.number(), memory + found.bytes, piece, static_cast<off_t>(found.bytes));
      if (read < 0) return disk_error(path, "read");
      if (read == 0) break;
      found.take({memory + found.bytes, static_cast<std::size_t>(read)});
    }
    if (found != written) return damaged(path);
    segment->head().state.store(segment_in_use);
    return keep(std::move(*segment));
  }

  void remove_from_disk(ObjectId object) override {
    on_disk_.erase(object);
    ::unlink(path_of(object).c_str());
  }

 private:
  /// What lies in a file, so that it is known again.
  struct OnDisk {
    std::uint64_t bytes = 0;
    std::uint32_t checksum = 0;
    void take(std::string_view piece) {
      bytes += piece.size();
      checksum = crc32c(piece, checksum);
    }
    friend bool operator==(const OnDisk&, const OnDisk&) = default;
  };

  static Error damaged(const std::string& path) {
    std::fprintf(stderr, "troupe: objects: %s is not as it was written: the object is lost\n", path.c_str());
    return {Fault::corrupt, path + " is not as it was written"};
  }
  std::string path_of(ObjectId object) const { return folder_ + '/' + to_text(object.high) + to_text(object.low); }

  const std::string folder_;
  SegmentNumber last_ = 0;
  std::map<SegmentNumber, Segment> segments_;
  std::map<ObjectId, OnDisk> on_disk_;
};

/// At most half of the descriptors that this process may have.
std::size_t most_segments() {
  rlimit limit{};
  const bool is_known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0;
  return std::min(Settings().most_segments, is_known ? limit.rlim_cur / 2 : 512);
}

}  // namespace

class ObjectStore::Thread {
 public:
  Thread(const ObjectStoreOptions& options, Descriptor listening, Descriptor stop)
      : socket_(options.socket),
        spill_folder_(options.spill_folder),
        listening_(std::move(listening)),
        stop_(std::move(stop)),
        shelf_(options.spill_folder),
        core_({.limit_bytes = options.limit_bytes, .most_segments = most_segments()}, shelf_),
        thread_([this] { run(); }) {}

  ~Thread() {
    ::eventfd_write(stop_.number(), 1);
    thread_.join();
    ::unlink(socket_.c_str());
    std::error_code ignored;
    if (!spill_folder_.empty()) std::filesystem::remove_all(spill_folder_, ignored);
  }

 private:
  struct Client {
    Descriptor socket;
    std::deque<Reply> waiting;  // What its socket has no room for.
  };

  Time now() const { return std::chrono::duration_cast<Time>(Clock::now() - start_); }

  void run() {
    for (;;) {
      const bool is_open = now() >= closed_until_;
      std::vector<pollfd> polled{{stop_.number(), POLLIN, 0}, {is_open ? listening_.number() : -1, POLLIN, 0}};
      std::vector<ClientNumber> numbers;
      for (const auto& [number, client] : clients_) {
        const short events = client.waiting.empty() ? POLLIN : POLLIN | POLLOUT;
        polled.push_back({client.socket.number(), events, 0});
        numbers.push_back(number);
      }
      const Time next = std::min(core_.next_deadline(), is_open ? Time::max() : closed_until_);
      const auto wait = next == Time::max() ? Time(-1) : std::clamp(next - now(), Time(0), Time(60'000));
      ::poll(polled.data(), polled.size(), static_cast<int>(wait.count()));
      if (polled[0].revents != 0) return;
      if (polled[1].revents != 0) take_guests();
      for (std::size_t i = 0; i < numbers.size(); ++i) {
        const short events = polled[i + 2].revents;
        if ((events & POLLOUT) != 0) send_waiting(numbers[i]);
        if ((events & ~POLLOUT) != 0) serve(numbers[i]);
      }
      if (now() >= core_.next_deadline()) send(core_.tick(now()));
    }
  }

  void take_guests() {
    for (;;) {
      Descriptor guest(::accept4(listening_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!guest) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
          closed_until_ = now() + full_pause;
        return;
      }
      core_.client_came(++last_client_);
      clients_[last_client_].socket = std::move(guest);
    }
  }

  void serve(ClientNumber number) {
    for (int taken = 0; taken < most_requests_a_turn; ++taken) {
      const auto client = clients_.find(number);
      if (client == clients_.end()) return;
      Request request;
      Descriptor handed;
      const auto received = receive_message(client->second.socket, bytes_of_body(request), {&handed, 1});
      if (!received) return end(number);
      if (!*received) return;
      SegmentNumber segment = 0;
      if (**received == 1) {
        auto mapped = Segment::from(std::move(handed), request.capacity, page_bytes, Segment::Access::write);
        if (!mapped) return end(number);
        segment = shelf_.keep(std::move(*mapped));
      }
      auto replies = core_.take(now(), number, request, segment);
      if (!replies) {
        if (segment != 0) shelf_.remove(segment);
        return end(number);
      }
      send(std::move(*replies));
    }
  }

  void end(ClientNumber number) {
    clients_.erase(number);
    send(core_.client_gone(number));
  }

  void send(std::vector<Reply> replies) {
    for (Reply& reply : replies) {
      const auto client = clients_.find(reply.to);
      if (client == clients_.end()) continue;
      client->second.waiting.push_back(reply);
      send_waiting(reply.to);
    }
  }

  void send_waiting(ClientNumber number) {
    Client& client = clients_.at(number);
    for (; !client.waiting.empty(); client.waiting.pop_front()) {
      Reply& reply = client.waiting.front();
      std::optional<Descriptor> descriptor;
      if (reply.segment != 0) {
        auto reading = shelf_.at(reply.segment).open_for_reading();
        // It counts as opened all the same, until this process goes.
        if (reading) descriptor.emplace(std::move(*reading));
        if (!descriptor) reply.answer.outcome = Outcome::lost;
      }
      const int number_of[] = {descriptor ? descriptor->number() : -1};
      if (send_message(client.socket, bytes_of_body(std::as_const(reply.answer)),
                       std::span(number_of, descriptor ? 1 : 0)))
        continue;
      // One that is gone, or does not fetch what it asked for, is seen and ended at its next turn.
      if (client.waiting.size() > most_waiting_replies) ::shutdown(client.socket.number(), SHUT_RDWR);
      return;
    }
  }

  const std::string socket_;
  const std::string spill_folder_;
  const Descriptor listening_;
  const Descriptor stop_;
  const Clock::time_point start_ = Clock::now();
  MemoryAndDisk shelf_;
  StoreCore core_;
  Time closed_until_{};  // The door.
  ClientNumber last_client_ = 0;
  std::map<ClientNumber, Client> clients_;
  std::thread thread_;  // Last: it uses all of the above.
};

ObjectStore::ObjectStore(std::unique_ptr<Thread> thread) : thread_(std::move(thread)) {}
ObjectStore::ObjectStore(ObjectStore&&) noexcept = default;
ObjectStore& ObjectStore::operator=(ObjectStore&&) noexcept = default;
ObjectStore::~ObjectStore() = default;

Result<ObjectStore> ObjectStore::start(const ObjectStoreOptions& options) {
  if (!options.spill_folder.empty()) {
    std::error_code error;
    std::filesystem::remove_all(options.spill_folder, error);
    std::filesystem::create_directories(options.spill_folder, error);
    if (error)
      return Error{Fault::unavailable, "cannot make the folder " + options.spill_folder + ": " + error.message()};
  }
  auto listening = listen_local(options.socket, most_at_the_door);
  if (!listening) return listening.error();
  Descriptor stop(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop) return Error{Fault::unavailable, std::string("cannot make an event: ") + std::strerror(errno)};
  return ObjectStore(std::make_unique<Thread>(options, std::move(*listening), std::move(stop)));
}

}  // namespace troupe
