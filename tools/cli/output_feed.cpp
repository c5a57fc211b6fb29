#include "tools/cli/output_feed.h"

namespace troupe::cli {

void OutputFeed::follow(const std::string& task, const std::string& directory) {
  sources_.try_emplace(task, task, directory,
                       [this, task](std::string_view bytes) { lines_.take(sources_.at(task).lines, bytes); });
}

void OutputFeed::end(const std::string& task, const std::string& directory) {
  follow(task, directory);
  const auto source = sources_.find(task);
  source->second.follower.pass_on();
  lines_.end(source->second.lines);
  sources_.erase(source);
}

void OutputFeed::pass_on() {
  for (auto& [task, source] : sources_) {
    source.follower.pass_on();
    lines_.end_look(source.lines);
  }
  lines_.tell_repeats();
}

}  // namespace troupe::cli
