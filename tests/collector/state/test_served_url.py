from sqreen_mw.collector.state import State


def test_url_of_the_latest_start_is_returned(state: State) -> None:
    """Before the first start there is none."""
    seen = [state.served_url.get()]
    for url in ("http://a", "http://b", "http://b"):
        state.served_url.set(url)
        seen.append(state.served_url.get())

    assert seen == [None, "http://a", "http://b", "http://b"]
