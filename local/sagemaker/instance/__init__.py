"""A transform job's instance: a process that reads shards, asks the model's container, and writes outputs."""
