// A test program that starts a local cluster is also its supervisor and its workers.
#pragma once

/// Called before anything else where a test program defines it: hands over to troupe::play_role.
[[gnu::weak]] void play_test_role(int argc, char** argv);
