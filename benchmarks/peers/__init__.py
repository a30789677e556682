"""The same work as others do it: each module runs in a process and an environment of its own."""
