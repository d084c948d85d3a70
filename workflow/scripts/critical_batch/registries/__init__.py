"""Registries: what can be chosen by a name in the configuration."""
