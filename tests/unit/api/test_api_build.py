"""``POST /build``: every parameter becomes a typed value, and what cannot be is refused."""

import base64
import json
from urllib.parse import quote, urlencode

from tests.unit.api.api_fakes import Fakes
from tests.unit.api.api_wire import runs


@runs
async def test_every_parameter_of_the_query_is_read() -> None:
    fakes = Fakes()
    config = base64.urlsafe_b64encode(
        json.dumps(
            {
                "https://index.docker.io/v1/": {"username": "hub"},
                "localhost:5000": {"username": "me", "password": "secret"},
            }
        ).encode()
    ).decode()
    query = {
        "t": ["a:1", "b"], "dockerfile": "docker/Dockerfile", "q": "1", "nocache": "True", "rm": "0",
        "forcerm": "1", "pull": "1", "memory": "1000", "memswap": "-1", "cpushares": "5", "cpuperiod": "6",
        "cpuquota": "7", "cpusetcpus": "0", "cpusetmems": "1", "shmsize": "64", "cgroupparent": "/x",
        "ulimits": json.dumps([{"Name": "nofile", "Hard": 2, "Soft": 1}]), "target": "last",
        "buildargs": json.dumps({"A": "1", "B": None}), "labels": json.dumps({"l": "m"}),
        "cachefrom": json.dumps(["x"]), "networkmode": "host", "extrahosts": json.dumps(["h:1.2.3.4"]),
        "securityopt": "null", "platform": "linux/amd64",
    }  # fmt: skip
    async with fakes.serving() as harness:
        client = await harness.client()
        reply = await client.request(
            "POST",
            f"/build?{urlencode(query, doseq=True)}",
            b"tar",
            headers={"X-Registry-Config": config, "Content-Type": "application/x-tar"},
        )
        assert reply.status == 200
    request = fakes.builds.request
    assert request is not None
    assert fakes.builds.context == b"tar"
    assert (request.tags, request.dockerfile, request.quiet) == (("a:1", "b"), "docker/Dockerfile", True)
    assert (request.no_cache, request.remove, request.force_remove, request.pull) == (True, False, True, True)
    assert (request.memory_bytes, request.memory_swap_bytes, request.shm_bytes) == (1000, -1, 64)
    assert (request.ulimits[0].name, request.ulimits[0].hard) == ("nofile", 2)
    assert request.build_args == {"A": "1", "B": None}
    assert (request.cache_from, request.extra_hosts) == (("x",), ("h:1.2.3.4",))
    assert request.auths["docker.io"].username == "hub"
    assert request.auths["localhost:5000"].password == "secret"


@runs
async def test_what_cannot_be_is_refused() -> None:
    fakes = Fakes()
    async with fakes.serving() as harness:
        client = await harness.client()
        for query, status in (
            ("buildargs=x", 400),
            ("memory=x", 400),
            ("squash=1", 400),
            (f"labels={quote('[1]')}", 400),
        ):
            reply = await client.request("POST", f"/build?{query}", b"")
            assert reply.status == status, query
    assert fakes.builds.request is None
