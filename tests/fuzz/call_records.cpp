// Calls and answers as they come out of a ring whose other end may write anything. The first byte chooses. What was
// decoded is sent, and arrives as it was.
// Covers: runtime/wire/call_records.cpp
#include "runtime/wire/call_records.h"

#include <cstring>

#include "runtime/base/check.h"
#include "tests/fuzz/small_file.h"
#include "tests/fuzz/target.h"

namespace troupe::fuzz {
namespace {

std::string whole(std::initializer_list<std::uint32_t> words, const std::string& rest) {
  std::string bytes;
  for (const std::uint32_t word : words) bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
  return bytes + rest;
}

template <class T>
T had(Result<T> result) {
  TROUPE_CHECK(result, "memory, sockets and descriptors can be had");
  return std::move(*result);
}

/// Both ends of a link are here.
class Loop {
 public:
  template <class Message>
  std::string_view pass(const Message& message) {
    send(asking_, message);
    auto arrived = listening_.receive();
    for (; !arrived && asking_.kept_bytes() > 0; arrived = listening_.receive()) asking_.flush();
    TROUPE_CHECK(arrived, "what was sent arrives");
    return *arrived;
  }

 private:
  RingLink take() {
    auto taken = door_.take_requests(bell_);
    TROUPE_CHECK(taken.size() == 1 && asking_.take_answer().value(), "who asks is let in");
    return std::move(taken.front());
  }

  const std::string socket_ = folder_in_memory().file("door");
  const Bell bell_ = had(Bell::make());
  RingDoor door_ = had(RingDoor::open(socket_));
  RingLink asking_ = had(RingLink::ask(socket_, 7, bell_));
  RingLink listening_ = take();
};

Loop& loop() {
  static Loop only;
  return only;
}

void send_call(const message::Call& call) {
  const std::vector<std::string_view> arguments(call.arguments.begin(), call.arguments.end());
  const CallView view{call.actor, call.attempt, call.number, call.method, arguments, call.open};
  const auto again = decode_call(loop().pass(view), call.caller);
  TROUPE_CHECK(again && again->actor == call.actor && again->attempt == call.attempt && again->number == call.number,
               "a call arrives");
  TROUPE_CHECK(again->method == call.method && again->arguments == call.arguments && again->open == call.open,
               "with all that is in it");
}

void send_answer(const message::CallAnswer& answer) {
  const auto again = decode_answer(loop().pass(answer));
  TROUPE_CHECK(
      again && again->actor == answer.actor && again->attempt == answer.attempt && again->number == answer.number,
      "an answer arrives");
  TROUPE_CHECK(again->ok == answer.ok && again->value == answer.value && again->error == answer.error &&
                   again->is_gone == answer.is_gone && again->is_cancelled == answer.is_cancelled &&
                   again->exception == answer.exception.substr(0, 4096),
               "with all that is in it");
}

}  // namespace

void run(std::string_view bytes) {
  if (bytes.empty()) return;
  const std::string_view record = bytes.substr(1);
  std::size_t taken = 0;
  if (bytes[0] % 2 == 0) {
    const auto call = decode_call(record, 7);
    if (!call) return;
    TROUPE_CHECK(call->caller == 7, "who calls is known by the ring, not by the record");
    taken = call->method.size();
    for (const Bytes& argument : call->arguments) taken += argument.size() + sizeof(std::uint32_t);
    send_call(*call);
  } else {
    const auto answer = decode_answer(record);
    if (!answer) return;
    TROUPE_CHECK(answer->ok ? answer->error.empty() : answer->value.empty(), "it is an answer or an error");
    taken = answer->value.size() + answer->error.size() + answer->exception.size();
    send_answer(*answer);
  }
  TROUPE_CHECK(taken <= record.size(), "no more is taken than is there");
}

/// As call_records.cpp lays them: job, number, task, epoch, attempt, then bytes of the method, arguments, open and the
/// arguments' sizes, or the outcome.
std::vector<std::string> seeds() {
  const std::string call(1, '\0');
  const std::string answer(1, '\1');
  return {call + whole({7, 0, 1, 0, 3, 1, 1, 3, 2, 5, 4, 0}, "addxxxx"),
          call + whole({7, 0, 1, 0, 3, 1, 1, 2, 0, 0}, "ok"),
          call + whole({7, 0, 1, 0, 3, 1, 1, 1, 9, 0}, std::string(36, '\0') + "m"),
          answer + whole({7, 0, 1, 0, 3, 1, 1, 1}, "the value"),
          answer + whole({7, 0, 1, 0, 3, 1, 1, 0}, "it threw"),
          answer + whole({7, 0, 1, 0, 3, 1, 1, 5u << 16}, "it threw: Stock"),
          answer + whole({7, 0, 1, 0, 3, 1, 1, 2}, "it is gone"),
          answer + whole({7, 0, 1, 0, 3, 1, 1, 3}, "")};
}

}  // namespace troupe::fuzz
