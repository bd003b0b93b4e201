"""What is masked in text from outside, and what is left to read."""

import base64
import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from responder.redaction import SECRETS, Secret, redact


def shown(text: str) -> str:
    return redact(text, 1000)


@pytest.mark.parametrize(
    "path",
    [
        "/var/lib/postgresql/15/main/base/16384/pg_internal",
        "/usr/lib/python3/dist-packages/sqlalchemy/pool/base2",
        "/home/app/releases/20260114/checkout-service/config/production",
        "/opt/kafka/logs/orders-12/00000042",
        "s3://backups/postgres/2026/01/14/orders/full",
        "/sys/fs/cgroup/system/x86_64/k8s/memory_v2/limits",
        "src/main/java/com/example/orders/OrderService2Test/fixtures",
        "/usr/share/log4j/templates/i18n/messages/default",
    ],
)
def test_a_long_path_stays_readable(path: str) -> None:
    assert shown(f"cannot open {path}: it is gone") == f"cannot open {path}: it is gone"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/srv/sessions/Xk29dLq0PzR81mVwJc77/data/current", "/srv/sessions/<token>/data/current"),
        ("/var/run/secrets/tokens/q7Zr1Tt0Lw5uYb3Kx9Ne/ca", "/var/run/secrets/tokens/<token>/ca"),
        ("/var/log/pods/checkout-7d9f8b6c5-x2x4z/app/restarts", "/var/log/pods/<token>/app/restarts"),
        ("/srv/keys/wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "/srv/keys/<token>"),
        ("/licences/shop/a1b2c-d3e4f-g5h6i-j7k8l-m9n0p", "/licences/shop/<token>"),
        ("/cards/visa/4111-1111-1111-1111/archive/old", "/cards/visa/<token>/archive/old"),
    ],
)
def test_a_token_in_a_path_is_masked_and_the_path_left(text: str, left: str) -> None:
    assert shown(text) == left


@pytest.mark.parametrize(
    "token",
    [
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "k3VbQ9/aXf+20/zLmT8sYpRw6u1HdEo4Jc7NgBi5",
        "mZ4tG7qL2xW9vB1nC8kR5yD3hJ6fS0pA",
        "Zm9vYmFy/3J9b2JhemJhcg+/cXV4MTIzNDU2Nzg5MA==",
    ],
)
def test_a_token_with_slashes_is_masked_as_a_whole(token: str) -> None:
    assert shown(f"sent {token} along") == "sent <token> along"


@given(st.randoms(use_true_random=False), st.integers(24, 60))
def test_no_random_base64_passes_for_a_path(random: Random, size: int) -> None:
    encoded = base64.b64encode(random.randbytes(size)).decode()

    left = shown(f"value {encoded} end").removeprefix("value ").removesuffix(" end")

    if any(char.isdigit() for char in encoded):
        assert len(left.replace("<token>", "").replace("<hex>", "")) <= len(encoded) / 2


@pytest.mark.parametrize("run", ["x", "a-", "ab/"])
def test_the_work_grows_with_the_length_of_a_run_and_not_with_its_square(run: str) -> None:
    def work(length: int) -> float:
        begun = time.thread_time()
        redact((run * length)[:length], length)
        return time.thread_time() - begun

    assert min(work(16_000) for _ in range(3)) < 24 * max(work(2_000) for _ in range(3))


WORDS = st.sampled_from(
    [
        *(
            "-----BEGIN RSA PRIVATE KEY-----",
            "eyJhbGciOi.eyJzdWIi.abc",
            "postgres://shop:hunter2@db",
            "a.b@example.org",
        ),
        *(
            "Bearer abcdef123",
            "PASSWORD: x1",
            "db_pwd=1",
            "my-secret : y",
            "token t0ken1",
            "Api-Key='k'",
            "access_key=z",
        ),
        *(
            "authorization:q",
            "credentials=c",
            "private-key=p",
            "sessionId=9",
            "COOKIE: crumb",
            "passwd 1234567",
        ),
        *(
            "AKIAABCDEFGHIJKLMNOP",
            "ghp_abcdefghijklmnop1",
            "xoxb-12345678",
            "sk-abcdefghijkl",
            "0xdeadbeefdeadbeef",
        ),
        *(
            "123e4567-e89b-12d3-a456-426614174000",
            "a1" * 20,
            "/srv/" + "b2" * 20,
            "plain",
            "words",
            "=",
            ":",
            " ",
            "\n",
        ),
    ]
)


@given(st.lists(WORDS | st.text(st.characters(codec="ascii"), max_size=4), max_size=6))
def test_what_a_pattern_matches_is_never_passed_over(words: list[str]) -> None:
    text = "".join(words)
    assert [one for one in SECRETS if one.pattern.search(text) and not one.possible(text)] == []


@pytest.mark.parametrize("secret", SECRETS)
def test_each_pattern_is_passed_over_where_nothing_speaks_for_it(secret: Secret) -> None:
    assert not secret.possible("The queue of orders is full: 3 of 4 workers wait.")


def test_letters_that_count_as_others_hide_no_secret() -> None:
    assert shown("pa\u017fsword=hunter2") == "pa\u017fsword=<secret>"
