#include "runtime/ring/ring_link.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "runtime/ring/local_socket.h"

namespace troupe {
namespace {

constexpr std::size_t ring_bytes = ring_head_bytes + (128u << 10);
constexpr std::size_t link_bytes = 2 * ring_bytes;
constexpr std::uint32_t version = 2;
constexpr std::size_t most_parts = 16;                        // Of a message that is written without a copy.
constexpr std::size_t most_message_bytes = (64u << 20) + 64;  // A frame, and what is around it.
constexpr std::string_view last_mark{"\0", 1};                // Begins the last record of a message.
constexpr std::string_view more_mark{"\1", 1};
constexpr int most_asking = 64;  // At the door at once.
constexpr std::chrono::milliseconds full_pause{100};

struct Request {
  std::uint32_t version = 0;
  std::uint32_t unused = 0;
  std::uint64_t caller = 0;
};
struct Answer {
  std::uint32_t version = 0;
};

/// Of exactly so many descriptors. Nullopt: nothing has arrived yet.
template <std::size_t count, class Body>
Result<std::optional<std::array<Descriptor, count>>> receive_with(const Descriptor& socket, Body& body) {
  std::array<Descriptor, count> descriptors;
  const auto found = receive_message(socket, bytes_of_body(body), descriptors);
  if (!found) return found.error();
  if (!*found) return std::optional<std::array<Descriptor, count>>();
  if (**found != count) return Error{Fault::corrupt, "the other end of a link hands over too little"};
  return std::optional(std::move(descriptors));
}

std::span<std::byte> ring_of(const SharedMemory& memory, std::size_t which) {
  return memory.bytes().subspan(which * ring_bytes, ring_bytes);
}

}  // namespace

RingLink::RingLink(Side side, std::uint64_t caller, SharedMemory memory, Descriptor socket)
    : caller_(caller),
      memory_(std::move(memory)),
      out_(ring_of(memory_, side == Side::asks ? 0 : 1)),
      in_(ring_of(memory_, side == Side::asks ? 1 : 0)),
      socket_(std::move(socket)) {}

Result<RingLink> RingLink::ask(const std::string& socket, std::uint64_t caller, const Bell& own) {
  auto memory = SharedMemory::make(link_bytes);
  if (!memory) return memory.error();
  auto connected = connect_local(socket);
  if (!connected) return connected.error();
  const Request request{version, 0, caller};
  const std::array handed{memory->descriptor(), own.memory_descriptor(), own.cord_descriptor()};
  if (!send_message(*connected, bytes_of_body(request), handed)) return local_error(socket, "ask at");
  memory->close_descriptor();
  return RingLink(Side::asks, caller, std::move(*memory), std::move(*connected));
}

Result<bool> RingLink::take_answer() {
  Answer answer;
  auto received = receive_with<2>(socket_, answer);
  if (!received) return received.error();
  if (!*received) return false;
  if (answer.version != version)
    return Error{Fault::corrupt, "the other end of a link speaks another version of rings"};
  auto& descriptors = **received;
  auto bell = Bell::from(std::move(descriptors[0]), std::move(descriptors[1]));
  if (!bell) return bell.error();
  other_.emplace(std::move(*bell));
  ring();  // What was sent meanwhile may not have been seen.
  return true;
}

bool RingLink::write_record(std::span<const std::string_view> parts, bool is_last) {
  std::array<std::string_view, most_parts + 1> with_mark;
  with_mark[0] = is_last ? last_mark : more_mark;
  std::copy(parts.begin(), parts.end(), with_mark.begin() + 1);
  return out_.write(std::span(with_mark).first(parts.size() + 1));
}

void RingLink::send(std::span<const std::string_view> parts) {
  if (is_broken()) return;
  std::size_t bytes = 0;
  for (const auto part : parts) bytes += part.size();
  const bool is_short = bytes < out_.most_record() && parts.size() <= most_parts;
  if (kept_.empty() && is_short && write_record(parts, true)) return ring();
  Kept kept;
  kept.message.reserve(bytes);
  for (const auto part : parts) kept.message += part;
  kept_bytes_ += bytes + last_mark.size();
  kept_.push_back(std::move(kept));
  flush();
}

bool RingLink::flush() {
  const std::size_t before = kept_bytes_;
  const bool all = write_kept();
  if (kept_bytes_ != before) ring();
  return all;
}

bool RingLink::write_kept() {
  while (!kept_.empty()) {
    Kept& kept = kept_.front();
    const std::string_view rest = std::string_view(kept.message).substr(kept.sent);
    const std::string_view part = rest.substr(0, out_.most_record() - last_mark.size());
    if (!write_record({&part, 1}, part.size() == rest.size())) {
      if (!is_broken() && out_.ask_for_room()) continue;
      return false;
    }
    kept.sent += part.size();
    kept_bytes_ -= part.size();
    if (part.size() < rest.size()) continue;
    kept_.pop_front();
    kept_bytes_ -= last_mark.size();
  }
  return true;
}

std::optional<std::string_view> RingLink::receive() {
  if (std::exchange(told_one_, false)) {
    in_.pop();
    assembled_.clear();
  }
  while (!is_broken()) {
    const auto record = in_.front();
    if (!record) break;
    is_broken_ = record->empty() || assembled_.size() + record->size() > most_message_bytes;
    if (is_broken_) return std::nullopt;
    const bool is_last = record->front() == last_mark.front();
    const std::string_view part = record->substr(1);
    if (is_last && assembled_.empty()) {
      told_one_ = true;
      return part;
    }
    assembled_ += part;
    if (is_last) {
      told_one_ = true;
      return assembled_;
    }
    in_.pop();
    give_room();
  }
  return std::nullopt;
}

void RingLink::give_up() {
  is_broken_ = true;
  kept_.clear();
  kept_bytes_ = 0;
  ::shutdown(socket_.number(), SHUT_RDWR);
}

void RingLink::give_room() {
  if (in_.owes_room()) ring();
}

std::string ring_socket_of(const std::string& address) {
  constexpr std::string_view scheme = "ipc://";
  return address.starts_with(scheme) ? address.substr(scheme.size()) + ".ring" : std::string();
}

Result<RingDoor> RingDoor::open(const std::string& socket) {
  auto listening = listen_local(socket, most_asking);
  if (!listening) return listening.error();
  return RingDoor(std::move(*listening));
}

std::vector<RingLink> RingDoor::take_requests(const Bell& own, Clock::time_point now) {
  while (now >= closed_until_) {
    Descriptor guest(::accept4(listening_.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!guest) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) closed_until_ = now + full_pause;
      break;
    }
    asking_.push_back(std::move(guest));
  }
  std::vector<RingLink> links;
  std::vector<Descriptor> still_asking;
  for (Descriptor& guest : asking_) {
    Request request;
    auto received = receive_with<3>(guest, request);
    if (!received || (*received && request.version != version)) continue;
    if (!*received) {
      still_asking.push_back(std::move(guest));
      continue;
    }
    auto& descriptors = **received;
    auto memory = SharedMemory::from(std::move(descriptors[0]), link_bytes);
    auto bell = Bell::from(std::move(descriptors[1]), std::move(descriptors[2]));
    if (!memory || !bell) continue;
    // What a guest said before it left is heard all the same.
    const Answer answer{version};
    const std::array handed{own.memory_descriptor(), own.cord_descriptor()};
    if (!send_message(guest, bytes_of_body(answer), handed) && errno != EPIPE) continue;
    links.push_back(RingLink(RingLink::Side::listens, request.caller, std::move(*memory), std::move(guest)));
    links.back().other_.emplace(std::move(*bell));
  }
  while (still_asking.size() > std::size_t{most_asking})
    still_asking.erase(still_asking.begin());  // It has had time to ask.
  asking_ = std::move(still_asking);
  return links;
}

std::vector<int> RingDoor::descriptors(Clock::time_point now) const {
  std::vector<int> all;
  if (now >= closed_until_) all.push_back(listening_.number());
  for (const Descriptor& guest : asking_) all.push_back(guest.number());
  return all;
}

}  // namespace troupe
