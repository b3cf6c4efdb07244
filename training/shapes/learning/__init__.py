"""How it is trained: by a `plan`, in `stages`, each through one `loop`; `lessons` make batches."""
