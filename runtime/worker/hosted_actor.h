// An actor in its worker: the object, what it was made with, and its methods by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/api/catalog.h"
#include "runtime/wire/messages.h"

namespace troupe {

/// What the user's code said or did, as one line. Requires: called while it is handled.
std::string text_of_thrown();
/// `its result has 9 bytes; at most 8 can be returned`
std::string result_too_large(std::size_t bytes);
/// What a function or constructor is called with: values as they are, results of tasks out of `inputs`.
std::vector<Bytes> arguments_of(const std::vector<Argument>& arguments, const std::vector<Bytes>& inputs);

/// Threads: one at a time.
class HostedActor {
 public:
  /// Runs its constructor. Answers with why there is none; empty: it is there. Requires: the order is an actor's.
  std::string make(const RunOrder& order, const Catalog& catalog, Context::Connect connect);
  /// Runs the call. Requires: it was made.
  message::CallAnswer answer(const message::Call& call);

 private:
  const Catalog::ActorClass* class_ = nullptr;
  std::unique_ptr<Context> context_;
  std::shared_ptr<void> object_;  // May use its context.
};

/// To a call of an attempt that does not live here.
message::CallAnswer gone_answer(const message::Call& call);

}  // namespace troupe
