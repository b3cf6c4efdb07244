"""What is trained and shipped: `tokens`, the `parts`, what a latent is, and their `folder`."""
