"""What waits in the triggerer for the sensors."""
