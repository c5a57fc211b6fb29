// `troupe doctor`: whether this machine has what Troupe needs; one line a check, with what to do.
#pragma once

namespace troupe::cli {

struct DoctorCommand {
  bool json = false;
};

/// The exit code of the process: 1 if something is missing that nothing works without.
int doctor_command(const DoctorCommand& command);

}  // namespace troupe::cli
