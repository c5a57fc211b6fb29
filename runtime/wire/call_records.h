// Calls and answers as messages of a ring: numbers as they lie in memory, for both ends are on one machine, then the
// bytes. Decoding is total, and copies before it checks.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "runtime/ring/ring_link.h"
#include "runtime/wire/messages.h"

namespace troupe {

namespace message {
template <class Archive>
void fields(Archive& archive, WhatIsKept& value) {
  archive("what is kept", value.number, value.turns);
}
}  // namespace message

/// What of a call travels by a ring, whose ends know the caller.
struct CallView {
  TaskId actor;
  AttemptId attempt;
  std::uint64_t number = 0;
  std::string_view method;
  std::span<const std::string_view> arguments;
  std::uint32_t open = 0;  ///< message::Call's.
};

void send(RingLink& link, const CallView& call);
void send(RingLink& link, const message::CallAnswer& answer);

/// Nullopt: these are not the bytes of a call.
std::optional<message::Call> decode_call(std::string_view bytes, std::uint64_t caller);
std::optional<message::CallAnswer> decode_answer(std::string_view bytes);

}  // namespace troupe
