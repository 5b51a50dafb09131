"""Settings of a person."""

from pathlib import Path

from scow.cli.config_file import ConfigFile, config_directory, load_config_file


def test_a_missing_file_is_empty_and_a_broken_one_warns(tmp_path: Path) -> None:
    config, warning = load_config_file(str(tmp_path))
    assert (config.text("psFormat"), warning) == ("", "")
    (tmp_path / "config.json").write_text("{")
    config, warning = load_config_file(str(tmp_path))
    assert config.text("psFormat") == ""
    assert warning.startswith(f"WARNING: Error parsing config file ({tmp_path}/config.json): ")


def test_members_of_the_wrong_type_do_not_count() -> None:
    config = ConfigFile({"psFormat": 3, "HttpHeaders": {"A": "1", "B": 2}, "proxies": [], "auths": {"r": 1}})
    assert config.text("psFormat") == ""
    assert config.http_headers() == {"A": "1"}
    assert config.proxy_environment("x") == {}
    assert config.registry_auth("r") == {}


def test_proxies_are_given_in_both_letter_cases_and_by_endpoint() -> None:
    config = ConfigFile(
        {"proxies": {"default": {"httpProxy": "a"}, "tcp://h:1": {"noProxy": "b", "allProxy": "c"}}}
    )
    assert config.proxy_environment("unix:///x") == {"HTTP_PROXY": "a", "http_proxy": "a"}
    assert set(config.proxy_environment("tcp://h:1")) == {"NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy"}


def test_the_directory_comes_from_the_option_then_the_environment() -> None:
    assert config_directory("/opt", {"DOCKER_CONFIG": "/env"}) == "/opt"
    assert config_directory("", {"DOCKER_CONFIG": "/env"}) == "/env"
    assert config_directory("", {}).endswith("/.docker")
