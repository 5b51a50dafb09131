"""A container's config over its image's."""

import msgspec
import pytest

from scow.engine.containers.merge import merge_config, merge_env, process_args
from scow.errors import InvalidArgumentError
from scow.spec.engine_api.container import ContainerConfig, HealthConfig

IMAGE = ContainerConfig(
    user="web",
    env=["PATH=/bin", "A=image"],
    cmd=["serve"],
    entrypoint=["/entry"],
    working_dir="/srv",
    labels={"from": "image", "both": "image"},
    exposed_ports={"80/tcp": {}},
    volumes={"/data": {}},
    stop_signal="SIGQUIT",
    on_build=["RUN x"],
)


def test_an_empty_request_takes_all_from_the_image_but_onbuild() -> None:
    merged = merge_config(ContainerConfig(), IMAGE)
    assert (merged.user, merged.working_dir, merged.stop_signal) == ("web", "/srv", "SIGQUIT")
    assert process_args(merged) == ["/entry", "serve"]
    assert merged.volumes == {"/data": {}}
    assert merged.on_build is None


def test_a_command_replaces_only_the_command() -> None:
    assert process_args(merge_config(ContainerConfig(cmd=["x", "y"]), IMAGE)) == ["/entry", "x", "y"]


def test_an_entrypoint_drops_the_command_of_the_image() -> None:
    assert process_args(merge_config(ContainerConfig(entrypoint=["/bin/sh"]), IMAGE)) == ["/bin/sh"]


def test_an_empty_entrypoint_leaves_just_the_command() -> None:
    assert process_args(merge_config(ContainerConfig(entrypoint=[""], cmd=["ls"]), IMAGE)) == ["ls"]


def test_no_command_at_all_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="no command specified"):
        process_args(merge_config(ContainerConfig(), ContainerConfig()))


def test_labels_ports_and_environment_are_merged() -> None:
    asked = ContainerConfig(labels={"both": "user"}, exposed_ports={"443/tcp": {}}, env=["A=user", "B"])
    merged = merge_config(asked, IMAGE)
    assert merged.labels == {"from": "image", "both": "user"}
    assert merged.exposed_ports is not msgspec.UNSET
    assert set(merged.exposed_ports) == {"80/tcp", "443/tcp"}
    assert merged.env == ["A=user", "B", "PATH=/bin"]


def test_an_empty_value_is_a_value() -> None:
    assert merge_env(["A="], ["A=1"]) == ["A="]


def test_one_health_option_leaves_the_others() -> None:
    image = ContainerConfig(cmd=["x"], healthcheck=HealthConfig(test=["CMD", "ok"], interval=5, retries=2))
    merged = merge_config(ContainerConfig(healthcheck=HealthConfig(interval=9)), image)
    assert merged.healthcheck == HealthConfig(test=["CMD", "ok"], interval=9, retries=2)


def test_a_relative_working_directory_is_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="needs to be an absolute path"):
        merge_config(ContainerConfig(working_dir="x"), IMAGE)


def test_an_empty_list_drops_the_entrypoint_alone() -> None:
    merged = merge_config(ContainerConfig(entrypoint=[]), IMAGE)
    assert merged.entrypoint == []
    assert process_args(merged) == ["serve"]


def test_instructions_for_builds_are_those_of_the_request() -> None:
    assert merge_config(ContainerConfig(on_build=["RUN y"]), IMAGE).on_build == ["RUN y"]
