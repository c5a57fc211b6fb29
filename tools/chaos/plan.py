"""What is done to a cluster, drawn from a seed: the same seed gives the same faults in the same order."""

import random
from dataclasses import dataclass

# One bag is drawn empty before the next is filled, so that even a short run has some of each kind.
BAG = {
    "worker_killed": 5,
    "agent_killed": 3,
    "scheduler_killed": 2,
    "redis_killed": 2,
    "node_silent": 1,
    "standby_takeover": 1,
    "all_killed": 1,
    "member_killed": 1,
    "standby_killed": 1,
    "node_paused": 1,
    "redis_paused": 1,
}

PAUSE_S = {"member_killed": (0, 2.0), "node_paused": (0.5, 4.0), "redis_paused": (0.2, 2.0), "node_silent": (7.0, 9.0)}


@dataclass(frozen=True)
class Fault:
    kind: str
    after_s: float  # since the fault before it, or since the recovery from it
    node: str  # of those that hit one
    pause_s: float  # of those that stop something
    alone: bool  # the next one waits for the recovery from this one
    choice: float  # among processes that would do, from 0 to 1


def faults(seed, nodes):
    """Without end."""
    dice = random.Random(f"faults {seed}")
    while True:
        bag = [kind for kind, count in BAG.items() for _ in range(count)]
        dice.shuffle(bag)
        for kind in bag:
            yield Fault(kind, dice.uniform(1, 3), dice.choice(nodes), dice.uniform(*PAUSE_S.get(kind, (0, 0))),
                        dice.random() < 0.7, dice.random())
