"""What moderators set, decide and did, and what members bring before them."""
