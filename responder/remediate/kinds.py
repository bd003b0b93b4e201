"""The executors there are. To add one: write its file, and its line here."""

from responder.remediate import command, docker, http, supervisor

KINDS = (supervisor.KIND, docker.KIND, http.KIND, command.KIND)
