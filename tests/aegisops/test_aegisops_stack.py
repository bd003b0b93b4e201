"""Starting the stack where it cannot start says what to do; its configuration holds what the layout says."""

import configparser
import socket
import sys
from pathlib import Path

import pytest

from aegisops.errors import StackError
from aegisops.settings import StackSettings
from aegisops.stack import Stack, StackLayout
from aegisops.stack.launcher import running_pid
from aegisops.stack.layout import REPLICAS, programs
from aegisops.stack.supervisord import render


def test_a_taken_port_is_named_with_its_owner_and_variable(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        stack = Stack(StackSettings(collector_binary="off", responder_port=port), tmp_path / "up")
        with pytest.raises(StackError, match=rf"port {port} is taken \(responder; AEGISOPS_RESPONDER_PORT\)"):
            stack.start()


def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    stack = Stack(StackSettings(collector_binary="off"), tmp_path / "file" / "up")
    with pytest.raises(StackError, match="set AEGISOPS_STATE_DIR to a directory that you may write to"):
        stack.start()


def test_a_path_too_long_for_a_socket_is_refused_before_anything_starts(tmp_path: Path) -> None:
    stack = Stack(StackSettings(collector_binary="off"), tmp_path / ("deep" * 30))
    with pytest.raises(StackError, match="too long for a Unix socket"):
        stack.start()


def test_only_the_first_replica_of_the_app_starts_by_itself(tmp_path: Path) -> None:
    layout = StackLayout(tmp_path)
    parser = configparser.RawConfigParser()
    parser.read_string(render(programs(StackSettings(collector_binary="off"), layout), layout))
    started = [parser.getboolean(f"program:buggy-app-{n}", "autostart") for n in range(REPLICAS)]
    assert started == [True, False, False, False]
    assert parser.get("group:buggy-app", "programs").split(",") == [f"buggy-app-{n}" for n in range(REPLICAS)]


def test_a_percent_sign_in_a_path_reaches_the_process_as_it_is(tmp_path: Path) -> None:
    layout = StackLayout(tmp_path / "100%")
    text = render(programs(StackSettings(collector_binary="off"), layout), layout)
    assert "100%%" in text
    assert "100%/" not in text
    assert sys.executable in text


def test_a_stale_pid_file_does_not_count_as_a_running_stack(tmp_path: Path) -> None:
    layout = StackLayout(tmp_path)
    layout.supervisord_pid.write_text("1")
    assert running_pid(layout) is None
