"""What Discord refuses: pure checks, each with the page of the documentation that states it."""
