"""Rows of PostgreSQL's binary COPY, read in place from the chunks a connection delivers."""

class CopyRows:
    """Give it to `load` of a fact structure. One for each COPY."""

    finished: bool
    rows_count: int
    def append(self, chunk: bytes | bytearray) -> None:
        """The next chunk of the stream. ValueError when bytes follow the trailer."""
