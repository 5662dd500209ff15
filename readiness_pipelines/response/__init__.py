"""What is done about drift: a pure policy decides, and each event takes effect exactly once."""
