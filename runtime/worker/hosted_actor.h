// An actor in its worker: the object, what it was made with, and its methods by name.
#pragma once

#include <memory>
#include <string>

#include "runtime/api/catalog.h"
#include "runtime/wire/messages.h"
#include "runtime/worker/worker.h"

namespace troupe {

/// Threads: one at a time.
class HostedActor {
 public:
  /// Runs its constructor. Answers with why there is none; empty: it is there. Requires: the order is an actor's;
  /// `options` outlive this.
  std::string make(const RunOrder& order, const Catalog& catalog, const WorkerOptions& options);
  /// Runs the call. Requires: it was made.
  message::CallAnswer answer(const message::Call& call);

 private:
  const Catalog::ActorClass* class_ = nullptr;
  ObjectClient* objects_ = nullptr;
  std::unique_ptr<Context> context_;
  std::shared_ptr<void> object_;  // May use its context.
};

/// To a call of an attempt that does not live here.
message::CallAnswer gone_answer(const message::Call& call);

}  // namespace troupe
