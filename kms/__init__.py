"""The core: every operation passes the gate, and every call is written down."""

from kms.audit import AuditEvent
from kms.directory import AccessKey, Account, Directory, Endpoint, Identity, Session
from kms.errors import AccessDenied, KmsError
from kms.gate import Gate
from kms.model import Alias, Key, KeyOrigin, KeyState, KeyUsage
from kms.operation import OPERATIONS, Call, Operation
from kms.questions import QUESTIONS, Question
from kms.runtime import Clock, Entropy, FixedClock, SeededEntropy, SystemClock, SystemEntropy
from kms.service import Reply, Service
from kms.settings import Settings
from kms.state import State
from kms.store import EventFilter, MemoryStore, Store, StoreError

__all__ = [
    "OPERATIONS",
    "QUESTIONS",
    "AccessDenied",
    "AccessKey",
    "Account",
    "Alias",
    "AuditEvent",
    "Call",
    "Clock",
    "Directory",
    "Endpoint",
    "Entropy",
    "EventFilter",
    "FixedClock",
    "Gate",
    "Identity",
    "Key",
    "KeyOrigin",
    "KeyState",
    "KeyUsage",
    "KmsError",
    "MemoryStore",
    "Operation",
    "Question",
    "Reply",
    "SeededEntropy",
    "Service",
    "Session",
    "Settings",
    "State",
    "Store",
    "StoreError",
    "SystemClock",
    "SystemEntropy",
]
