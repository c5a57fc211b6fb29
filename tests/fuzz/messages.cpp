// Frames from any peer. What was decoded is encoded to bytes that say the same.
// Covers: runtime/wire/message_codec.cpp runtime/wire/codec.cpp runtime/wire/base_fields.cpp
#include "runtime/base/check.h"
#include "runtime/wire/message_codec.h"
#include "tests/fuzz/target.h"
#include "tests/support/every_message.h"

namespace troupe::fuzz {
namespace {

std::string frame_of(const Letters& letters) {
  FrameWriter writer(letters.envelope);
  for (const auto& message : letters.messages) writer.add(message);
  return writer.take();
}

}  // namespace

void run(std::string_view bytes) {
  const auto letters = decode(bytes);
  if (!letters) return;
  const std::string frame = frame_of(*letters);
  const auto again = decode(frame);
  TROUPE_CHECK(again, "what was decoded can be encoded and decoded");
  TROUPE_CHECK(frame_of(*again) == frame, "and is the same then");
}

std::vector<std::string> seeds() {
  std::vector<std::string> frames;
  FrameWriter all({{1, 2}, 3, 4, 5});
  for (const auto& message : test::every_message()) {
    frames.push_back(encode({{1, 2}, 3, 4, 5}, message));
    all.add(message);
  }
  frames.push_back(all.take());
  return frames;
}

}  // namespace troupe::fuzz
