"""A child that never is ready."""

raise SystemExit(7)
