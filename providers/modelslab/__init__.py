"""ModelsLab, once stablediffusionapi.com: three generations of one API, spoken as three dialects.

`dialects` knows where to ask, `request` writes what is sent, `wire` reads what comes back,
`refusals` says what a "no" means, `models` knows what can be asked for, and `client` does the
asking. Only `client` waits for anything; the rest are pure mappings.
"""
