"""What the sample events in ``events/`` tell of, in a stack that ``make local`` brings up."""
