"""The embedded AWS: the real template on one machine, with no account and no container."""
