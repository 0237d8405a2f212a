"""Every error that a call can be answered with: the catalogue of `core/errors.yaml`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import kms
from kms.errors import BY_CODE, KmsError
from tests.conformance.errors import ANSWERS, DATA, SAMPLES, SMALLER, Answer, world


@pytest.mark.parametrize("answer", ANSWERS, ids=str)
def test_every_answer_of_the_catalogue_is_given(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CORE appendix A and the rule that the answer names."""
    here = world()
    asked = SAMPLES[answer.name](here)
    if answer.name in SMALLER:
        monkeypatch.setattr(SMALLER[answer.name], 1)

    call = here.request(asked.operation, asked.caller, **asked.more)
    reply = here.service.call(replace(call, parameters=asked.parameters))

    assert reply.error is not None
    assert (reply.error.code, reply.error.message) == (answer.code, answer.message(asked.facts))


# The catalogue is whole


def test_every_code_is_answered_or_has_a_reason_why_not() -> None:
    """CORE appendix A: whose codes and statuses `unit/kms/test_errors.py` has."""
    answered, never = set(DATA["answered"]), set(DATA["never"])

    assert answered | never == set(BY_CODE)
    assert not answered & never
    assert all(re.match(r"(K-\d+|Appendix A)\. ", why) for why in DATA["never"].values())


def test_every_answer_has_one_call_and_a_rule() -> None:
    names = [answer.name for answer in ANSWERS]

    assert sorted(names) == sorted(SAMPLES)
    assert all(re.match(r"K-|AUTH |section 13|appendix A|model", each.rule) for each in ANSWERS)


# Whose message is made of other texts. The last one stands for what cannot be: a request that is
# not read, and of which no value is of a wrong type.
NOT_SPELLED_OUT = {
    "AccessDenied(_denial(decision, target, scope), decision)",
    "MalformedPolicy(_first(error))",
    "ValidationFailed(refusal)",
    "ValidationFailed(report.message())",
    "SerializationFailed()",
}
CLASSES = {each.__name__: each for each in BY_CODE.values()}


def made(tree: ast.Module) -> Iterator[tuple[type[KmsError], ast.expr]]:
    """Yield the class and the expression of each error that a module makes."""
    for node in ast.walk(tree):
        made_as = node.func if isinstance(node, ast.Call) else getattr(node, "exc", None)
        if isinstance(made_as, ast.Name) and made_as.id in CLASSES:
            yield CLASSES[made_as.id], node if isinstance(node, ast.Call) else made_as


def pattern(expression: ast.expr, constants: dict[str, str]) -> str | None:
    """Return a pattern of the message that an error is made with; None is no message."""
    if not isinstance(expression, ast.Call) or not expression.args:
        return None
    text = expression.args[0]
    if isinstance(text, ast.Name):
        return re.escape(constants[text.id])
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    texts = [part.value if isinstance(part, ast.Constant) else None for part in parts]
    return "".join(re.escape(text) if isinstance(text, str) else ".+" for text in texts)


def test_every_error_that_the_code_makes_is_in_the_catalogue() -> None:
    seen = set()
    for path in Path(kms.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        constants = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for error, expression in made(tree):
            if ast.unparse(expression) in NOT_SPELLED_OUT:
                seen.add(ast.unparse(expression))
            elif error.code not in DATA["never"]:
                wanted = pattern(expression, constants)
                forms = [answer.form for answer in ANSWERS if answer.code == error.code]
                if wanted is None:
                    assert error.fixed in forms, f"{path.name}: {error.code} without a message"
                else:
                    found = [form for form in forms if form and re.fullmatch(wanted, form)]
                    assert found, f"{path.name}: {error.code} {wanted}"
    assert seen == NOT_SPELLED_OUT
