"""What scoring a file costs, in time, memory and requests, and how that grows; `docs/scale.md` reads it."""
