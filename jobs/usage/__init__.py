"""What was made and spent, by day and by job."""
