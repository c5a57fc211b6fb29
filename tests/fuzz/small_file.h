// Files of a target whose bytes go to disk first. They lie in memory: a target runs thousands of times.
#pragma once

#include <fstream>
#include <string>
#include <string_view>

#include "runtime/base/check.h"
#include "tests/support/folder.h"

namespace troupe::fuzz {

inline const test::Folder& folder_in_memory() {
  static const test::Folder folder("/dev/shm");
  return folder;
}

inline void write_file(const std::string& path, std::string_view bytes) {
  TROUPE_CHECK(std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size())),
               "a file in memory can be written");
}

}  // namespace troupe::fuzz
