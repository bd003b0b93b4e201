"""LogQL for what the responder and the detector log about incidents."""

RESPONDER = '{service_name="aegisops-responder"}'
STATES = f'{RESPONDER} | aegisops_state != ""'
"""One line for each change of state of an incident."""

LIVE = (
    f"{STATES} | line_format `{{{{.aegisops_incident_id}}}} {{{{.aegisops_incident_service}}}} "
    "{{.aegisops_incident_type}} {{.aegisops_state}} {{.aegisops_diagnosis_root_cause}}`"
)
"""The same as short lines, with the root cause once it is known."""


def states_of(incident: str) -> str:
    """The changes of state of one incident."""
    return f'{STATES} | aegisops_incident_id = "{incident}"'


def all_of(incident: str) -> str:
    """All that detector and responder logged about one incident."""
    return f'{{service_name=~"aegisops-detector|aegisops-responder"}} | aegisops_incident_id = "{incident}"'
