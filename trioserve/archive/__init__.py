"""What outlives the server: kept in SQLite, written by one task, read by whoever asks.

The broker puts records into the `Journal`, a plain call. The journal's one task
writes whatever waits as one batch, in one transaction, in one hop to a thread. Who
wants to read asks the archive for the outcome of a query, a plain function of a
connection, in a task of their own: nobody reads for the broker.

What is kept too long is taken out by `pruning`, through the journal as well.

To keep one more kind of thing: a class in `records` (its SQL and its row), a step
in `migrations` (its table), and a query beside those in `history` and `search`. What is
kept about people has two more, in a `Belongings` (see there) that `personal` lists.
"""
