"""Settings of models: nothing leaves the machine unless asked to, and mistakes say what to change."""

import os
from collections.abc import Iterator

import pytest
from opentelemetry.metrics import NoOpMeter
from opentelemetry.trace import NoOpTracer

from detector.hosting import SettingsError
from responder.diagnose.llm.detector_look_ups import DetectorLookUps
from responder.incident_record import MemberRole
from responder.legibility import Gate
from responder.llm_settings import LlmSettings, check_together, load_llm_settings
from responder.models import Models, build_models
from responder.settings import load_settings
from responder.verify import DetectorClient

NAMES = tuple(name.upper() for name in LlmSettings.model_fields)


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper() in NAMES]:
        monkeypatch.delenv(name)


def fault(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_llm_settings()
    (sentence,) = caught.value.faults
    return sentence


def test_with_nothing_set_no_model_is_asked() -> None:
    settings = load_llm_settings()
    assert settings.diagnosis_providers == ("offline",)
    assert settings.models == ()


def test_the_order_is_that_of_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIAGNOSIS_PROVIDERS", " claude, ollama ,offline")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    assert load_llm_settings().models == ("claude", "ollama")


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"DIAGNOSIS_PROVIDERS": "gpt"}, "ollama, openai, claude, offline"),
        ({"DIAGNOSIS_PROVIDERS": "offline,ollama"}, "offline last"),
        ({"DIAGNOSIS_PROVIDERS": "ollama,ollama"}, "once"),
        ({"DIAGNOSIS_PROVIDERS": "openai"}, "set OPENAI_MODEL"),
        ({"DIAGNOSIS_PROVIDERS": "claude"}, "set ANTHROPIC_API_KEY"),
        ({"DIAGNOSIS_PROVIDERS": "ollama", "OLLAMA_BASE_URL": "ollama:11434"}, "OLLAMA_BASE_URL cannot"),
        ({"DIAGNOSIS_PROVIDERS": "ollama", "OLLAMA_BASE_URL": "file:///etc"}, "OLLAMA_BASE_URL cannot"),
        ({"DIAGNOSIS_DEADLINE_S": "0"}, "DIAGNOSIS_DEADLINE_S cannot"),
        ({"DIAGNOSIS_PROMPT_TOKENS": "10"}, "from 1000"),
        ({"DIAGNOSIS_PRICES": "{"}, "as JSON"),
        ({"DIAGNOSIS_PRICES": '{"m": [-1, 0]}'}, "as JSON"),
        ({"DIAGNOSIS_PROVIDER": "ollama"}, "DIAGNOSIS_PROVIDERS"),
    ],
)
def test_a_mistake_is_one_sentence_that_says_what_to_change(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], told: str
) -> None:
    assert told in fault(monkeypatch, **variables)


def test_what_belongs_to_a_provider_that_is_not_asked_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "not a url")
    assert load_llm_settings().models == ()


def test_members_that_models_answer_for_need_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_COUNCIL_MODEL_MEMBERS", "all")
    with pytest.raises(SettingsError) as caught:
        check_together(load_settings(), load_llm_settings())
    assert "name some in DIAGNOSIS_PROVIDERS" in str(caught.value)
    monkeypatch.setenv("DIAGNOSIS_PROVIDERS", "ollama")
    check_together(load_settings(), load_llm_settings())


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("", ()),
        ("all", tuple(MemberRole)),
        (" auditor, sre_lead,auditor", (MemberRole.AUDITOR, MemberRole.SRE_LEAD)),
    ],
)
def test_members_are_named_one_by_one_or_all(
    monkeypatch: pytest.MonkeyPatch, text: str, members: tuple[MemberRole, ...]
) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_COUNCIL_MODEL_MEMBERS", text)
    assert load_settings().council_model_members == members


def test_a_member_that_does_not_exist_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AEGISOPS_RESPONDER_COUNCIL_MODEL_MEMBERS", "jury")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "security_officer, auditor, sre_lead; or all" in str(caught.value)


def test_keys_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret-key")
    assert "sk-secret-key" not in repr(load_llm_settings())


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Iterator[Models]:
    monkeypatch.setenv("DIAGNOSIS_PROVIDERS", "ollama,openai,claude")
    monkeypatch.setenv("OPENAI_MODEL", "m1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    with DetectorClient("http://127.0.0.1:1") as detector:
        built = build_models(
            load_llm_settings(), DetectorLookUps(detector), Gate(), NoOpTracer(), NoOpMeter("test")
        )
        yield built
        built.close()


def test_each_provider_is_made_with_its_model(models: Models) -> None:
    made = [(one.provider.name, one.provider.model) for one in models.providers]
    assert made == [
        ("ollama", "llama3.1:8b-instruct-q4_K_M"),
        ("openai", "m1"),
        ("claude", "claude-haiku-4-5"),
    ]


def test_a_key_that_would_go_out_in_the_clear_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DIAGNOSIS_PROVIDERS", "openai,ollama")
    monkeypatch.setenv("OPENAI_MODEL", "m1")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://models.example/v1")
    with DetectorClient("http://127.0.0.1:1") as detector:
        build_models(
            load_llm_settings(), DetectorLookUps(detector), Gate(), NoOpTracer(), NoOpMeter("test")
        ).close()
    warned = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert warned == ["prompts and the key go to models.example in the clear: use an https URL"]
