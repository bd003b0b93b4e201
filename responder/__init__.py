"""Responder: incidents in; diagnosis, council, remedy, verification and learning out."""
