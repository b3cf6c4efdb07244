"""Names, certificates and ways in: how an unmodified bot comes to the sandbox and nowhere else."""
