"""What all hosted providers have in common; `api` is the part that each brings of its own.

`provider` lives the life of a job at a paid service (submit once, poll, fetch, heal) over any
`Api`; `pace` keeps to rate limits and polls gently; `condition` knows how the service is.
"""
