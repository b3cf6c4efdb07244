"""The door that speaks stablediffusionapi.com's protocol, v4 and v6; ModelsLab is its new name."""
