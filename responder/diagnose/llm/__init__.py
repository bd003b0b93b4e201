"""Diagnosis by language models: providers behind one protocol, and the chain that asks them in order.

`OpenAiCompatible` and `Claude` are imported from their own modules, since their SDKs take a while to load.
"""

from responder.diagnose.llm.breaker import CircuitBreaker
from responder.diagnose.llm.budget import Budget, Price
from responder.diagnose.llm.chain import ChainConfig, DiagnosisChain, GuardedModel
from responder.diagnose.llm.event_loop import EventLoopThread
from responder.diagnose.llm.look_up import LookUp, LookUps, TracedLookUps
from responder.diagnose.llm.model_analyst import AskingConfig, ModelAnalyst
from responder.diagnose.llm.prompt import PromptLimits, Prompts
from responder.diagnose.llm.provider import (
    BadAnswer,
    Completion,
    LlmProvider,
    Message,
    OverBudget,
    Prompt,
    ProviderError,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
    RateLimited,
    Refusal,
)

__all__ = [
    "AskingConfig",
    "BadAnswer",
    "Budget",
    "ChainConfig",
    "CircuitBreaker",
    "Completion",
    "DiagnosisChain",
    "EventLoopThread",
    "GuardedModel",
    "LlmProvider",
    "LookUp",
    "LookUps",
    "Message",
    "ModelAnalyst",
    "OverBudget",
    "Price",
    "Prompt",
    "PromptLimits",
    "Prompts",
    "ProviderError",
    "ProviderRefused",
    "ProviderTimeout",
    "ProviderUnreachable",
    "RateLimited",
    "Refusal",
    "TracedLookUps",
]
