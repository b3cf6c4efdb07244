"""Pictures of what was made and spent, drawn in a child process."""
