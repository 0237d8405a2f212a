"""`kmsgate demo`: one key, a few people and real cryptography, told in well under a minute."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import rich_click as click

from kms.gate import Gate
from kms.operation import Call
from kms.runtime import FixedClock, SystemEntropy
from kms.service import Reply, Service
from kms.store import MemoryStore
from kmsgate.commands.explain import show_explanation
from kmsgate.commands.options import color_option
from kmsgate.linting.checking import Checked
from kmsgate.linting.text import show_text
from kmsgate.output import Screen, safe, screen
from kmsgate.resources import bundled_scenarios
from kmsgate.scenario.files import load, load_world
from kmsgate.scenario.report import Ran, show_suite
from kmsgate.scenario.run import path_of, run
from kmsgate.scenario.world import World
from policy import Decision, Documents, PolicyKind, Principal, Source, read
from policy.lint import lint

PAUSE_SECONDS = 1.2
"""How long the story waits between scenes, if someone is watching."""

_PEOPLE = ("key-admin", "payroll-app", "auditor", "report-job", "outsider", "root")
_QUESTIONS = ("DescribeKey", "Encrypt", "Decrypt", "PutKeyPolicy", "CreateGrant")
_PAIRS = {"department": "payroll"}


@click.command()
@color_option
@click.option("--no-pause", is_flag=True, help="Do not wait between the scenes.")
def command(color: str, no_pause: bool) -> int:
    """Watch a key policy decide who may use a real key. Nothing is written to disk."""
    out = screen(color=color)
    pause = PAUSE_SECONDS if sys.stdout.isatty() and not no_pause else 0.0
    return _Story(out, lambda: time.sleep(pause) if pause else None).tell()


@dataclass
class _Story:
    """The story, scene by scene, over the demo world that comes with kmsgate."""

    out: Screen
    wait: Callable[[], None]

    def __post_init__(self) -> None:
        (folder,) = bundled_scenarios()
        self.folder = folder
        self.world: World = load_world(str(folder / "demo" / "demo.world.yaml"))
        self.key = self.world.arns["payroll"]
        self.clock = FixedClock(self.world.clock)
        self.store = MemoryStore(self.world.state)
        self.service = Service(self.store, Gate(), self.clock, SystemEntropy(), self.world.settings)

    def tell(self) -> int:
        """Tell all scenes; return the exit code."""
        bold = self.out.paint("kmsgate demo", "strong")
        self.out.line(f"{bold}: one payroll key, six people, and a reason for every yes and no")
        for scene in (
            self.draft, self.people, self.encryption, self.explained, self.grant, self.suite,
        ):  # fmt: skip
            self.wait()
            self.out.line()
            scene()
            self.out.flush()
        self.wait()
        self.end()
        return 0

    # Scenes

    def draft(self) -> None:
        self.title(1, "A policy draft, before it ships", "kmsgate lint payroll-key.draft.json")
        draft = (self.folder / "demo" / "payroll-key.draft.json").read_text(encoding="utf-8")
        document = read(Source("payroll-key.draft.json", draft), PolicyKind.KEY_POLICY)
        show_text(self.out, [Checked(document, lint(document))])
        self.say("Two slips, each at its character: AWS would refuse the whole document.")
        self.say("Mended, it is put on a key. IAM may speak (LetIamSpeak), key-admin administers,")
        self.say("payroll-app uses the key for the department payroll, and auditors are kept out.")

    def people(self) -> None:
        self.title(2, "Who may do what", "every cell is a decision over all policies")
        width = max(len(name) for name in _QUESTIONS)
        self.out.line(f"   {' ' * width}  " + "  ".join(_PEOPLE))
        for operation in _QUESTIONS:
            cells = [self.cell(person, operation) for person in _PEOPLE]
            self.out.line(f"   {operation.ljust(width)}  " + "  ".join(cells))
        self.say("DENY is an explicit deny, deny the lack of any allow. The auditor and the")
        self.say("outsider have IAM policies that allow kms:Decrypt: for a key that is not enough.")

    def cell(self, person: str, operation: str) -> str:
        reply = self.ask(person, operation, **self.members(operation))
        word, style = ("allow", "good") if reply.error is None else ("deny", "bad")
        if reply.decisions and reply.decisions[-1].outcome == "ExplicitlyDenied":
            word = "DENY"
        return self.out.paint(word, style) + " " * (len(person) - len(word))

    def members(self, operation: str) -> dict[str, Any]:
        members: dict[str, Any] = {"KeyId": str(self.key)}
        if operation in ("Encrypt", "Decrypt"):
            members["EncryptionContext"] = _PAIRS
        return members

    def encryption(self) -> None:
        self.title(
            3, "Real cryptography behind the gate", "AES-256-GCM under a key made a moment ago"
        )
        reply = self.do(
            "payroll-app", "Encrypt",
            KeyId="alias/payroll", Plaintext=b"salary list, January", EncryptionContext=_PAIRS,
        )  # fmt: skip
        self.blob = reply.unwrap()["CiphertextBlob"]
        self.say(
            f"{len(self.blob)} bytes come back: {self.blob[:4].hex()} {self.blob[80:96].hex()}…"
        )
        reply = self.do(
            "payroll-app", "Decrypt", CiphertextBlob=self.blob, EncryptionContext=_PAIRS
        )
        text = reply.unwrap()["Plaintext"].decode()
        self.say(f"and open again: '{text}'")
        self.do("auditor", "Decrypt", CiphertextBlob=self.blob, EncryptionContext=_PAIRS)
        self.do("outsider", "Decrypt", CiphertextBlob=self.blob, EncryptionContext=_PAIRS)

    def explained(self) -> None:
        self.title(4, "A no, explained", "payroll-app forgets the encryption context")
        reply = self.ask("payroll-app", "Decrypt", KeyId=str(self.key))
        decision = reply.decisions[-1]
        show_explanation(self.out, decision, self.documents(decision), "key policy")

    def documents(self, decision: Decision) -> Documents:
        """Return what spoke about a decision, so that changes to it can be tried."""
        state = self.store.state
        key = state.key(self.key)
        call = Call(decision.request.principal, "Decrypt", {}, self.world.region)
        return self.service.gate.documents(decision.request, key, call, state)

    def grant(self) -> None:
        self.title(5, "A grant and its token", "report-job may decrypt for one purpose, at once")
        decrypt = {"CiphertextBlob": self.blob, "EncryptionContext": _PAIRS}
        self.do("report-job", "Decrypt", **decrypt)
        reply = self.do(
            "key-admin", "CreateGrant",
            KeyId=str(self.key),
            GranteePrincipal=str(self.world.arns["report-job"]),
            Operations=["Decrypt"],
            Constraints={"EncryptionContextSubset": _PAIRS},
            Name="january-report",
        )  # fmt: skip
        token = reply.unwrap()["GrantToken"]
        self.say("A new grant takes a while to be known everywhere; its token bridges that time:")
        self.do("report-job", "Decrypt", **decrypt)
        self.do("report-job", "Decrypt", token=token, **decrypt)
        self.clock.advance(dt.timedelta(minutes=5))
        self.say("five minutes later, without the token:")
        self.do("report-job", "Decrypt", **decrypt)

    def suite(self) -> None:
        self.title(6, "The same as a test", "kmsgate test payroll.scenario.yaml")
        suite = load(str(self.folder / "payroll.scenario.yaml"))
        ran = Ran(suite, tuple(run(suite)))
        show_suite(self.out, ran, name="payroll.scenario.yaml")

    def end(self) -> None:
        events = self.store.events()
        intact = all(event.is_intact() for event in events)
        self.out.line()
        count = len(events)
        chain = "intact" if intact else "broken"
        self.out.line(f"{count} calls, {count} audit events, their hash chain is {chain}.")
        tests, linter = (
            self.out.paint(text, "strong")
            for text in ("kmsgate test --bundled", "kmsgate lint FILE")
        )
        self.out.line(f"Next: {tests} proves the course, {linter} checks a policy of yours.")

    # Helpers

    def title(self, number: int, text: str, aside: str) -> None:
        title = self.out.paint(f"{number} {text}", "strong")
        self.out.line(f"{title}  {self.out.paint(f'({aside})', 'faint')}")

    def say(self, text: str) -> None:
        self.out.line(f"   {text}")

    def made(self, person: str, operation: str, members: dict[str, Any]) -> Call:
        return Call(self.caller(person), operation, members, self.world.region)

    def caller(self, person: str) -> Principal:
        """Return one of the people of the demo world."""
        caller = self.world.caller(person, self.store.state.directory)
        if caller is None:
            raise LookupError(f"the demo world has no {person}")
        return caller

    def ask(self, person: str, operation: str, **members: Any) -> Reply:
        return self.service.decide(self.made(person, operation, members))

    def do(self, person: str, operation: str, token: str | None = None, **members: Any) -> Reply:
        """Make a call for real, and write what came of it."""
        if token is not None:
            members["GrantTokens"] = [token]
        reply = self.service.call(self.made(person, operation, members))
        with_token = " with the token" if token is not None else ""
        who = f"{person} calls {operation}{with_token}".ljust(42)
        if reply.error is None:
            sign = self.out.paint(self.out.glyph("ok"), "good")
            self.out.line(f"   {sign} {who} {safe(path_of(reply.decisions[-1]))}")
        else:
            sign = self.out.paint(self.out.glyph("no"), "bad")
            self.out.line(f"   {sign} {who} {self.no(reply)}")
        return reply

    def no(self, reply: Reply) -> str:
        if not reply.decisions:
            return safe(str(reply.error))
        decision = reply.decisions[-1]
        how = "a deny in" if decision.outcome == "ExplicitlyDenied" else "no allow by"
        names = ", ".join(by.name for by in decision.by if hasattr(by, "name"))
        return safe(f"{how} {decision.layer}" + (f": {names}" if names else ""))
