// A new folder for sockets that only this user may enter, and that goes when its owner does.
#pragma once

#include <string>

#include "runtime/base/result.h"

namespace troupe::cli {

class PrivateFolder {
 public:
  /// Makes it in $XDG_RUNTIME_DIR, $TMPDIR or /tmp, the first where it can be made.
  ///
  /// Fails with: unavailable.
  static Result<PrivateFolder> make();
  PrivateFolder(PrivateFolder&& other) noexcept;
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  ~PrivateFolder();

  const std::string& path() const { return path_; }

 private:
  explicit PrivateFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace troupe::cli
