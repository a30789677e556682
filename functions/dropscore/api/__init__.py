"""What the results API hears and says, between its door and the rooms behind."""
