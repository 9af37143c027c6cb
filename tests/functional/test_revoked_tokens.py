import subprocess
import sys
from pathlib import Path

import httpx2

from tests.support.collector_process import run_collector
from tests.support.processes import ROOT, clean_environment
from tests.support.waiting import PATIENCE


def test_revoked_token_is_refused_by_all_collectors(tmp_path: Path) -> None:
    """Two collectors with the same state answer 401 as soon as the command returns."""
    state_url = f"sqlite:///{tmp_path / 'one' / 'state.db'}"
    with (
        run_collector(tmp_path / "one") as one,
        run_collector(tmp_path / "other", "--state-url", state_url) as other,
    ):
        token = one.new_token("shop", "query")
        headers = {"Authorization": f"Bearer {token}"}
        reads = [f"{each.url}/v1/events/query" for each in (one, other)]
        before = [httpx2.get(url, headers=headers, timeout=PATIENCE).status_code for url in reads]
        revoke = ["sqreen_mw", "tokens", "revoke", token, "--state-url", state_url]
        subprocess.run(
            [sys.executable, "-m", *revoke],
            check=True,
            timeout=PATIENCE,
            cwd=ROOT,
            env=clean_environment({}),
        )
        after = [httpx2.get(url, headers=headers, timeout=PATIENCE).status_code for url in reads]

    assert (before, after) == ([200, 200], [401, 401])
