"""Language models: providers behind one protocol with their guards, and the chain that diagnoses by them.

`OpenAiCompatible` and `Claude` are imported from their own modules, since their SDKs take a while to load.
"""

from responder.diagnose.llm.breaker import CircuitBreaker
from responder.diagnose.llm.budget import Budget, Price
from responder.diagnose.llm.chain import ChainConfig, DiagnosisChain
from responder.diagnose.llm.event_loop import EventLoopThread
from responder.diagnose.llm.guarded import AttemptTelling, GuardedProvider
from responder.diagnose.llm.look_up import LookUp, LookUps, TracedLookUps
from responder.diagnose.llm.model_analyst import AskingConfig, ModelAnalyst
from responder.diagnose.llm.model_metrics import ModelMetrics
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
    "AttemptTelling",
    "BadAnswer",
    "Budget",
    "ChainConfig",
    "CircuitBreaker",
    "Completion",
    "DiagnosisChain",
    "EventLoopThread",
    "GuardedProvider",
    "LlmProvider",
    "LookUp",
    "LookUps",
    "Message",
    "ModelAnalyst",
    "ModelMetrics",
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
