import msgspec
import pytest

from scow import errors
from scow.api.server import call
from tests.unit.api.api_fakes import Fakes
from tests.unit.api.api_wire import request_bytes, runs


@pytest.mark.parametrize("target", ["/info", "/v1.24/info", "/v1.55/info", "/v1.41.0/info"])
@runs
async def test_spoken_versions_and_none_are_answered(target: str) -> None:
    async with Fakes().serving() as harness:
        assert (await (await harness.client()).request("GET", target)).status == 200


@pytest.mark.parametrize("version", ["1.56", "1.99", "2.0", "9" * 40 + ".1", "1." + "9" * 5000])
@runs
async def test_a_version_that_is_too_new_is_refused(version: str) -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).request("GET", f"/v{version}/info")
        assert reply.status == 400
        assert reply.message == f"client version {version} is too new. Maximum supported API version is 1.55"


@pytest.mark.parametrize("version", ["1.23", "1.9", "0.1", "1", ".", "..."])
@runs
async def test_a_version_that_is_too_old_is_refused_by_name(version: str) -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).request("GET", f"/v{version}/info")
        if version in (".", "..."):
            assert reply.status in (301, 400)
            return
        assert reply.status == 400
        assert reply.message == (
            f"client version {version} is too old. Minimum supported API version is 1.24, "
            "please upgrade your client to a newer version"
        )


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/"),
        ("GET", "/nope"),
        ("GET", "/v1.50"),
        ("GET", "/v1.50/nope"),
        ("GET", "/v9.99/nope"),
        ("GET", "/info/"),
        ("PUT", "/info"),
        ("HEAD", "/info"),
        ("GET", "/containers/x"),
        ("GET", "/containers/"),
        ("DELETE", "/containers/"),
        ("GET", "/exec/json"),
        ("PUT", "/networks/create"),
        ("PUT", "/auth"),
        ("GET", "/vx/info"),
    ],
)
@runs
async def test_what_is_not_there_is_page_not_found(method: str, target: str) -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).request(method, target)
        assert reply.status == 404
        if method != "HEAD":
            assert reply.message == "page not found"


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("//info", "/info"),
        ("/v1.41/../_ping", "/_ping"),
        ("/containers//json?all=1&a=%20", "/containers/json?all=1&a=%20"),
        ("/a%20b//c", "/a%20b/c"),
        ("//a%0d%0aSet-Cookie:%20x", "/a%0D%0ASet-Cookie:%20x"),
    ],
)
@runs
async def test_unclean_paths_are_redirected(target: str, location: str) -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).request("GET", target)
        assert reply.status == 301
        assert reply.headers["location"] == location


@pytest.mark.parametrize("target", ["/info", "/nope", "/v9.9/info", "//", "/containers/json"])
@runs
async def test_all_answers_say_what_they_come_from(target: str) -> None:
    async with Fakes().serving() as harness:
        headers = (await (await harness.client()).request("GET", target)).headers
        assert headers["api-version"] == "1.55"
        assert headers["ostype"] == "linux"
        assert headers["docker-experimental"] == "false"
        assert headers["server"].startswith("scow/")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidArgumentError, 400),
        (errors.ParseError, 400),
        (errors.UnauthenticatedError, 401),
        (errors.PermissionDeniedError, 403),
        (errors.NotFoundError, 404),
        (errors.ConflictError, 409),
        (errors.ScowError, 500),
        (errors.TimeoutExceededError, 500),
        (errors.IntegrityError, 500),
        (errors.UnsupportedError, 501),
        (errors.UnavailableError, 503),
    ],
)
@runs
async def test_each_class_of_error_has_its_status(error: type[errors.ScowError], status: int) -> None:
    fakes = Fakes()
    fakes.containers.fail("inspect", error("what went wrong", hint="never sent"))
    async with fakes.serving() as harness:
        client = await harness.client()
        reply = await client.request("GET", "/containers/x/json")
        assert (reply.status, reply.json) == (status, {"message": "what went wrong"})
        assert (await client.request("GET", "/info")).status == 200


@runs
async def test_not_modified_has_no_body() -> None:
    fakes = Fakes()
    fakes.lifecycle.fail("start", errors.NotModified("already"))
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request("POST", "/containers/x/start")
        assert (reply.status, reply.body) == (304, b"")
        assert "content-length" not in reply.headers


@runs
async def test_a_bug_is_a_500_with_a_message_and_a_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fakes = Fakes()
    fakes.containers.fail("inspect", ZeroDivisionError("by zero"))
    async with fakes.serving() as harness:
        client = await harness.client()
        reply = await client.request("GET", "/containers/x/json")
        assert (reply.status, reply.message) == (500, "ZeroDivisionError: by zero")
        assert (await client.request("GET", "/info")).status == 200
    assert "Traceback" in caplog.text


@runs
async def test_a_message_with_a_name_that_is_no_utf_8_is_still_an_answer() -> None:
    fakes = Fakes()
    fakes.containers.fail("inspect", errors.ScowError("no such file: \udcff"))
    async with fakes.serving() as harness:
        reply = await (await harness.client()).request("GET", "/containers/x/json")
        assert (reply.status, reply.message) == (500, "no such file: ?")


