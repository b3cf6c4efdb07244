"""What is stored about people, found by person and by age, and its end."""
