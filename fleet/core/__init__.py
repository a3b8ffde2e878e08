"""The domain: plain values and plain functions. It never waits, reads no clock and imports nothing of ours above it."""

__all__: list[str] = []