@runs
async def test_refusals_of_http_itself_are_json_too() -> None:
    async with Fakes().serving() as harness:
        client = await harness.client()
        client.send(b"nonsense\r\n\r\n")
        reply = await client.reply()
        assert reply.status == 400
        assert reply.message.startswith("malformed HTTP request: ")
        assert reply.headers["api-version"] == "1.55"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/containers/json?filters=[]", "invalid filter: "),
        ("/containers/json?filters=%7B", "invalid filter: "),
        ("/containers/json?limit=x", 'strconv.Atoi: parsing "x": invalid syntax'),
        ("/containers/json?a=%zz", 'invalid URL escape "%zz"'),
        ("/%zz", 'invalid URL escape "%zz"'),
    ],
)
@runs
async def test_bad_parameters_are_named(target: str, message: str) -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).request("GET", target)
        assert reply.status == 400
        assert reply.message.startswith(message)


@pytest.mark.parametrize(
    ("body", "headers", "message"),
    [
        (b"{}", {}, "Content-Type specified () must be 'application/json'"),
        (
            b"{}",
            {"Content-Type": "text/plain"},
            "Content-Type specified (text/plain) must be 'application/json'",
        ),
        (b"", {"Content-Type": "application/json"}, "invalid JSON: got EOF while reading request body"),
        (b"{", {"Content-Type": "application/json"}, "invalid JSON: "),
        (b"{} {}", {"Content-Type": "application/json"}, "invalid JSON: "),
        (b"\xff", {"Content-Type": "application/json"}, "invalid JSON: "),
        (b"[" * 100_000, {"Content-Type": "application/json"}, "invalid JSON: "),
        (b"[]", {"Content-Type": "application/json"}, "invalid request body: Expected `object`, got `array`"),
    ],
)
@runs
async def test_bad_bodies_are_a_400_that_says_why(body: bytes, headers: dict[str, str], message: str) -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).request("POST", "/containers/create", body, headers)
        assert reply.status == 400
        assert reply.message.startswith(message)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"Cmd": 1}, "$.Cmd"),
        ({"HostConfig": {"Memory": "1g"}}, "$.HostConfig.Memory"),
        ({"HostConfig": {"Memory": 2**63}}, "Integer value out of range - at `$.HostConfig.Memory`"),
        ({"HostConfig": {"ConsoleSize": [1, -(2**70)]}}, "$.HostConfig.ConsoleSize[1]"),
        ({"HostConfig": []}, "$.HostConfig"),
        ({"Env": ["A=b", 3]}, "$.Env[1]"),
        ({"Labels": {"a": 1}}, "$.Labels[...]"),
        ({"Tty": "true"}, "$.Tty"),
    ],
)
@runs
async def test_a_value_of_the_wrong_type_is_named(value: object, place: str) -> None:
    async with Fakes().serving() as harness:
        reply = await (await harness.client()).post_json("/containers/create", value)
        assert reply.status == 400
        assert place in reply.message


@runs
async def test_a_json_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "BODY_TIMEOUT_S", 0.01)
    async with Fakes().serving() as harness:
        client = await harness.client()
        client.send(
            b"POST /containers/create HTTP/1.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 9\r\n\r\n{"
        )
        reply = await client.reply()
        assert (reply.status, reply.message) == (400, "no complete request body within 0.01 s")
        assert reply.headers["connection"] == "close"


@runs
async def test_a_json_body_may_be_chunked_and_have_a_charset() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        client.send(
            b"POST /containers/create HTTP/1.1\r\nContent-Type: application/json; charset=utf-8\r\n"
            b'Transfer-Encoding: chunked\r\n\r\n5\r\n{"Tty\r\n7\r\n":true}\r\n0\r\n\r\n'
        )
        assert (await client.reply()).status == 201
        assert fakes.containers.body.tty is True


@runs
async def test_a_json_body_beyond_the_limit_is_413() -> None:
    async with Fakes().serving() as harness:
        client = await harness.client()
        reply = await client.post_json("/containers/create", {"Hostname": "x" * (4 << 20)})
        assert reply.status == 413
        assert reply.message.startswith("request body too large")


@runs
async def test_unknown_fields_and_nulls_are_accepted() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        body = {
            "Image": "busybox",
            "Env": None,
            "Healthcheck": None,
            "NetworkingConfig": None,
            "Unheard": {"of": 1},
            "HostConfig": {"Binds": None, "Memory": None},
        }
        assert (await client.post_json("/containers/create?name=", body)).status == 201
        assert fakes.containers.body.image == "busybox"
        assert fakes.containers.last == ("create", None, "")


@runs
async def test_all_paths_of_one_connection_survive_each_other() -> None:
    """Errors and answers in one pipeline: none may take another's bytes."""
    async with Fakes().serving() as harness:
        client = await harness.client()
        create = msgspec.json.encode({"Image": "x"})
        json_type = {"Content-Type": "application/json"}
        client.send(
            request_bytes("POST", "/containers/create", create, json_type)
            + request_bytes("POST", "/containers/create", b"{", json_type)
            + request_bytes("POST", "/nope", b"some body that nobody reads")
            + request_bytes("POST", "/containers/x/start", b"{}", json_type)
            + request_bytes("GET", "/_ping")
        )
        assert [(await client.reply()).status for _ in range(5)] == [201, 400, 404, 204, 200]
