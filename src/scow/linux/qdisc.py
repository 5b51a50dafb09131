"""Queueing disciplines of network devices as rtnetlink requests (tc(8), include/uapi/linux/pkt_sched.h)."""

import socket
import struct

from scow.linux.netlink import NLM_F_CREATE, NLM_F_REPLACE, Request, attribute, nested, text, u32

_RTM_NEWQDISC = 36
_TCMSG = struct.Struct("=BxxxiIII")  # family, device, handle, parent, info
_TC_H_ROOT = 0xFFFFFFFF
_TCA_KIND, _TCA_OPTIONS = 1, 2
_TCA_TBF_PARMS, _TCA_TBF_RATE64, _TCA_TBF_BURST = 1, 4, 6
# struct tc_tbf_qopt: rate and peak rate as tc_ratespec, limit, buffer, mtu
_RATESPEC = struct.Struct("=BBHhHI")  # cell log, link layer, overhead, cell align, mpu, rate
_TBF = struct.Struct("=III")
_LINK_LAYER_ETHERNET = 1
_TICKS_PER_S = 15_625_000  # of 64 ns, whatever the machine: net/sched/sch_api.c, PSCHED_SHIFT
_MAX_RATE32 = 0xFFFFFFFF


def token_bucket(index: int, *, bytes_per_s: int, burst: int, queue_bytes: int) -> Request:
    """Let a device send ``bytes_per_s``, ``burst`` of it at once, while ``queue_bytes`` wait (tc-tbf(8))."""
    rate = _RATESPEC.pack(0, _LINK_LAYER_ETHERNET, 0, 0, 0, min(bytes_per_s, _MAX_RATE32))
    ticks = min(burst * _TICKS_PER_S // bytes_per_s, 0xFFFFFFFF)
    parameters = rate + bytes(_RATESPEC.size) + _TBF.pack(queue_bytes, ticks, 0)
    options = attribute(_TCA_TBF_PARMS, parameters) + u32(_TCA_TBF_BURST, burst)
    if bytes_per_s > _MAX_RATE32:
        options += attribute(_TCA_TBF_RATE64, struct.pack("=Q", bytes_per_s))
    payload = _TCMSG.pack(socket.AF_UNSPEC, index, 0, _TC_H_ROOT, 0) + text(_TCA_KIND, "tbf")
    return Request(
        _RTM_NEWQDISC,
        NLM_F_CREATE | NLM_F_REPLACE,
        payload + nested(_TCA_OPTIONS, options),
        f"RTM_NEWQDISC tbf {index}",
    )
