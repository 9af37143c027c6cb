import subprocess
from pathlib import Path

import pytest

from tests.support.collector_process import run_collector
from tests.support.optional import need_program
from tests.support.waiting import PATIENCE

CASES = 8
"""Random cases of each operation, beside those that cover its schema. It takes half a minute."""


@pytest.mark.slow
def test_api_does_what_its_document_says(tmp_path: Path) -> None:
    """Generated requests, valid and invalid, find no answer that the OpenAPI document excludes."""
    program = need_program("schemathesis")
    with run_collector(tmp_path) as server:
        token = server.new_token("default", "query", "ingest")
        done = subprocess.run(
            [
                *(program, "run", f"{server.url}/openapi.json"),
                *("--header", f"Authorization: Bearer {token}"),
                *("--max-examples", str(CASES), "--generation-deterministic", "--warnings", "off"),
            ],
            cwd=tmp_path,  # it writes a cache
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    assert done.returncode == 0, done.stdout
