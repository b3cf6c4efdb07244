"""Everything that outlives the process: one SQLite file and a folder of videos.

Only this package speaks SQL, and only its child process (`storage.media.child`) opens media
that strangers made.
"""
