"""What graphs look like: plain ones, which only depend on each other, and one shape for each other promise."""

import random

from .work import Draft

# Drawn empty before the next is filled, so that even a short run has some of each.
BAG = {"chain": 2, "fan": 2, "each": 2, "diamonds": 2, "loose": 2, "gang": 3, "locked": 3, "branch": 2, "loop": 1,
       "priority": 1, "cancelled": 2}
LOCKS = ["lock-a", "lock-b"]
SEMAPHORES = {"seats": 2}
LONG_MS = 30_000  # What is cancelled would go on for so long.


def make_graph(seed, number, program, trace):
    draft = Draft(number, random.Random(f"graph {seed} {number}"), program, trace)
    _shape_of(seed, number)(draft)
    return draft.finish()


def _shape_of(seed, number):
    size = sum(BAG.values())
    bag = [shape for shape, count in BAG.items() for _ in range(count)]
    random.Random(f"shapes {seed} {(number - 1) // size}").shuffle(bag)
    return SHAPES[bag[(number - 1) % size]]


def chain(draft):
    for i in range(draft.dice.randint(3, 14)):
        draft.add(f"t{i}", [f"t{i - 1}"] if i else [])


def fan(draft):
    count = draft.dice.randint(3, 14)
    draft.add("first")
    for i in range(count):
        draft.add(f"t{i}", ["first"])
    draft.add("last", [f"t{i}" for i in range(count)])


def each(draft):
    draft.add_each("t", draft.dice.randint(3, 14))


def diamonds(draft):
    for i in range(0, draft.dice.randint(3, 14), 4):
        draft.add(f"t{i}", [f"t{i - 1}"] if i else [])
        draft.add(f"t{i + 1}", [f"t{i}"])
        draft.add(f"t{i + 2}", [f"t{i}"])
        draft.add(f"t{i + 3}", [f"t{i + 1}", f"t{i + 2}"])


def loose(draft):
    for i in range(draft.dice.randint(3, 14)):
        draft.add(f"t{i}")


def gang(draft):
    dice = draft.dice
    draft.add("first", run_ms=5, cpus=0.5, fails=False)
    size = dice.randint(2, 4)
    draft.add_gang("gang", size, dice.choice(("data", "model")), after=["first"], run_ms=dice.choice((60, 250, 800)),
                   cpus=dice.choice((0.5, 1)), fails=False, failing=dice.choice((0, 0, 1)))
    draft.add("last", [f"gang[{rank}]" for rank in range(size)])


def locked(draft):
    dice = draft.dice
    for i in range(dice.randint(3, 5)):
        draw = dice.random()
        held = {"semaphores": SEMAPHORES} if draw < 0.3 else {"locks": LOCKS if draw < 0.45 else [dice.choice(LOCKS)]}
        draft.add(f"t{i}", run_ms=dice.choice((20, 60, 120)), cpus=0.5, **held)


def branch(draft):
    """`decide` may fail for good: then nothing behind it is a branch, and all is skipped."""
    is_high = draft.dice.random() < 0.5
    draft.add("decide", cpus=0.5)
    draft.add("high", ["decide"], cpus=0.5, when=f"decide.sum >= {1 if is_high else 2}", is_untaken=not is_high)
    draft.add("low", ["decide"], cpus=0.5, when=f"decide.sum < {1 if is_high else 2}", is_untaken=is_high)
    draft.add("behind-high", ["high"], cpus=0.5, is_untaken=not is_high)
    draft.add("behind-low", ["low"], cpus=0.5, is_untaken=is_high)
    draft.add("join", ["high", "low"], takes=[], cpus=0.5)


def loop(draft):
    dice = draft.dice
    draft.add("once", run_ms=20, cpus=0.5, at_most=5, repeats_below=0, fails=False)
    draft.add("loop", ["once"], run_ms=60, cpus=0.5, at_most=8, repeats_below=dice.randint(2, 5), fails=False)
    draft.add("bound", ["loop"], run_ms=20, cpus=0.5, at_most=dice.randint(2, 4), repeats_below=1000, fails=False)
    draft.add("last", ["bound"])


def priority(draft):
    """What is low runs for long, so that the high one, which needs all of a node, waits for it."""
    draft.add_each("low", 3, run_ms=2000, cpus=1, fails=False, priority=-1, is_preemptible=True)
    draft.add("gate", run_ms=250, cpus=0.5, fails=False)
    draft.add("high", ["gate"], run_ms=60, cpus=4, fails=False, priority=5)


def cancelled(draft):
    dice = draft.dice
    all_of_it = dice.random() < 0.7  # Else the long one alone, and the others go on.
    run_ms = (20, 250, LONG_MS) if all_of_it else (20, 250)
    draft.add("long", run_ms=LONG_MS, cpus=0.5, is_cancelled=True, fails=False)
    draft.add("quick", run_ms=20, cpus=0.5, is_cancelled=all_of_it)
    draft.add("other", run_ms=dice.choice(run_ms), cpus=0.5, is_cancelled=all_of_it, fails=False)
    draft.add("behind", ["quick"], run_ms=dice.choice(run_ms), cpus=0.5, is_cancelled=all_of_it, fails=False)
    draft.add("last", ["long", "behind"], cpus=0.5, is_cancelled=all_of_it)
    draft.graph.cancel_after_s = dice.uniform(0, 1.5)
    draft.graph.cancel_of = "" if all_of_it else "long"


SHAPES = {shape.__name__: shape for shape in (chain, fan, each, diamonds, loose, gang, locked, branch, loop, priority,
                                              cancelled)}
