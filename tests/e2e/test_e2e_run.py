"""``run`` in all its forms: what goes in, what the container sees, and what comes out."""

import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.clients import Client
from tests.support.waiting import wait_until

pytestmark = pytest.mark.reference


def test_the_container_gets_environment_directory_user_and_host_name(client: Client, tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.write_text("# a comment\n\nFROM_FILE=one two\nINHERITED_BY_FILE\nBOTH=file\n")
    out = client(
        *("run", "--rm", "-e", "PLAIN=1", "-e", "INHERITED", "-e", "BOTH=flag", "-e", "NOT_SET_HERE"),
        *("--env-file", str(env_file), "-w", "/tmp/made/here", "-u", "app:www-data", "--hostname", "boat"),
        *(
            "--label",
            "a=b",
            "busybox",
            "sh",
            "-c",
            "env; pwd; id; hostname; cat /etc/hostname; cat /etc/hosts",
        ),
        env={"INHERITED": "from outside", "INHERITED_BY_FILE": "too"},
    ).lines
    for line in (
        "PLAIN=1",
        "INHERITED=from outside",
        "FROM_FILE=one two",
        "INHERITED_BY_FILE=too",
        "BOTH=flag",
    ):
        assert line in out
    assert not [line for line in out if line.startswith("NOT_SET_HERE")]
    assert "HOME=/home/app" in out
    assert "HOSTNAME=boat" in out
    assert "/tmp/made/here" in out
    assert "uid=1000(app) gid=33(www-data) groups=33(www-data)" in out
    assert out.count("boat") == 2
    assert any(re.fullmatch(r"\d+\.\d+\.\d+\.\d+\tboat", line) for line in out)
    assert "127.0.0.1\tlocalhost" in out


@pytest.mark.parametrize(
    ("user", "identity"),
    [
        ("app", "uid=1000(app) gid=1000(app) groups=29(audio),4(adm),1000(app)"),
        ("1000", "uid=1000(app) gid=1000(app) groups=29(audio),4(adm),1000(app)"),
        ("1000:29", "uid=1000(app) gid=29(audio) groups=29(audio)"),
        ("4242", "uid=4242 gid=0(root) groups=0(root)"),
        (":33", "uid=0(root) gid=33(www-data) groups=33(www-data)"),
    ],
)
def test_users_are_looked_up_inside_the_image(client: Client, user: str, identity: str) -> None:
    out = client.text("run", "--rm", "--network", "none", "-u", user, "busybox", "id")
    head, _, groups = out.partition(" groups=")
    expected_head, _, expected_groups = identity.partition(" groups=")
    assert head == expected_head
    assert sorted(groups.split(",")) == sorted(expected_groups.split(","))


def test_group_add_joins_more_groups(client: Client) -> None:
    out = client.text("run", "--rm", "--group-add", "audio", "--group-add", "777", "busybox", "id", "-G")
    assert {"29", "777"} <= set(out.split())


def test_every_exit_code_comes_through(client: Client) -> None:
    codes = (0, 1, 2, 125, 126, 127, 130, 255)
    running = {code: client.popen("run", "--rm", "busybox", "sh", "-c", f"exit {code}") for code in codes}
    for process in running.values():
        process.communicate(timeout=120)
    assert {code: process.returncode for code, process in running.items()} == {code: code for code in codes}


def test_a_command_that_is_not_there_exits_127(client: Client) -> None:
    result = client("run", "--rm", "busybox", "nosuchcommand", code=127)
    assert 'exec: "nosuchcommand": executable file not found in $PATH' in result.err


def test_a_command_that_cannot_be_executed_exits_126(client: Client) -> None:
    result = client("run", "--rm", "busybox", "/etc/passwd", code=126)
    assert 'exec: "/etc/passwd": permission denied' in result.err


def test_a_container_that_failed_to_start_with_rm_is_gone(client: Client) -> None:
    client("run", "--rm", "--name", "unlucky", "busybox", "nosuchcommand", code=127)
    assert client.text("ps", "-aq") == ""


def test_standard_output_and_error_stay_apart(client: Client) -> None:
    result = client("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2")
    assert (result.out, result.err) == ("out\n", "err\n")


def test_standard_input_reaches_the_container_and_its_end_too(client: Client) -> None:
    data = bytes(range(256)) * 8192
    done = subprocess.run(
        client.argv("run", "-i", "--rm", "busybox", "sh", "-c", "cat; echo end >&2"),
        env=client.env,
        input=data,
        capture_output=True,
        timeout=120,
    )
    assert done.returncode == 0
    assert done.stdout == data
    assert done.stderr == b"end\n"


def test_without_i_standard_input_is_empty(client: Client) -> None:
    assert client("run", "--rm", "busybox", "sh", "-c", "cat; echo done", input="unseen").out == "done\n"


def test_output_after_the_end_of_input_still_arrives(client: Client) -> None:
    script = "cat >/dev/null; sleep 0.3; echo late"
    assert client("run", "-i", "--rm", "busybox", "sh", "-c", script, input="x").out == "late\n"


def test_attaching_only_one_stream_shows_only_that_one(client: Client) -> None:
    result = client("run", "--rm", "-a", "stderr", "busybox", "sh", "-c", "echo out; echo err >&2")
    assert (result.out, result.err) == ("", "err\n")


def test_a_detached_container_runs_under_its_name(client: Client, tmp_path: Path) -> None:
    cidfile = tmp_path / "cid"
    container = client.start("--name", "bg", "--cidfile", str(cidfile), "busybox", "sleep", "60")
    assert re.fullmatch("[0-9a-f]{64}", container)
    assert cidfile.read_text() == container
    assert (
        client.text("ps", "--no-trunc", "--format", "{{.ID}} {{.Names}} {{.Image}}")
        == f"{container} bg busybox"
    )
    assert (
        client("run", "--cidfile", str(cidfile), "busybox", "true", code=125).err.count("ID file found") == 1
    )


def test_rm_removes_the_container_and_its_anonymous_volumes(client: Client) -> None:
    before = client.text("volume", "ls", "-q")
    client("run", "--rm", "-v", "/scratch", "busybox", "touch", "/scratch/x")
    wait_until(lambda: client.text("ps", "-aq") == "", "the container is removed")
    wait_until(lambda: client.text("volume", "ls", "-q") == before, "its volume is removed")


def test_detached_rm_removes_when_the_container_ends(client: Client) -> None:
    client("run", "-d", "--rm", "busybox", "true")
    wait_until(lambda: client.text("ps", "-aq") == "", "the container is removed")


def test_init_reaps_and_the_command_is_its_child(client: Client) -> None:
    out = client("run", "--rm", "--init", "busybox", "sh", "-c", "echo $$; cat /proc/1/comm").lines
    assert out[0] != "1"
    assert out[1] in ("docker-init", "tini", "scow-init")
    assert client("run", "--rm", "--init", "busybox", "sh", "-c", "exit 7", code=7).code == 7


def test_read_only_leaves_tmpfs_and_volumes_writable(client: Client) -> None:
    script = (
        "touch /x 2>&1; touch /tmp/a /vol/a && echo written; mount | grep ' /tmp ';"
        "df -k /tmp | tail -1 | awk '{print $2}'; touch /dev/shm/x && echo shm"
    )
    out = client(
        *("run", "--rm", "--read-only", "--tmpfs", "/tmp:rw,size=1m", "-v", "/vol"),
        *("busybox", "sh", "-c", script),
    ).out
    assert "touch: /x: Read-only file system" in out
    assert "written" in out
    assert re.search(r"tmpfs on /tmp type tmpfs \(rw,nosuid,nodev,noexec,", out)
    assert "\n1024\nshm\n" in out


def test_bind_mounts_show_the_hosts_files(client: Client, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "from-host").write_text("hello from the host")
    (tmp_path / "single").write_text("one file")
    out = client(
        *("run", "--rm", "-v", f"{tmp_path}:/data", "-v", f"{tmp_path}:/ro:ro"),
        *("-v", f"{tmp_path}/single:/etc/single", "busybox", "sh", "-c"),
        "cat /data/from-host; echo; echo back >/data/from-container; touch /ro/x 2>&1; cat /etc/single",
    ).out
    assert out == "hello from the host\ntouch: /ro/x: Read-only file system\none file"
    assert (tmp_path / "from-container").read_text() == "back\n"


def test_v_makes_a_missing_folder_and_mount_refuses_it(client: Client, tmp_path: Path) -> None:
    client("run", "--rm", "-v", f"{tmp_path}/made:/data", "busybox", "touch", "/data/x")
    assert (tmp_path / "made" / "x").exists()
    result = client(
        *("run", "--rm", "--mount", f"type=bind,src={tmp_path}/missing,dst=/data", "busybox", "true"),
        code=125,
    )
    assert "bind source path does not exist" in result.err
    assert not (tmp_path / "missing").exists()


def test_a_named_volume_keeps_its_data_and_starts_with_the_images(client: Client) -> None:
    client("run", "--rm", "-v", "kept:/etc", "busybox", "sh", "-c", "echo mine >/etc/own")
    out = client.text(
        *("run", "--rm", "--mount", "type=volume,src=kept,dst=/v,readonly", "busybox", "sh", "-c"),
        "cat /v/own; grep -c root /v/passwd; touch /v/x 2>&1; true",
    )
    assert out == "mine\n1\ntouch: /v/x: Read-only file system"
    assert client.text("volume", "ls", "-q") == "kept"
    client("volume", "rm", "kept")
    assert client.text("volume", "ls", "-q") == ""


def test_mount_makes_tmpfs_with_size_and_mode(client: Client) -> None:
    out = client.text(
        *(
            "run",
            "--rm",
            "--mount",
            "type=tmpfs,dst=/t,tmpfs-size=65536,tmpfs-mode=700",
            "busybox",
            "sh",
            "-c",
        ),
        "stat -c %a /t; df -k /t | tail -1 | awk '{print $2}'",
    )
    assert out == "700\n64"


def test_entrypoint_replaces_the_images(client: Client) -> None:
    assert client.text("run", "--rm", "--entrypoint", "/bin/echo", "busybox", "a", "b") == "a b"
    assert client.text("run", "--rm", "--entrypoint", "", "busybox", "echo", "plain") == "plain"
    container = client.text("create", "--entrypoint", "sleep", "busybox", "3")
    assert client.inspect(
        container, "{{json .Config.Entrypoint}} {{json .Config.Cmd}} {{.Path}} {{.Args}}"
    ) == ('["sleep"] ["3"] sleep [3]')


def test_labels_come_from_flags_and_file_and_filter_lists(client: Client, tmp_path: Path) -> None:
    (tmp_path / "labels").write_text("from.file=1\n")
    client(
        "create",
        "--name",
        "labelled",
        "--label",
        "a=b",
        "-l",
        "empty",
        "--label-file",
        f"{tmp_path}/labels",
        "busybox",
    )
    assert client.inspect("labelled", "{{json .Config.Labels}}") == '{"a":"b","empty":"","from.file":"1"}'
    listed = client.text(
        "ps", "-a", "--filter", "label=a=b", "--filter", "label=empty", "--format", "{{.Names}}"
    )
    assert listed == "labelled"
    assert client.text("ps", "-aq", "--filter", "label=a=c") == ""


def test_the_stop_signal_and_time_of_the_container_are_used(client: Client) -> None:
    script = 'trap "echo got usr1; exit 5" USR1; echo ready; while :; do sleep 0.05; done'
    client.start("--name", "polite", "--stop-signal", "USR1", "busybox", "sh", "-c", script)
    wait_until(lambda: "ready" in client.text("logs", "polite"), "the trap is set")
    client("stop", "polite")
    assert client.text("logs", "polite").splitlines()[-1] == "got usr1"
    assert client.inspect("polite", "{{.State.ExitCode}}") == "5"
    client.start("--name", "deaf", "--stop-timeout", "1", "busybox", "sleep", "600")
    # Ten seconds is what it would take without.
    assert client.daemon.api("POST", "/containers/deaf/stop", timeout_s=9).status == 204
    assert client.inspect("deaf", "{{.State.ExitCode}}") == "137"


def test_signals_to_the_command_line_reach_the_container(client: Client) -> None:
    script = 'trap "echo caught; exit 9" TERM; echo ready; while :; do sleep 0.05; done'
    process = client.popen("run", "--rm", "busybox", "sh", "-c", script)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.terminate()
    assert process.communicate(timeout=120)[0] == b"caught\n"
    assert process.returncode == 9


def test_without_signal_proxy_the_container_stays(client: Client) -> None:
    process = client.popen(
        "run", "--sig-proxy=false", "--name", "alone", "busybox", "sh", "-c", "echo up; sleep 3600"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=120)
    assert client.status("alone") == "running"


def test_the_command_sees_limits_sysctls_and_ulimits(client: Client) -> None:
    out = client(
        *(
            "run",
            "--rm",
            "--ulimit",
            "nofile=1024:2048",
            "--ulimit",
            "core=0",
            "--sysctl",
            "net.ipv4.ip_forward=0",
        ),
        *(
            "--shm-size",
            "1m",
            "--add-host",
            "db:10.1.2.3",
            "--dns",
            "192.0.2.53",
            "--dns-search",
            "example.org",
        ),
        *("busybox", "sh", "-c"),
        "ulimit -n; ulimit -Hn; ulimit -c; cat /proc/sys/net/ipv4/ip_forward;"
        "df -k /dev/shm | awk 'END{print $2}'; grep db /etc/hosts; cat /etc/resolv.conf",
    ).lines
    assert out[:6] == ["1024", "2048", "0", "0", "1024", "10.1.2.3\tdb"]
    assert "nameserver 192.0.2.53" in out
    assert "search example.org" in out
