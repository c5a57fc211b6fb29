#include "nn/parallel/border_lines.h"

#include <string>

namespace troupe::nn {

namespace {

WaitPhase phase_of(Flow flow, std::size_t slot) {
  return {flow == Flow::activations ? "activations of slot" : "gradients of slot", slot};
}

}  // namespace

BorderLines::BorderLines(const Mesh& mesh, const GangSegment& segment, GangWaiter& waiter, std::size_t rank)
    : mesh_(mesh), segment_(segment), waiter_(waiter), rank_(rank), lines_(4 * mesh.slots) {}

GangSegment::Place BorderLines::place(Flow flow, std::size_t slot, End end) const {
  const std::size_t stage = mesh_.stage_of(rank_);
  TROUPE_CHECK(is_far(flow, end) ? stage + 1 < mesh_.stages : stage > 0, "a neighbour stage on that side");
  return {
      .replica = mesh_.replica_of(rank_), .border = is_far(flow, end) ? stage : stage - 1, .flow = flow, .slot = slot};
}

// Every slot has a channel of its own in each direction, with room for one message. Message n is written only after
// `released` says that n messages, all before it, were read, and read only after `sent` says that it is there: writer
// and reader never have the buffer at the same time. In training the first wait costs nothing: a stage writes slot k of
// the next step after it took the gradient of slot k, which its neighbour sent after the backward pass that last read
// the activations. Passes without a backward (evaluation) are held back by `released` alone.
Result<std::span<float>> BorderLines::outgoing(Flow flow, std::size_t slot, std::size_t elements) {
  if (const auto cause = waiter_.stopped()) return *cause;
  const GangSegment::Place here = place(flow, slot, End::sending);
  const std::span<float> data = segment_.channel_data(here);
  TROUPE_CHECK(elements <= data.size(), "no more than the border was made for");
  Line& line = line_of(flow, slot, End::sending);
  GangWaiter::Start start;
  const SharedFlag& released = segment_.channel(here).released;
  auto free = waiter_.wait(released, line.messages, neighbour(flow, End::sending), phase_of(flow, slot), start);
  if (!free) return free.error();
  line.open = true;
  line.elements = elements;
  return data.first(elements);
}

void BorderLines::send(Flow flow, std::size_t slot) {
  BorderChannel& channel = segment_.channel(place(flow, slot, End::sending));
  Line& line = line_of(flow, slot, End::sending);
  TROUPE_CHECK(line.open, "something to send, written to `outgoing`");
  line.open = false;
  channel.elements = line.elements;
  channel.sent.raise(++line.messages);
}

Result<std::span<const float>> BorderLines::receive(Flow flow, std::size_t slot, std::size_t elements) {
  if (const auto cause = waiter_.stopped()) return *cause;
  const GangSegment::Place here = place(flow, slot, End::receiving);
  BorderChannel& channel = segment_.channel(here);
  Line& line = line_of(flow, slot, End::receiving);
  const std::size_t peer = neighbour(flow, End::receiving);
  GangWaiter::Start start;
  auto came = waiter_.wait(channel.sent, line.messages + 1, peer, phase_of(flow, slot), start);
  if (!came) return came.error();
  if (channel.elements != elements) {
    return waiter_.stop(
        peer, {Fault::corrupt, describe_rank(mesh_, peer) + " sent " + std::to_string(channel.elements) +
                                   " elements of " + phase_of(flow, slot).what + " " + std::to_string(slot) + ", " +
                                   describe_rank(mesh_, rank_) + " expected " + std::to_string(elements)});
  }
  line.open = true;
  return std::span<const float>(segment_.channel_data(here).first(elements));
}

void BorderLines::release(Flow flow, std::size_t slot) {
  BorderChannel& channel = segment_.channel(place(flow, slot, End::receiving));
  Line& line = line_of(flow, slot, End::receiving);
  TROUPE_CHECK(line.open, "something received to release");
  line.open = false;
  channel.released.raise(++line.messages);
}

}  // namespace troupe::nn
