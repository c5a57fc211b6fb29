"""A test that starts clusters: they end with it."""

from run_test import LIMIT_S, Case  # takes TROUPE from the command line


class ClusterCase(Case):
    def tearDown(self):
        # In order first: an agent that is killed alone is started again.
        self.start("stop", "--all").communicate(timeout=LIMIT_S)
        super().tearDown()
