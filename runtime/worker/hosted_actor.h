// An actor in its worker: the object, what it was made with, and its methods by name.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "runtime/api/catalog.h"
#include "runtime/wire/messages.h"
#include "runtime/worker/call_book.h"
#include "runtime/worker/worker.h"

namespace troupe {

/// Threads: one at a time; `answer` any.
class HostedActor {
 public:
  /// Runs its constructor. Answers with why there is none; empty: it is there. Requires: the order is an actor's;
  /// `options` outlive this.
  std::string make(const RunOrder& order, const Catalog& catalog, const WorkerOptions& options);
  /// From now on it notes there which methods run and, where its calls run one by one, how many.
  void note_in(std::shared_ptr<CallCounter> calls, bool are_one_by_one) {
    calls_ = std::move(calls);
    counts_ = are_one_by_one;
  }
  /// Runs the call. Requires: it was made.
  message::CallAnswer answer(const message::Call& call);

  // Its hooks (catalog.h); each answers with what one threw, empty: nothing. Requires: it was made and has them.
  bool has_hooks() const { return class_->checkpoint && class_->restore; }
  std::string checkpoint(Bytes& state) const;
  std::string restore(const Bytes& state);

  /// Has the value itself in the place of one that lies elsewhere. Answers with why it cannot be had.
  std::string bring_here(Bytes& argument) const;

 private:
  const Catalog::ActorClass* class_ = nullptr;
  ObjectClient* objects_ = nullptr;
  bool is_logged_ = false;  // Its answers are kept, and so travel inside.
  std::shared_ptr<CallCounter> calls_;
  bool counts_ = false;
  std::unique_ptr<Context> context_;
  std::shared_ptr<void> object_;  // May use its context.
};

/// To a call of an attempt that does not live here.
message::CallAnswer gone_answer(const message::Call& call);

}  // namespace troupe
