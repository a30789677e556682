"""The model registry: versions registered, described, approved and rejected."""
