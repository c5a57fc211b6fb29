#include "tools/cli/commands/timeline.h"

#include <string.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>

#include <nlohmann/json.hpp>

#include "tools/cli/cluster_choice.h"
#include "tools/cli/exit_codes.h"
#include "tools/cli/graph_source.h"
#include "tools/cli/output.h"
#include "tools/cli/trace.h"

namespace troupe::cli {

int timeline_command(const TimelineCommand& command) {
  const auto fail = [](const Error& error) {
    complain("timeline", error.message);
    return exit_code_of(error);
  };
  const auto source = choose_source(command.cluster);
  if (!source) return fail(source.error());
  const auto found = find_in(**source, command.id);
  if (!found) return fail(found.error());

  const bool to_file = !command.file.empty();
  std::FILE* out = to_file ? std::fopen(command.file.c_str(), "we") : stdout;
  const auto cannot_write = [&] {
    return fail(bad_input("-o: found '" + command.file +
                          "', expected the name of a file that can be written: " + ::strerror(errno)));
  };
  if (out == nullptr) return cannot_write();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  const auto counts = write_trace(*found, (*source)->nodes(), now_ms,
                                  [&](const std::string& text) { std::fwrite(text.data(), 1, text.size(), out); });
  const bool is_whole = std::ferror(out) == 0;
  if ((to_file ? std::fclose(out) : std::fflush(out)) != 0 || !is_whole)
    return to_file ? cannot_write() : exit_work_failed;
  if (!to_file || command.quiet) return exit_done;
  if (command.json) {
    const nlohmann::ordered_json made{{"file", command.file}, {"attempts", counts.attempts}, {"nodes", counts.nodes}};
    std::printf("%s\n", made.dump().c_str());
  } else {
    std::printf("%s: %zu attempts on %zu nodes (ui.perfetto.dev opens it)\n", command.file.c_str(), counts.attempts,
                counts.nodes);
  }
  return exit_done;
}

}  // namespace troupe::cli
