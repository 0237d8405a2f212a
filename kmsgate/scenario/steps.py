"""Reading the steps of a test: calls, decisions, time, outside changes and looks."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from kms.directory import Account
from kms.shapes import Kind, request_kind, response_kind
from kmsgate.scenario import values
from kmsgate.scenario.alarms import read_query
from kmsgate.scenario.expectations import read_expectation
from kmsgate.scenario.fields import Fields, Item, listed, short
from kmsgate.scenario.members import (
    check_bytes,
    check_duration,
    check_facts,
    check_members,
    check_pattern,
    check_text,
    check_time,
    is_operation,
    no_member,
)
from kmsgate.scenario.model import (
    RELATIONS,
    AdvanceStep,
    CallStep,
    ChangeStep,
    LookStep,
    Step,
    WhoCanStep,
)
from kmsgate.scenario.names import region_of
from kmsgate.scenario.organizations import Organizations, level_names
from kmsgate.scenario.policies import Policies
from kmsgate.scenario.reach import OPERATIONS
from kmsgate.scenario.references import References
from kmsgate.scenario.tables import Matrix
from kmsgate.scenario.things import STATES
from kmsgate.scenario.views import LOOK_FIELDS
from kmsgate.scenario.work import WORKS, form_of, read_work
from kmsgate.scenario.world import World, check_caller
from policy import PolicyKind
from policy.tree import Array, Node, Object, String

CALL_FIELDS = (
    "as", "with", "context", "via", "endpoint", "region", "dry_run", "expect", "save", "note",
)  # fmt: skip
ACTIONS = ("call", "decide", "advance", "advance_to", "change", "look", "who_can", "run", "do")
BESIDE = {"call": CALL_FIELDS, "decide": CALL_FIELDS, "do": ("with", "expect", "save", "note")}
IDENTITY_CHANGES = ("policies", "boundary", "tags", "recreate", "delete")
CHANGES: Mapping[str, tuple[str, ...]] = {
    "key": ("policy", "add_statement", "drop_statement", "tags", "state"),
    "identity": IDENTITY_CHANGES,
    "role": IDENTITY_CHANGES,
    "user": IDENTITY_CHANGES,
    "endpoint": ("policy",),
    "scp": ("policies",),
    "rcp": ("policies",),
}
"""What a test can change from outside, and what of it."""

WHO_CAN_FIELDS = ("action", "key", *RELATIONS)
MAX_STEPS = 10_000


class Steps:
    """Reads the steps of one test in their order: a value must be saved before it is used.

    `default` is the caller of steps that name none.
    """

    def __init__(
        self,
        world: World,
        blocks: Mapping[str, Item],
        default: Item | None,
        bindings: Mapping[str, str],
    ) -> None:
        self.world = world
        self.blocks = blocks
        self.default = default
        self.names = References(world.facts, bindings)
        self.policies = Policies(
            world.policies.named, {**world.facts, **bindings}, world.policies.log
        )
        self.ran: set[str] = set()
        self._running: tuple[str, ...] = ()
        self._count = 0

    def of_test(self, fields: Fields) -> tuple[Step, ...]:
        """Return the steps, or the cells of the matrix, of a test."""
        if self.default is not None:
            self._check_caller(self.default)
        found: list[Step] = []
        if "steps" in fields:
            found = list(self._read(fields["steps"]))
        if "matrix" in fields:
            found = list(Matrix(fields["matrix"], self.world, self.names).cells())
        self.names.report()
        return tuple(found)

    def check_block(self, name: str) -> None:
        """Complain about a block that no test runs; what is saved before it is not known."""
        if name not in self.ran:
            self.ran.add(name)
            list(self._read(self.blocks[name]))

    def _read(self, item: Item) -> Iterator[Step]:
        item.check_filled("steps")
        for entry in item.items("steps"):
            self._count += 1
            if self._count == MAX_STEPS:
                entry.complain(f"the test grows beyond {MAX_STEPS:,} steps here")
            if self._count < MAX_STEPS:
                yield from self._step(entry)

    def _step(self, item: Item) -> Iterator[Step]:
        fields = item.members("a step", (*ACTIONS, *CALL_FIELDS))
        if not isinstance(item.node, Object):
            return
        actions = [name for name in ACTIONS if name in fields]
        if len(actions) != 1:
            if len(fields) == len(item.node.members):
                item.complain("a step needs exactly one of " + ", ".join(ACTIONS))
            self._save(fields, None, "the output")
            return
        action = actions[0]
        for name in fields.keys() - {action, *BESIDE.get(action, ("note",))}:
            fields[name].complain_name(f"'{name}' has no meaning beside '{action}'")
        fields.text("note")
        readers = {
            "call": self._call, "decide": self._call, "change": self._change, "look": self._look,
            "run": self._run, "do": self._do, "advance": self._advance,
            "advance_to": self._advance, "who_can": self._who_can,
        }  # fmt: skip
        yield from readers[action](item, fields)

    # Blocks, work outside, time

    def _run(self, _item: Item, fields: Fields) -> Iterator[Step]:
        item = fields["run"]
        name = item.text("a block")
        if name is None:
            return
        if name not in self.blocks:
            item.unknown("block", name, self.blocks)
        elif name in self._running:
            item.complain(f"block '{short(name)}' runs itself")
        else:
            self.ran.add(name)
            self._running = (*self._running, name)
            yield from self._read(self.blocks[name])
            self._running = self._running[:-1]

    def _do(self, item: Item, fields: Fields) -> Iterator[Step]:
        named = fields["do"]
        work = named.text("do")
        if work is not None and work not in WORKS:
            named.unknown("work", work, WORKS)
        known = work if work in WORKS else None
        step = read_work(known, item, fields, self.names) if known is not None else None
        kind = form_of(step).output if step is not None else None
        save = self._save(fields, kind, f"the output of {work}")
        if step is not None:
            yield replace(step, save=save)

    def _advance(self, item: Item, fields: Fields) -> Iterator[Step]:
        if "advance" in fields:
            check_duration(fields["advance"], self.names)
            yield AdvanceStep(item, amount=fields["advance"])
            return
        until = fields["advance_to"]
        if values.reference(until.node) is not None:
            self.names.check(until)
        else:
            check_time(until, "a time")
        yield AdvanceStep(item, until=until)

    # Calls and decisions

    def _call(self, item: Item, fields: Fields) -> Iterator[Step]:
        only_decide = "decide" in fields
        named = fields["decide" if only_decide else "call"]
        operation = named.text("an operation")
        if operation is not None and not is_operation(named, operation, only_decide=only_decide):
            operation = None
        caller = fields.get("as", self.default)
        if caller is None:
            item.complain("nobody makes this call", "write 'as: NAME' in the step or the test")
        elif "as" in fields:
            self._check_caller(caller)
        facts = check_facts(fields.get("context"), self.names)
        for name in ("via", "endpoint", "region"):
            if name in fields:
                self._check_route(name, fields[name])
        dry_run = fields.flag("dry_run")
        if operation is None:
            self._save(fields, None, "the output")
            return
        parameters = fields.get("with")
        if parameters is not None:
            check_members(parameters, request_kind(operation), operation, self.names)
        expect = read_expectation(
            fields.get("expect"), operation, self.names, only_decide=only_decide
        )
        if only_decide and "save" in fields:
            fields["save"].complain_name("a decision has no output to save")
        save = self._save(fields, response_kind(operation), f"the output of {operation}")
        if caller is not None:
            yield CallStep(
                item,
                operation=operation,
                only_decide=only_decide,
                caller=caller,
                parameters=parameters,
                facts=facts,
                via=fields.get("via"),
                endpoint=fields.get("endpoint"),
                region=fields.get("region"),
                dry_run=dry_run,
                expect=expect,
                save=save,
            )

    def _check_caller(self, item: Item) -> None:
        name = values.reference(item.node)
        if name is None:
            check_caller(item, self.world)
        elif name in self.names.bindings:
            chosen = String(self.names.bindings[name], item.node.span)
            check_caller(Item(chosen, item.source, item.log), self.world)
        else:
            self.names.check(item)

    def _check_route(self, name: str, item: Item) -> None:
        if values.reference(item.node) is not None:
            self.names.check(item)
        elif name == "region":
            region_of(item)
        elif (text := item.text(name)) is not None:
            endpoints = self.world.state.directory.endpoints
            if name == "via" and not values.is_service(text):
                item.complain(f"'{short(text)}' is not a service such as s3")
            elif name == "endpoint" and text not in endpoints and not text.startswith("vpce-"):
                item.unknown("endpoint", text, list(endpoints))

    def _save(self, fields: Fields, kind: Kind | None, what: str) -> dict[str, str]:
        """Return where values are saved, and from which members; without a kind, from any."""
        saved = {}
        for name, item in fields["save"].fields("save").items() if "save" in fields else ():
            self.names.save(name, item)
            text = item.text("an output member")
            if text is None:
                continue
            saved[name] = text
            part = kind
            for member in text.split("."):
                if part is not None and member not in part.parts:
                    at = Item(item.node, item.source, item.log)
                    no_member(at, member, part, what)
                part = part.parts.get(member) if part is not None else None
        return saved

    # Outside changes

    def _change(self, item: Item, fields: Fields) -> Iterator[Step]:
        subject, named, inner = self._subject(fields["change"], CHANGES)
        name = named.text("the name") if named is not None else None
        if named is None or subject is None or name is None:
            return
        if _says_nothing(fields["change"]):
            named.complain_name("nothing changes here", f"write {listed(CHANGES[subject])}")
        step = ChangeStep(item, subject=subject, name=name, fields=inner)
        if subject == "key":
            yield from self._key_change(step, named)
        elif subject == "endpoint":
            yield from self._endpoint_change(step, named)
        elif subject in ("scp", "rcp"):
            yield from self._organization_change(step, named)
        else:
            yield from self._identity_change(step, named)

    def _subject(
        self, item: Item, subjects: Mapping[str, Sequence[str]]
    ) -> tuple[str | None, Item | None, Fields]:
        """Return what a step is about, its name, and the other fields."""
        node = item.node
        written = [m.name.value for m in node.members] if isinstance(node, Object) else []
        named = [name for name in subjects if name in written]
        if len(named) != 1:
            item.members("this step")
            if isinstance(node, Object):
                item.complain(f"say which: {' or '.join(subjects)}")
            return None, None, Fields()
        what = f"this step about {'an' if named[0][0] in 'aeiou' else 'a'} {named[0]}"
        fields = item.fields(what, (named[0], *subjects[named[0]]))
        return named[0], fields.pop(named[0]), fields

    def _key_change(self, step: ChangeStep, named: Item) -> Iterator[Step]:
        fields = step.fields
        if step.name not in self.world.keys:
            named.unknown("key", step.name, self.world.keys)
            return
        if "policy" in fields and self._is_fixed(fields["policy"]):
            self.policies.key_policy(fields["policy"], self.world.keys[step.name].account)
        if "add_statement" in fields and self._is_fixed(fields["add_statement"]):
            self.policies.statement(fields["add_statement"])
        if "drop_statement" in fields:
            check_text(fields["drop_statement"], "drop_statement", self.names)
        self._check_tags(fields)
        if "state" in fields:
            fields["state"].choice("state", STATES)
        yield step

    def _check_tags(self, fields: Mapping[str, Item]) -> None:
        for name, item in fields["tags"].fields("tags").items() if "tags" in fields else ():
            check_text(item, f"'{short(name)}'", self.names)

    def _is_fixed(self, item: Item) -> bool:
        """Tell whether a policy is known by now, without any value that a step saves."""
        used = list(_references_in(item.node))
        if all(self.names.is_fixed(name) for name in used):
            return True
        self.names.check(item)
        return False

    def _endpoint_change(self, step: ChangeStep, named: Item) -> Iterator[Step]:
        endpoints = self.world.state.directory.endpoints
        if step.name not in endpoints:
            named.unknown("endpoint", step.name, list(endpoints))
        elif "policy" in step.fields:
            policy = self.policies.one(step.fields["policy"], PolicyKind.ENDPOINT_POLICY)
            if policy is not None:
                yield replace(step, policies=(policy,))

    def _organization_change(self, step: ChangeStep, named: Item) -> Iterator[Step]:
        account = self._account(named, step.name)
        if account is None:
            return
        kind = PolicyKind.SCP if step.subject == "scp" else PolicyKind.RCP
        item = step.fields.get("policies")
        levels = Organizations({}, self.policies).levels(item, account, kind) or ()
        changed = set(item.fields("policies")) if item is not None else set()
        if "account" in changed:
            changed.add(account.id)
        yield replace(step, levels={lv.target: lv for lv in levels if lv.target in changed})

    def _account(self, named: Item, name: str) -> Account | None:
        accounts = self.world.names.accounts
        if name not in accounts:
            named.unknown("account", name, accounts)
            return None
        account = self.world.state.directory.accounts[accounts[name]]
        if account.organization is None or not level_names(account):
            named.complain(f"account '{name}' belongs to no organization")
            return None
        return account

    def _identity_change(self, step: ChangeStep, named: Item) -> Iterator[Step]:
        fields, arn = step.fields, self.world.arns.get(step.name)
        kinds = ("user", "role") if step.subject == "identity" else (step.subject,)
        if arn is None or arn.service != "iam" or arn.type not in kinds:
            known = [n for n, a in self.world.arns.items() if a.type in kinds and "/" not in n]
            named.unknown(step.subject, step.name, known)
            return
        if "delete" in fields and len(fields) > 1:
            fields["delete"].complain_name("who is deleted cannot change otherwise")
        for name in ("delete", "recreate"):
            if name in fields and fields[name].boolean(name) is False:
                fields[name].complain(f"{name} can only be true")
        self._check_tags(fields)
        identity = PolicyKind.IDENTITY_POLICY
        boundary = fields.get("boundary")
        yield replace(
            step,
            policies=self.policies.all_of(fields.get("policies"), identity),
            boundary=self.policies.one(boundary, identity) if boundary is not None else None,
        )

    # Who can

    def _who_can(self, item: Item, fields: Fields) -> Iterator[Step]:
        asked = fields["who_can"].members("who_can", WHO_CAN_FIELDS)
        said = [name for name in RELATIONS if name in asked]
        for name in ("action", "key"):
            if name not in asked:
                fields["who_can"].complain_name(f"who_can needs '{name}'")
        action, key = asked.choice("action", OPERATIONS), asked.text("key")
        if key is not None and key not in self.world.keys:
            asked["key"].unknown("key", key, self.world.keys)
        if len(said) != 1:
            fields["who_can"].complain_name(f"who_can needs one of {', '.join(RELATIONS)}")
            return
        callers = tuple(asked.entries(said[0]))
        for caller in callers:
            self._check_named(caller)
        if said[0] == "at_least":
            asked[said[0]].check_filled("callers")
        if action is not None and key is not None and key in self.world.keys:
            yield WhoCanStep(
                item,
                action=action,
                key=key,
                relation=said[0],
                named=asked[said[0]],
                callers=callers,
            )

    def _check_named(self, item: Item) -> None:
        """Complain about a caller who has no name of his own in this world."""
        if values.reference(item.node) is not None:
            self.names.check(item)
            return
        name, callers = item.text("a caller"), self.world.names.callers
        if name is not None and name not in callers:
            message, help = self.world.unknown_caller(name)
            item.complain(message, help)

    # Looks

    def _look(self, item: Item, fields: Fields) -> Iterator[Step]:
        subject, named, inner = self._subject(fields["look"], LOOK_FIELDS)
        if subject is None or named is None:
            return
        if _says_nothing(fields["look"]):
            help = f"write {listed(LOOK_FIELDS[subject])}"
            named.complain_name("nothing is compared here", help)
        for name, entry in inner.items():
            check_pattern(entry, None, name, self.names)
        query = read_query(named, self.world.names) if subject == "events" else None
        if subject == "value":
            check_bytes(named, "value", self.names)
        elif subject in ("alias", "grant") and values.reference(named.node) is not None:
            self.names.check(named)
        elif subject != "events" and (text := named.text("the name")) is not None:
            self._check_look(subject, named, text)
        yield LookStep(item, subject, named, inner, query)

    def _check_look(self, subject: str, named: Item, text: str) -> None:
        known: dict[str, Collection[str]] = {
            "key": self.world.keys,
            "grant": self.world.names.grants,
            "event": ["last"],
            "alarm": self.world.alarms,
        }
        if subject == "alias":
            if not text.startswith("alias/"):
                named.complain(f"'{short(text)}' is not an alias name", "write alias/payroll")
        elif text not in known[subject]:
            named.unknown(subject, text, known[subject])


def _says_nothing(item: Item) -> bool:
    """Tell whether a step names what it is about, and nothing else."""
    return isinstance(item.node, Object) and len(item.node.members) == 1


def _references_in(node: Node) -> Iterator[str]:
    """Yield the names of all `$name`s in a node."""
    name = values.reference(node)
    if name is not None:
        yield name
    elif isinstance(node, Object):
        for member in node.members:
            yield from _references_in(member.value)
    elif isinstance(node, Array):
        for entry in node.items:
            yield from _references_in(entry)
