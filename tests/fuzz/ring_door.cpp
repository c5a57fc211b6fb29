// Who asks for a link, and who answers, as the bytes say: messages of any size with any descriptors, rings that
// somebody scribbles over, ends that leave half-way. Nobody but they are harmed: what they handed over is closed, and
// the door still takes who asks rightly. Covers: runtime/ring/ring_link.cpp runtime/ring/local_socket.cpp
// runtime/ring/bell.cpp runtime/ring/shared_memory.cpp
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

#include "runtime/base/check.h"
#include "runtime/ring/local_socket.h"
#include "runtime/ring/ring_link.h"
#include "tests/fuzz/small_file.h"
#include "tests/fuzz/tape.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

constexpr std::size_t ring_bytes = ring_head_bytes + (128u << 10);
constexpr std::size_t most_handed = 6;  // More than a message of ours has room for.
constexpr std::size_t most_guests = 4;
constexpr std::size_t most_kept = 1u << 20;
constexpr std::uint64_t honest = 77;

struct Request {
  std::uint32_t version = 2;
  std::uint32_t unused = 0;
  std::uint64_t caller = 1;
};

template <class T>
T had(Result<T> result) {
  TROUPE_CHECK(result, "memory, sockets and descriptors can be had");
  return std::move(*result);
}

int open_descriptors() {
  int open = 0;
  for (int number = 0; number < 256; ++number) open += ::fcntl(number, F_GETFD) >= 0 ? 1 : 0;
  return open;
}

