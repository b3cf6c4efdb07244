"""The local engine on a GPU, beside stock diffusers, on random weights of the real size."""
