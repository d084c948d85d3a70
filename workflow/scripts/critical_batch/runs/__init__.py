"""Training runs as files: where they are."""
