#include "runtime/wire/outbox.h"

#include <cstdio>
#include <utility>

namespace troupe {
namespace {

// A receiver reads a frame whole: it should get to act on the first messages soon.
constexpr std::size_t full_frame_bytes = 64u << 10;

}  // namespace

void Outbox::post(PeerId to, const Envelope& envelope, const message::Message& message) {
  ++messages_;
  const auto [last, is_first] = last_.try_emplace(to.value, frames_.size());
  if (!is_first) {
    Open& open = frames_[last->second];
    if (open.envelope == envelope && open.frame.size() < full_frame_bytes) return open.frame.add(message);
    last->second = frames_.size();
  }
  frames_.push_back({to, envelope, FrameWriter(envelope)});
  frames_.back().frame.add(message);
}

std::vector<Outbox::Outgoing> Outbox::take() {
  std::vector<Outgoing> taken;
  taken.reserve(frames_.size());
  for (auto& open : frames_) {
    Bytes frame = open.frame.take();
    if (frame.size() > most_frame_bytes) {
      std::fprintf(stderr, "troupe: a frame of %zu bytes is not sent: at most %zu can be\n", frame.size(),
                   most_frame_bytes);
      continue;
    }
    taken.push_back({open.to, std::move(frame)});
  }
  messages_ = 0;
  frames_.clear();
  last_.clear();
  return taken;
}

void Outbox::flush(Transport& transport) {
  for (auto& [to, frame] : take()) transport.send(to, std::move(frame));
}

}  // namespace troupe
