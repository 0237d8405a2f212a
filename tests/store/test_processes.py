"""Several processes on one database: nothing is lost, nothing is crossed, all can read all."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from kms import Call
from tests.crash import ADMIN, PROJECT, Place, prepare, require_chain, service_on
from tests.kms_world import REGION

PROCESSES, ROUNDS = 3, 6
_WORK = f"""
import base64, json, sys
from pathlib import Path
from kms import Call
from tests.crash import ADMIN, Place, service_on
from tests.kms_world import REGION

folder, shared, me = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
service = service_on(Place(folder).opened())
print("ready", flush=True)
sys.stdin.readline()

def do(operation, **parameters):
    return service.call(Call(ADMIN, operation, parameters, REGION)).unwrap()

for turn in range({ROUNDS}):
    key = do("CreateKey")["KeyMetadata"]["Arn"]
    do("TagResource", KeyId=shared, Tags=[{{"TagKey": f"{{me}}-{{turn}}", "TagValue": "x"}}])
    blob = do("Encrypt", KeyId=shared, Plaintext=me.encode())["CiphertextBlob"]
    print(json.dumps([key, base64.b64encode(blob).decode()]), flush=True)
"""


def test_processes_at_once_lose_and_cross_nothing(tmp_path: Path) -> None:
    prepare(Place(tmp_path))
    with closing(Place(tmp_path).opened()) as store:
        service = service_on(store)

        def do(operation: str, **parameters: object) -> dict[str, object]:
            return service.call(Call(ADMIN, operation, parameters, REGION)).unwrap()

        shared = do("CreateKey")["KeyMetadata"]["Arn"]  # type: ignore[index]
        command = [sys.executable, "-c", _WORK, str(tmp_path), str(shared)]
        workers = [
            subprocess.Popen(
                [*command, str(number)],
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for number in range(PROCESSES)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        told = [worker.communicate("go\n", timeout=60)[0].splitlines() for worker in workers]
        made = [(n, *json.loads(line)) for n, lines in enumerate(told) for line in lines]

        assert len(made) == PROCESSES * ROUNDS
        for number, _, blob in made:
            opened = do("Decrypt", CiphertextBlob=base64.b64decode(blob))
            assert opened["Plaintext"] == str(number).encode()
        with store.session() as session:
            keys = session.state.keys
        assert set(keys) == {shared, *(key for _, key, _ in made)}
        tags = {name for name, _ in keys[str(shared)].tags}
        assert tags == {f"{me}-{turn}" for me in range(PROCESSES) for turn in range(ROUNDS)}
        require_chain(store.events())
        assert len(store.events()) == 1 + 4 * PROCESSES * ROUNDS


def test_processes_that_make_the_store_at_once_make_one(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.crash import Place;"
        "print('ready', flush=True); sys.stdin.readline(); Place(Path(sys.argv[1])).opened()"
    )
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "new")],
            cwd=PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout is not None
        worker.stdout.readline()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=60)

    assert [worker.returncode for worker in workers] == [0] * PROCESSES
    with closing(Place(tmp_path / "new").opened()) as store:
        assert store.events() == ()
    assert not list((tmp_path / "new").glob("*.new*"))
