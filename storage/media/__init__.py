"""Media made by strangers: opened in a child process only, never in the bot."""
