"""Files that people write for the responder: read within bounds, with errors that name the line."""
