"""The engine of one's own: AnimateDiff through diffusers, in one worker process per device.

Two sides. The parent side (`provider`, `process`, `renders`, `catalogue`, `roots`, `folder`,
`hashes`, `vocabulary`, `devices`) lives in the bot and never imports torch, also not indirectly.
The worker side (`worker`, `studio`, `pipeline`, `sampling`, `prompt`, `windows`, `schedulers`,
`adapters`, `encode`, `ticket`) is started with `python -m` only. Both know `wire`, `weights` and
`capabilities`. `models` holds what comes with Flipbook: the model `shapes` and its extras, data
that is only read.
"""
