"""What is known of people: shown, handed out, kept for its time, and deleted."""
