"""A training job's instance: a process that fetches channels, runs the program, and uploads the model."""
