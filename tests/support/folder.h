// Where a test keeps its files.
#pragma once

#include <filesystem>
#include <string>

#include "runtime/base/ids.h"

namespace troupe::test {

/// A folder that goes with the test.
class Folder {
 public:
  Folder() : path_("/tmp/troupe-test-" + to_text(random_id())) { std::filesystem::create_directory(path_); }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

}  // namespace troupe::test
