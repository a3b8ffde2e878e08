"""The only place that knows boto: sessions, the five kinds' operations, S3, and AWS's error codes."""

__all__: list[str] = []
