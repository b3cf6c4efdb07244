"""What renders, in a process of its own: only here, and in the training, is torch imported.

`worker` reads orders and tells how far it is, `studio` makes one video of one order: the pipeline
with its weights, the prompt, denoising, decoding, the file.
"""
