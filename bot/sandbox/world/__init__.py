"""What is there: people, guilds, channels, messages, files; and how Discord writes them."""
