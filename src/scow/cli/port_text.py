"""The ports of a container in one line: ``0.0.0.0:8080->80/tcp, 443-444/tcp``."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Port = dict[str, Any]


def port_text(ports: "list[Port]") -> str:
    """Neighbouring ports of one protocol and address are joined; those with another number outside follow."""
    groups: dict[tuple[str, str], list[int]] = {}
    finished: list[str] = []
    mapped: list[str] = []
    for port in sorted(ports, key=_order):
        address, protocol, private = port.get("IP") or "", port["Type"], port["PrivatePort"]
        public = port.get("PublicPort") or 0
        if address and public != private:
            mapped.append(f"{join_host_port(address, str(public))}->{private}/{protocol}")
            continue
        key = (address, protocol)
        group = groups.get(key)
        if group is None:
            groups[key] = [private, private]
        elif private == group[1] + 1:
            group[1] = private
        else:
            finished.append(_group_text(key, group))
            groups[key] = [private, private]
    return ", ".join(finished + [_group_text(key, group) for key, group in groups.items()] + mapped)


def join_host_port(host: str, port: str) -> str:
    """``[::]:80``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _order(port: "Port") -> tuple[int, str, int, str]:
    return port["PrivatePort"], port.get("IP") or "", port.get("PublicPort") or 0, port["Type"]


def _group_text(key: tuple[str, str], group: list[int]) -> str:
    address, protocol = key
    first, last = group
    text = str(first) if first == last else f"{first}-{last}"
    if address:
        text = f"{join_host_port(address, text)}->{text}"
    return f"{text}/{protocol}"
