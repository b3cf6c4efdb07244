"""What all hosted providers have in common; `api` is the part that each brings of its own.

`provider` lives the life of a job at a paid service over any `Api`. It asks through `account`,
which keeps to the service's `pace` and learns its `condition`; `watch` waits for one job, and
`videos` opens what came of it.
"""
