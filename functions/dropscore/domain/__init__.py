"""What Dropscore knows and decides: pure code, without AWS, clock or environment."""
