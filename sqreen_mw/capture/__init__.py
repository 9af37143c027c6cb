"""What a request tells: pure functions over plain values."""
