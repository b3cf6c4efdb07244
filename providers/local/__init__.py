"""The engine of one's own: AnimateDiff through diffusers, in one worker process per device.

Two sides. The parent side (`provider`, `process`, `renders`, `catalogue`, `weights`, `devices`,
`embedded`) lives in the bot and never imports torch, also not indirectly. The worker side
(`worker`, `studio`, `pipeline`, `sampling`, `prompt`, `windows`, `schedulers`, `adapters`,
`encode`, `ticket`, and `placeholder`) is started with `python -m` only. Both know `wire` and
`capabilities`.
"""
