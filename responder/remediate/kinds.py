"""The executors there are. To add one: write its file, and its line here."""

from responder.remediate import command, http, supervisor

KINDS = (supervisor.KIND, http.KIND, command.KIND)
