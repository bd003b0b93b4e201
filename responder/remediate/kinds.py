"""The executors there are. To add one: write its file, and its line here."""

from responder.remediate import command, docker, http, kubernetes, supervisor

KINDS = (supervisor.KIND, docker.KIND, kubernetes.KIND, http.KIND, command.KIND)
