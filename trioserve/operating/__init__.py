"""The server as a process: its signals, its figures, and who asks for them."""
