"""A whole server in memory, people who do what a seed says, and what must hold of it.

`simulation` runs one seed; `people` are those who type, stall and vanish; `faults`
is what breaks meanwhile. The `chronicle` is what happened by the broker's own
order: against it each person's screen is read (`screens`), and what moderators
have forbidden (`rulings`). `invariants` is what holds after each step;
`scheduling` makes a run the same each time. `mutants` are deliberate bugs, by
which the simulator itself is measured, and `found` the seeds that have found others.
"""
