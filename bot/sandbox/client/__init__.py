"""A member's Discord client: what it sends when somebody types, presses, chooses or fills in."""
