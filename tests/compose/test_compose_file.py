"""What holds for every service of docker-compose.yml, and for the files its images are made of."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PAGE = (ROOT / "docs" / "compose.md").read_text(encoding="utf-8")
# The socket's owner; and an image whose models belong to root.
ROOTS = {"docker-proxy", "ollama"}
DEFAULT = re.compile(r"\$\{\w+:-([^}]+)\}")


@pytest.fixture(params=sorted(SERVICES))
def service(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"name": request.param, **SERVICES[request.param]}


def test_it_may_do_no_more_than_it_needs(service: dict[str, Any]) -> None:
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"cap_add", "privileged", "devices", "pid", "ipc"} & service.keys()


def test_it_is_bounded(service: dict[str, Any]) -> None:
    assert {"mem_limit", "cpus", "pids_limit"} <= service.keys()
    assert service["logging"]["options"]["max-size"]


def test_it_does_not_run_as_root(service: dict[str, Any]) -> None:
    if "build" in service:
        dockerfile = (ROOT / service["build"]["dockerfile"]).read_text(encoding="utf-8")
        last = re.findall(r"^USER (\d+)", dockerfile, re.MULTILINE)[-1]
    else:
        last = service.get("user", "0").partition(":")[0]
    assert (last == "0") == (service["name"] in ROOTS)


def test_its_version_is_pinned(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+(-[\w.]+)?", DEFAULT.sub(r"\1", service["image"]))


def test_it_is_published_on_this_machine_alone(service: dict[str, Any]) -> None:
    assert [port for port in service.get("ports", ()) if not port.startswith("127.0.0.1:")] == []


def test_it_is_told_no_secret(service: dict[str, Any]) -> None:
    secret = re.compile(r"(PASSWORD|SECRET|API_KEY|_TOKEN)$")
    assert [name for name in service.get("environment", ()) if secret.search(name)] == []


def test_it_is_described(service: dict[str, Any]) -> None:
    assert f"`{service['name']}`" in PAGE


def test_the_engine_is_reached_by_its_proxy_alone_and_that_by_the_responder_alone() -> None:
    with_socket = {name for name, one in SERVICES.items() if "docker.sock" in str(one.get("volumes"))}
    assert with_socket == {"docker-proxy"}
    on_network = {name for name, one in SERVICES.items() if "engine" in one.get("networks", ())}
    assert on_network == {"docker-proxy", "responder"}
    assert SERVICES["docker-proxy"]["networks"] == ["engine"]
    assert COMPOSE["networks"]["engine"] == {"internal": True}


def test_what_the_responder_may_remedy_is_labelled() -> None:
    labelled = {name for name, one in SERVICES.items() if "io.aegisops.remedies" in one.get("labels", {})}
    assert labelled == {"buggy-app"}


def test_who_sends_at_once_waits_for_the_collector() -> None:
    waiting = {name for name, one in SERVICES.items() if waits_for(one, "collector") == "service_healthy"}
    assert waiting == {"buggy-app", "detector"}
    assert waits_for(SERVICES["responder"], "detector") == "service_healthy"


def waits_for(service: dict[str, Any], other: str) -> str | None:
    """The condition under which it starts after `other`."""
    others = service.get("depends_on", {})
    return others.get(other, {}).get("condition") if isinstance(others, dict) else None


def test_what_stays_up_has_its_health_checked(service: dict[str, Any]) -> None:
    if service["name"] == "traffic":  # it serves nobody
        return
    assert "healthcheck" in service or service["restart"] == "no"


@pytest.mark.e2e
def test_a_newer_compose_reads_the_same_of_it() -> None:
    compose = os.environ.get("AEGISOPS_TEST_COMPOSE")
    if compose is None:
        give_up(
            "needs a newer Compose: build tests/compose/client and set AEGISOPS_TEST_COMPOSE to the program"
        )
    command = [compose, "--file", "docker-compose.yml", "--profile", "*", "config", "--format", "json"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    read = json.loads(ended.stdout)
    assert read["name"] == "aegisops"
    assert read["services"].keys() == SERVICES.keys()
    for name, one in SERVICES.items():
        as_read = read["services"][name]
        assert as_read.get("healthcheck", {}).get("test") == one.get("healthcheck", {}).get("test")
        assert as_read.get("depends_on", {}).keys() == set(one.get("depends_on", ()))


def test_prometheus_can_read_its_configuration() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        give_up("no promtool; on Debian: apt-get install prometheus")
    subprocess.run([promtool, "check", "config", ROOT / "otel-config" / "prometheus.yaml"], check=True)


@pytest.mark.parametrize("room", ["buggy_app", "detector", "responder"])
def test_an_image_holds_the_versions_that_are_tested(room: str) -> None:
    assert entries(ROOT / "compose" / "requirements" / f"{room}.lock") <= entries(ROOT / "requirements.lock")


def give_up(why: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def entries(lock: Path) -> set[str]:
    """Each requirement with its hashes."""
    return set(re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip()))
