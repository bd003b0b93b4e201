"""Deploys, as the attributes of resources show them."""

import pytest
from normalised import Bench
from otlp_requests import T0, Attributes, gauge, metrics_request, resource
from synthetic_service import Observation, SyntheticService

from detector.correlate.lifecycle import LifecycleConfig, ServiceLife
from detector.correlate.releases import DEPLOYS_KEPT, Releases
from detector.incident import Deploy
from detector.series import Heartbeat, InstanceId, Release, ServiceId

SHOP = InstanceId(ServiceId("", "shop"), "shop-1")


class Heard:
    """The releases of a service whose processes report every second from time 0 on."""

    def __init__(self) -> None:
        self.releases = Releases()
        self.life = ServiceLife(LifecycleConfig(), 0.0, 0.0)
        self.now = 0.0

    def run(self, seconds: int, *versions: str, release: Release = ()) -> None:
        for _ in range(seconds):
            self.now += 1.0
            for version in versions:
                heartbeat = Heartbeat(SHOP, self.now, version=version, release=release)
                self.releases.hear(heartbeat, self.life, self.now)

    @property
    def deploys(self) -> list[tuple[str, str]]:
        return [(deploy.before, deploy.after) for deploy in self.releases.deploys]


def test_another_version_is_a_deploy_with_its_time() -> None:
    heard = Heard()
    heard.run(30, "1.0")
    heard.run(10, "1.0", "2.0")
    heard.run(30, "2.0")
    assert list(heard.releases.deploys) == [Deploy("service.version", "1.0", "2.0", 31.0)]


def test_versions_that_run_beside_each_other_are_one_deploy() -> None:
    heard = Heard()
    heard.run(30, "1.0")
    heard.run(200, "1.0", "2.0")
    assert heard.deploys == [("1.0", "2.0")]


@pytest.mark.parametrize("pause", [0, 5, 60])
def test_a_version_taken_back_is_a_deploy_as_well(pause: int) -> None:
    heard = Heard()
    heard.run(30, "1.0")
    heard.run(3, "2.0")
    heard.run(pause)
    heard.run(30, "1.0")
    assert heard.deploys == [("1.0", "2.0"), ("2.0", "1.0")]


@pytest.mark.parametrize("pause", [0, 600])
def test_the_same_version_after_a_pause_is_none(pause: int) -> None:
    heard = Heard()
    heard.run(30, "1.0")
    heard.run(pause)
    heard.run(30, "1.0", "")
    assert heard.deploys == []


def test_what_is_first_heard_while_the_service_is_new_is_none() -> None:
    heard = Heard()
    heard.run(5, "1.0")
    heard.run(60, "1.0", "2.0")
    assert heard.deploys == []


def test_values_are_cut_and_masked() -> None:
    heard = Heard()
    heard.run(30, "1.0")
    heard.run(1, f"2 to\n\u202e`rm`{'x' * 300}")
    heard.run(1, "api_key=verysecret")
    assert heard.deploys[0] == ("1.0", f"2torm{'x' * 35}")
    assert "verysecret" not in str(heard.deploys)


def test_a_version_a_second_stays_bounded() -> None:
    heard = Heard()
    for number in range(500):
        heard.run(1, f"{number}.0")
    assert len(heard.deploys) <= DEPLOYS_KEPT
    assert len(heard.releases._running["service.version"].heard) <= 8


@pytest.mark.parametrize(
    ("attributes", "release"),
    [
        ({"container.image.tags": ["v1", "latest"]}, (("container.image.tags", "[v1, latest]"),)),
        ({"container.image.tag": "v1"}, (("container.image.tags", "v1"),)),
        ({"vcs.ref.head.revision": "9d59409a"}, (("vcs.ref.head.revision", "9d59409a"),)),
        ({"k8s.replicaset.name": "shop-7d9"}, (("k8s.replicaset.name", "shop-7d9"),)),
        ({"host.name": "node-1"}, ()),
    ],
)
def test_releases_are_read_from_resources(attributes: Attributes, release: Release) -> None:
    request = metrics_request(gauge("x", 1.0, T0), of=resource(attributes=attributes))
    (heartbeat,) = Bench().metrics(request, T0).heartbeats
    assert heartbeat.release == release


def test_the_deploys_of_a_service_come_newest_first() -> None:
    watched = Observation()
    service: SyntheticService = watched.service()
    for version in ("1.0", "2.0", "3.0"):
        service.version = version
        watched.pass_time(30)
    found = watched.engine.deploys("shop", None)
    assert found is not None
    assert [(deploy.before, deploy.after) for deploy in found] == [("2.0", "3.0"), ("1.0", "2.0")]
    assert watched.engine.deploys("who", None) is None
