import pytest

from benchmarks.child import in_child
from benchmarks.event_trace import moves
from benchmarks.peers.peer import OURS
from benchmarks.recording import Step, recorded_event
from benchmarks.stub.running import running_stub


def test_moves_are_calls_and_returns_to_another_file() -> None:
    """Calls within a file are no moves, and each thread has its own trace."""
    steps = [
        Step(is_caller=True, file="api.py", function="track"),
        Step(is_caller=True, file="api.py", function="_checked"),
        Step(is_caller=True, file="queue.py", function="put"),
        Step(is_caller=False, file="flusher.py", function="run"),
        Step(is_caller=True, file="api.py", function=None),
        Step(is_caller=False, file="sender.py", function="send"),
    ]

    assert moves(steps) == 3


@pytest.mark.parametrize("in_request", [False, True])
def test_trace_goes_from_track_to_the_transport(*, in_request: bool) -> None:
    """The trace begins with ``track()`` in the calling thread and contains the HTTP transport."""
    with running_stub() as stub:
        steps = [
            Step(*step)
            for step in in_child(recorded_event, name=OURS, url=stub.url, in_request=in_request)
        ]

    assert steps[0].is_caller
    assert str(steps[0].function).endswith("track")
    assert not steps[-1].is_caller
    assert any(step.function == "HttpTransport.send" for step in steps)