/// As any process may, of our own protocol or not.
void say(const Descriptor& socket, std::string_view bytes, const std::vector<int>& handed) {
  iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * most_handed)> control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!handed.empty()) {
    const std::size_t size = sizeof(int) * handed.size();
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(head), handed.data(), size);
  }
  [[maybe_unused]] const auto sent = ::sendmsg(socket.number(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

class Scene {
 public:
  explicit Scene(std::string_view bytes) : tape_(bytes) {}

  void play() {
    while (!tape_.is_over()) step(tape_.byte());
    serve_honest();
  }

 private:
  /// Somebody at the door, or behind a door of his own.
  struct Guest {
    Descriptor socket;
    std::optional<SharedMemory> rings;  // That it handed over.
  };

  void step(std::uint8_t what) {
    switch (what % 8) {
      case 0:
        if (guests_.size() == most_guests) break;
        if (auto socket = connect_local(socket_)) guests_.push_back({std::move(*socket), {}});
        break;
      case 1:
        if (Guest* const guest = chosen()) say_something(*guest, sizeof(Request));
        break;
      case 2:
        for (RingLink& link : door_.take_requests(own_)) links_.push_back(std::move(link));
        break;
      case 3:
        if (chosen() != nullptr) guests_.pop_back();
        break;
      case 4: scribble(); break;
      case 5: write_record(); break;
      case 6: use_links(tape_.byte()); break;
      case 7: ask_at_false_door(); break;
    }
  }

  Guest* chosen() { return guests_.empty() ? nullptr : &guests_.back(); }

  /// Its size, what it says, and what is handed over with it.
  void say_something(Guest& guest, std::size_t right_size) {
    const std::uint8_t size = tape_.byte();
    const Request request{.version = tape_.byte()};
    std::string message(reinterpret_cast<const char*>(&request), sizeof request);
    message.resize(size == 255 ? right_size : size % 40);
    std::vector<int> handed(tape_.byte() % (most_handed + 1));
    std::vector<Descriptor> made;
    for (int& each : handed) each = descriptor(tape_.byte(), guest, made);
    say(guest.socket, message, handed);
  }

  int descriptor(std::uint8_t kind, Guest& guest, std::vector<Descriptor>& made) {
    const auto memory = [&](std::size_t bytes, int seals) {
      made.emplace_back(::memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING));
      const int number = made.back().number();
      TROUPE_CHECK(::ftruncate(number, static_cast<off_t>(bytes)) == 0, "memory has a size");
      if (seals != 0) ::fcntl(number, F_ADD_SEALS, seals);
      return number;
    };
    switch (kind % 8) {
      case 0: guest.rings.emplace(had(SharedMemory::make(2 * ring_bytes))); return guest.rings->descriptor();
      case 1: return own_.memory_descriptor();
      case 2: return own_.cord_descriptor();
      case 3: return memory(256u * tape_.byte(), F_SEAL_SHRINK | F_SEAL_GROW);
      case 4: return memory(2 * ring_bytes, F_SEAL_SHRINK);
      case 5: return memory(2 * ring_bytes, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
      case 6: made.emplace_back(::eventfd(0, EFD_CLOEXEC)); break;
      case 7: made.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC)); break;
    }
    return made.back().number();
  }

  void scribble() {
    const std::size_t at = tape_.pair();
    const auto value = static_cast<std::byte>(tape_.byte());
    Guest* const guest = chosen();
    if (guest == nullptr || !guest->rings) return;
    // Heads first: they are what decides.
    const std::size_t place = at < 256 ? at + (at < 128 ? 0 : ring_bytes - 128) : 8 * at;
    guest->rings->bytes()[place % (2 * ring_bytes)] = value;
  }

  /// Of the bytes, or a long one.
  void write_record() {
    const std::uint8_t size = tape_.byte();
    std::string record(tape_.take(size % 64));
    Guest* const guest = chosen();
    if (guest == nullptr || !guest->rings) return;
    RingWriter writer(guest->rings->bytes().first(ring_bytes));
    if (size >= 128) record.resize(writer.most_record(), 'x');
    const std::string_view whole = record;
    writer.write({&whole, 1});
  }

  void use_links(std::uint8_t how) {
    const std::string text(how % 4 == 3 ? 300'000 : how, 'm');
    std::vector<std::string_view> parts(how % 2 == 0 ? 1 : 20, std::string_view(text).substr(0, how));
    parts.back() = text;
    for (RingLink& link : links_) {
      own_.fall_asleep();
      while (const auto message = link.receive()) heard_bytes_ += std::string(*message).size();  // Reads all of it.
      link.give_room();
      if (link.kept_bytes() < most_kept) link.send(parts);
      link.flush();
      if (how == 255) link.give_up();
      if (link.is_broken()) TROUPE_CHECK(!link.receive() && !link.has_more() && !link.can_flush(), "nothing comes");
    }
    own_.clear();
    TROUPE_CHECK(door_.descriptors().size() >= 1, "somebody may always come");
  }

  /// Who answers there is the next guest.
  void ask_at_false_door() {
    TROUPE_CHECK(!RingLink::ask(nowhere_, honest, own_), "nobody is there");
    const Descriptor door = had(listen_local(false_socket_, 4));
    auto link = had(RingLink::ask(false_socket_, honest, own_));
    Guest guest{Descriptor(::accept4(door.number(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)), {}};
    link.send(std::array{std::string_view("said at once")});
    TROUPE_CHECK(!link.take_answer().value(), "nobody has answered yet");
    for (int answers = tape_.byte() % 3; answers >= 0; --answers) say_something(guest, sizeof(std::uint32_t));
    if (tape_.byte() % 2 == 0) guest.socket = {};
    const auto answer = link.take_answer();
    TROUPE_CHECK(link.is_taken() == (answer && *answer), "a link is taken when it says so");
    if (link.is_taken()) links_.push_back(std::move(link));
  }

  void serve_honest() {
    const Bell bell = had(Bell::make());
    door_.take_requests(own_);  // There is room before the door.
    auto asked = had(RingLink::ask(socket_, honest, bell));
    std::optional<RingLink> taken;
    for (RingLink& link : door_.take_requests(own_))
      if (link.caller() == honest) taken.emplace(std::move(link));
    TROUPE_CHECK(taken && asked.take_answer().value(), "who asks rightly is let in");
    const std::string text(100'000, 't');
    asked.send(std::array{std::string_view(text)});
    auto arrived = taken->receive();
    for (; !arrived && asked.kept_bytes() > 0; arrived = taken->receive()) asked.flush();
    TROUPE_CHECK(arrived && *arrived == text, "and is heard");
  }

  Tape tape_;
  const std::string socket_ = folder_in_memory().file("door");
  const std::string false_socket_ = folder_in_memory().file("false");
  const std::string nowhere_ = folder_in_memory().file("nowhere");
  Bell own_ = had(Bell::make());
  RingDoor door_ = had(RingDoor::open(socket_));
  std::vector<Guest> guests_;
  std::vector<RingLink> links_;
  std::size_t heard_bytes_ = 0;
};

}  // namespace

void run(std::string_view bytes) {
  TROUPE_CHECK(!folder_in_memory().path().empty(), "there is a place for sockets");
  const int before = open_descriptors();
  Scene(bytes.substr(0, 4096)).play();
  TROUPE_CHECK(open_descriptors() == before, "what was handed over is closed");
}

std::vector<std::string> seeds() {
  const std::string ask("\0\1\xff\2\3\0\1\2\2", 9);  // Comes, asks as it should, and is taken.
  const std::string writes = std::string("\5\5\0text", 7) + '\5' + '\x80' + '\6' + '\2' + '\6' + '\7' + '\6' + '\xff';
  const std::string scribbles("\4\0\0\xff\4\x80\0\x10\6\1\6\2", 12);
  const std::string false_door("\7\0\xff\2\2\1\2\1\6\2\7\0\xff\1\2\1\2\1\7\0\xff\2\1\1\1\7\0\xff\2\2\1\2\0\6\3", 35);
  std::string odd;
  for (char kind = 0; kind < 8; ++kind)
    odd += std::string{'\0', '\1', '\xff', '\2', '\3', kind, '\1', '\2', '\2', '\3'};
  const std::string empty("\0\1\0\2\4\1\2\1\2\2\3", 11);
  return {ask + writes,
          ask + scribbles + writes,
          ask + '\3' + '\6' + '\3',
          false_door,
          odd,
          empty,
          std::string("\0\1\xff\3\3\0\1\2\2\0\1\7\2\0\2\0\2\3\2", 19)};
}

}  // namespace troupe::fuzz
