"""How sure the responder is, how often it is right, and what it has learned."""

from grafana_foundation_sdk.builders import dashboard

from grafana.page import Section, filled, page
from grafana.panels import Frame, bars, gauges, heat, kpi, lines, steps
from grafana.promql import grown, growth, mean, quantile_of_few, summed
from grafana.queries import buckets, now, series

UID = "aegisops-learning"


_STEP = "$__rate_interval"


def _confidence() -> Section:
    confidence = "aegisops_diagnosis_confidence"
    predicted = "aegisops_prediction_confidence"
    right = 'aegisops_verification_outcome="recovered"'
    return Section.of(
        "Confidence and calibration",
        lines(
            Frame("Confidence", "Mean confidence of diagnoses, by incident type.", 8, 9, "no diagnosis"),
            series(mean(confidence, "aegisops_incident_type", window=_STEP), "{{aegisops_incident_type}}"),
            unit="percentunit",
        ).max(1),
        heat(
            Frame("Spread of confidence", "How many diagnoses had which confidence.", 8, 9, "no diagnosis"),
            buckets(growth(f"{confidence}_bucket", "le", window=_STEP)),
            "percentunit",
        ),
        gauges(
            Frame(
                "Calibration",
                "Said against happened, in this time range: how sure the diagnoses were whose action was "
                "verified, and how many of those actions helped. Well calibrated where both are alike.",
                8,
                9,
                "no verified action",
            ),
            now(mean(predicted), "said"),
            now(f"{growth(f'{predicted}_count', where=right)} / {growth(f'{predicted}_count')}", "happened"),
            unit="percentunit",
        ).max(1),
    )


def _council() -> Section:
    votes = "aegisops_responder_votes_total"
    decisions = "aegisops_council_decisions_total"
    risky = growth(decisions, where='aegisops_council_verdict="approved_risky"')
    approved = growth(decisions, where='aegisops_council_verdict=~"approved|approved_risky"')
    return Section.of(
        "Council and policy",
        gauges(
            Frame("Votes", "By member, in this time range.", 8, 9, "no votes"),
            now(
                grown(votes, "aegisops_vote_member, aegisops_vote_approve"),
                "{{aegisops_vote_member}} approve={{aegisops_vote_approve}}",
            ),
        ).decimals(0),
        gauges(
            Frame("Why", "Reasons of votes, in this time range.", 8, 9, "no votes"),
            now(grown(votes, "aegisops_vote_reason"), "{{aegisops_vote_reason}}"),
        ).decimals(0),
        gauges(
            Frame("Policy", "Rulings, and why, in this time range.", 8, 9, "no rulings"),
            now(
                grown(
                    "aegisops_responder_policy_rulings_total",
                    "aegisops_policy_decision, aegisops_policy_reason",
                ),
                "{{aegisops_policy_decision}} {{aegisops_policy_reason}}",
            ),
        ).decimals(0),
        bars(
            Frame(
                "Decisions",
                "What the council came to; approved_risky is two of three votes.",
                8,
                8,
                "no decisions",
            ),
            series(
                f"round({growth(decisions, 'aegisops_council_verdict', window=_STEP)})",
                "{{aegisops_council_verdict}}",
            ),
        ).decimals(0),
        bars(
            Frame("Votes lost", "Members that did not answer in time, or failed.", 8, 8),
            series(
                growth("aegisops_council_no_answers_total", "aegisops_council_member", window=_STEP),
                "{{aegisops_council_member}}",
            ),
        ).decimals(0),
        kpi(
            Frame("Risky approvals", "Of all approvals in this time range.", 8, 8, "no approvals"),
            now(f"{risky} / {approved}"),
            "percentunit",
        ).thresholds(steps((None, "green"), (0.2, "orange"))),
    )


def _runbook() -> Section:
    return Section.of(
        "Runbook",
        lines(
            Frame("Patterns", "Entries of the runbook, by incident type.", 8, 8, "nothing learned yet"),
            series(
                "max by (aegisops_incident_type) (aegisops_runbook_entries)", "{{aegisops_incident_type}}"
            ),
        ).decimals(0),
        lines(
            Frame("Lessons", "Incidents the runbook has learned from, by type.", 8, 8, "nothing learned yet"),
            series(
                "max by (aegisops_incident_type) (aegisops_runbook_lessons)", "{{aegisops_incident_type}}"
            ),
        ).decimals(0),
        gauges(
            Frame(
                "What helped",
                "Outcomes of verified actions, in this time range.",
                8,
                8,
                "nothing was verified",
            ),
            now(
                grown(
                    "aegisops_responder_verifications_total", "aegisops_action, aegisops_verification_outcome"
                ),
                "{{aegisops_action}} {{aegisops_verification_outcome}}",
            ),
        ).decimals(0),
    )


def _models() -> Section:
    empty = "no model was asked"
    model = "gen_ai_provider_name, gen_ai_request_model"
    shown = "{{gen_ai_provider_name}} {{gen_ai_request_model}}"
    return Section.of(
        "Language models (where any is asked)",
        gauges(
            Frame("Providers", "What became of asking each to diagnose, in this time range.", 6, 8, empty),
            now(
                grown(
                    "aegisops_diagnosis_attempts_total", "gen_ai_provider_name, aegisops_diagnosis_attempt"
                ),
                "{{gen_ai_provider_name}} {{aegisops_diagnosis_attempt}}",
            ),
        ).decimals(0),
        lines(
            Frame("Latency", "95th percentile of a call; dots lead to traces.", 6, 8, empty),
            series(
                quantile_of_few(0.95, "gen_ai_client_operation_duration_seconds", model),
                shown,
                exemplars=True,
            ),
            unit="s",
        ),
        bars(
            Frame("Tokens", "Sent and answered.", 6, 8, empty),
            series(
                growth(
                    "gen_ai_client_token_usage_sum", "gen_ai_request_model, gen_ai_token_type", window=_STEP
                ),
                "{{gen_ai_request_model}} {{gen_ai_token_type}}",
            ),
        ),
        lines(
            Frame("Cost", "By the prices in the settings, since the responder started.", 6, 8, empty),
            series(summed("aegisops_llm_cost_total", model), shown),
            unit="currencyUSD",
        ).decimals(4),
    )


def learning() -> dashboard.Dashboard:
    """Learning and council."""
    made = page(
        UID,
        "Learning and council",
        "Confidence, votes, policy, runbook and language models.",
        "now-12h",
        "30s",
    )
    return filled(made, _confidence(), _council(), _runbook(), _models())
