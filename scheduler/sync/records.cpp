#include "scheduler/sync/records.h"

namespace troupe::scheduler {

void apply(const SaveQueue& save, StoredQueues& queues) {
  if (save.options) {
    queues[save.queue].options = *save.options;
  } else {
    queues.erase(save.queue);
  }
}

void apply(const SaveMessage& save, StoredQueues& queues) {
  auto& messages = queues.at(save.queue).messages;
  if (save.message) {
    messages.insert_or_assign(save.number, *save.message);
  } else {
    messages.erase(save.number);
  }
}

}  // namespace troupe::scheduler
