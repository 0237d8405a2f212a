"""One call of IAM: may the caller do it, what comes of it, and the event that tells of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeAlias

from kms.audit import AuditEvent, outcome_of
from kms.directory import Directory
from kms.identities import Teller
from kms.operation import Call
from kms.service import Service
from kms.store import Session as Turn
from kmsgate.credentials import Credential
from kmsgate.iam.model import IamError, Parameters, is_read_only, logged, model, write_output
from kmsgate.journal import Course
from policy import Arn, Context, Request, Resource, decide, denial_message
from policy.request import Values

REGION = "us-east-1"
"""IAM is one for all Regions; its events stand in this one."""
VERSION = str(model()["metadata"]["apiVersion"])
Facts: TypeAlias = Mapping[str, Values]


@dataclass(frozen=True, slots=True)
class IamCall:
    """One call: who signed it, what it says, and what else is known of it.

    `course` is filled in as it goes on.
    """

    signer: Credential
    operation: str
    parameters: Parameters
    facts: Facts
    request_id: str
    course: Course = field(default_factory=Course)


@dataclass(slots=True)
class Desk:
    """What an operation may use. A changed `directory` is kept if the operation ends well."""

    service: Service
    call: IamCall
    directory: Directory
    now: dt.datetime

    @property
    def parameters(self) -> Parameters:
        """What the request says."""
        return self.call.parameters

    @property
    def caller(self) -> Arn:
        """Who signed."""
        arn = self.call.signer.principal.arn
        assert arn is not None  # noqa: S101 - who signs has an ARN
        return arn

    @property
    def account(self) -> str:
        """The account of the caller, which is the only one that it can change."""
        return self.caller.account

    def arn(self, resource: str) -> Arn:
        """Return an ARN of IAM in the caller's account."""
        return Arn(self.caller.partition, "iam", "", self.account, resource)


Output: TypeAlias = Mapping[str, Any]
Operation: TypeAlias = Callable[[Desk], Output]
Subject: TypeAlias = Callable[[Desk], Arn]
OPERATIONS: dict[str, tuple[Subject, Operation]] = {}
"""Each operation: the resource that it is about, and what it does."""


def operation(name: str, subject: Subject) -> Callable[[Operation], Operation]:
    """Register what an operation of the service model does."""

    def register(run: Operation) -> Operation:
        OPERATIONS[name] = (subject, run)
        return run

    return register


def answer(service: Service, call: IamCall) -> bytes:
    """Do what is asked; return the body of the response. Raises IamError.

    Whatever comes of it, the event of the call is kept, together with the change if there is one.
    """
    done = service.store.transact(partial(_done, service, call))
    if isinstance(done, IamError):
        raise done
    return write_output(call.operation, done, call.request_id)


def _done(service: Service, call: IamCall, turn: Turn) -> Output | IamError:
    desk = Desk(service, call, turn.state.directory, service.clock.now())
    outcome: Output | IamError
    try:
        subject, run = OPERATIONS[call.operation]
        _authorize(desk, subject(desk), turn)
        outcome = run(desk)
        state = replace(turn.state, directory=desk.directory)
    except IamError as error:
        outcome, state = error, turn.state
    event = _event(desk, outcome if isinstance(outcome, IamError) else None)
    call.course.event = event.chained(turn.last_hash)
    turn.commit(state, [call.course.event])
    return outcome


def _authorize(desk: Desk, about: Arn, turn: Turn) -> None:
    """Ask the engine, as for a key; the policies of the caller decide. Root may do everything."""
    call, caller = desk.call, desk.call.signer.principal
    asked = Call(caller, call.operation, {}, REGION, access_key=call.signer.id)
    context = Context({**call.facts, "aws:RequestedRegion": REGION})
    resource = Resource(about, about.account)
    request = Request(caller, f"iam:{call.operation}", resource, context, at=desk.now)
    documents = desk.service.gate.documents(request, None, asked, turn.state)
    decision = decide(request, documents)
    call.course.decisions, call.course.documents = (decision,), (documents,)
    if not decision.allowed and desk.service.settings.enforce:
        raise IamError("AccessDenied", denial_message(decision) or "", 403)


def _event(desk: Desk, error: IamError | None) -> AuditEvent:
    call, caller = desk.call, desk.call.signer.principal
    asked = Call(caller, call.operation, {}, REGION, call.facts, access_key=call.signer.id)
    teller = Teller(asked)
    code = error.code if error is not None else None
    return AuditEvent(
        id=desk.service.entropy.uuid(),
        at=desk.now,
        request_id=call.request_id,
        caller=str(desk.caller),
        caller_kind=caller.kind.value,
        account=desk.account,
        operation=call.operation,
        region=REGION,
        resources=(),
        outcome=outcome_of(code),
        error_code=code,
        error_message=error.message if error is not None else None,
        parameters=logged(call.parameters) or None,
        identity=teller.identity(),
        source=teller.source(),
        agent=teller.agent(),
        read_only=is_read_only(call.operation),
        version=desk.service.settings.event_version,
    )
