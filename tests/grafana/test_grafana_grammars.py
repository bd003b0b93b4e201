"""Every query is understood by the grammar of the editor that shows it."""

from dashboard_queries import Asked, asked
from query_grammars import run

GRAFANAS_OWN = {"__rate_interval": "1m", "__range": "1h", "__interval": "1h", "__tags": 'service_name="x"'}
TRACE_ID = "$trace"


def parsed(queries: list[Asked]) -> list[dict[str, list[object]]]:
    answers: list[dict[str, list[object]]] = run(
        "parse_queries.js",
        [{"language": one.language, "query": one.filled(GRAFANAS_OWN)} for one in queries],
    )
    return answers


def test_every_query_is_understood() -> None:
    queries = [one for one in asked() if one.text != TRACE_ID]
    assert {one.language for one in queries} == {"promql", "logql", "traceql"}
    bad = {str(one): answer["errors"] for one, answer in zip(queries, parsed(queries), strict=True)}
    assert {text: errors for text, errors in bad.items() if errors} == {}


def test_what_is_no_query_is_not_understood() -> None:
    broken = {
        "promql": "sum by (le (rate(x[1m]))",
        "logql": '{service_name="x" | y',
        "traceql": '{ span.a = "b" ',
    }
    answers = parsed([Asked("", "", language, text) for language, text in broken.items()])
    assert all(answer["errors"] for answer in answers)
