"""The subject of Flipbook: requests, jobs, their states, quotas, and the runner that moves them.

Nothing here knows Discord, HTTP, SQL or torch; the doors and the stores come in through
the protocols in `jobs.ports`.
"""
