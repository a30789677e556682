"""The smoke test: what a first day would do on a deployed stack, item by item, and what was seen of it."""
