#include "tools/cli/log_file.h"

#include <unistd.h>

#include <filesystem>

namespace troupe::cli {

Result<std::string> log_file(const std::string& text) {
  if (text.empty()) return text;
  std::error_code error;
  const auto path = std::filesystem::absolute(text, error);
  const auto folder = path.parent_path();
  if (error || !path.has_filename() || std::filesystem::is_directory(path, error))
    return bad_input("--record: found '" + text + "', expected the name of a file");
  if (!std::filesystem::is_directory(folder, error) || ::access(folder.c_str(), W_OK | X_OK) != 0)
    return bad_input("--record: found '" + text +
                     "', expected a file in a folder that can be written: " + folder.string() + " is none");
  return path.string();
}

}  // namespace troupe::cli
