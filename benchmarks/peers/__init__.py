"""What is compared: ours and its peers, each behind the same few calls."""
