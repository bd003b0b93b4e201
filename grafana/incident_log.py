"""LogQL for what the responder and the detector log about incidents."""

RESPONDER = '{service_name="aegisops-responder"}'
STATES = f'{RESPONDER} | aegisops_state != ""'
"""One line for each change of state of an incident."""

LIVE = (
    f"{STATES} | line_format `{{{{.aegisops_incident_service}}}} {{{{.aegisops_incident_type}}}} "
    "{{__line__}} {{.aegisops_diagnosis_root_cause}}`"
)
"""The same with the service and the type before, and the root cause once it is known after."""


def states_of(incident: str) -> str:
    """The changes of state of one incident."""
    return f'{STATES} | aegisops_incident_id = "{incident}"'


def all_of(incident: str, trace: str) -> str:
    """All that detector and responder logged about an incident whose trace is known; else its events."""
    return (
        '{service_name=~"aegisops-detector|aegisops-responder"} '
        f'| aegisops_incident_id = "{incident}" or (trace_id = "{trace}" and trace_id != "")'
    )
