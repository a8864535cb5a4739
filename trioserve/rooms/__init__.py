"""One of each: a member, a room, and what holds in it. Plain data, without Trio, clocks or I/O."""
