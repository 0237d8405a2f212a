"""Network addresses in conditions (AUTH G-8, G-12, J-34, J-35)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from policy.lint.parts import Clause
from policy.lint.proofs import Network, read_network
from policy.lint.repairs import quoted
from policy.lint.rule import Edit, Fix, Hit, Severity, rule
from policy.lint.subject import Subject, short
from policy.operators import Family

PRIVATE_RANGES: tuple[Network, ...] = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7",  # RFC 1918, RFC 4193
         "127.0.0.0/8", "::1/128", "169.254.0.0/16", "fe80::/10",  # loopback, link-local
         "100.64.0.0/10"),  # shared: RFC 6598
    )
)  # fmt: skip
"""Ranges from which no request comes over the Internet."""


@rule("KG326", "private-source-ip", Severity.ERROR)
def private_source_ip(subject: Subject) -> Iterator[Hit]:
    """`aws:SourceIp` is compared with addresses that only exist inside a network.

    ## Why it matters
    From the Internet a request comes with a public address, and through a VPC endpoint it comes
    without this key. The private address of an endpoint's caller is in `aws:VpcSourceIp`.

    ## Example
    ```json
    {"IpAddress": {"aws:SourceIp": "172.20.0.0/16"}}
    ```

    ## Use instead
    ```json
    {"IpAddress": {"aws:VpcSourceIp": "172.20.0.0/16"},
     "StringEquals": {"aws:SourceVpc": "vpc-0a1b2c3d"}}
    ```

    ## Sources
    - AWS global condition context keys
    - Access Analyzer policy check reference
    """
    for clause in _addresses(subject):
        if clause.key != "aws:SourceIp":
            continue
        networks = [read_network(value.text) for value in clause.values]
        private = [network is not None and _is_private(network) for network in networks]
        severity = Severity.ERROR if all(private) else Severity.SUGGESTION
        for value, is_private in zip(clause.values, private, strict=True):
            if is_private:
                message = (
                    f"aws:SourceIp is never the private address {value.text}; "
                    "use aws:VpcSourceIp with aws:SourceVpc or aws:SourceVpce"
                )
                yield Hit(value.span, message, severity=severity)


@rule("KG327", "cidr-host-bits", Severity.SUGGESTION, Fix.SAFE)
def cidr_host_bits(subject: Subject) -> Iterator[Hit]:
    """The address of a range goes on after the prefix.

    ## Why it matters
    Those bits are not looked at. Whoever reads `203.0.113.17/24` may think of one machine, and
    the policy of 256.

    ## Example
    ```json
    {"NotIpAddress": {"aws:SourceIp": "203.0.113.17/24"}}
    ```

    ## Use instead
    ```json
    {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    """
    for clause in _addresses(subject):
        for value in clause.values:
            network = read_network(value.text)
            if network is None or "/" not in value.text:
                continue
            if ipaddress.ip_interface(value.text).ip != network.network_address:
                message = f"{short(value.text)} means {network}"
                yield Hit(value.span, message, edits=(Edit(value.span, quoted(str(network))),))


@rule("KG328", "unpaired-condition-key", Severity.WARNING)
def unpaired_condition_key(subject: Subject) -> Iterator[Hit]:
    """An Allow tests private addresses and does not say in which network.

    ## Why it matters
    Every VPC may have the same addresses, those of strangers included.

    ## Example
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"IpAddress": {"aws:VpcSourceIp": "10.1.0.0/16"}}}
    ```

    ## Use instead
    ```json
    {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:role/app"},
     "Action": "kms:Decrypt", "Resource": "*",
     "Condition": {"IpAddress": {"aws:VpcSourceIp": "10.1.0.0/16"},
                   "StringEquals": {"aws:SourceVpc": "vpc-0a1b2c3d"}}}
    ```

    ## Sources
    - Access Analyzer policy check reference
    """
    for reading in subject.readings:
        if not reading.allows or any(clause.key in _NETWORKS for clause in reading.clauses):
            continue
        for clause in reading.clauses:
            if clause.key == "aws:VpcSourceIp" and clause.family is not Family.NULL:
                others = "aws:SourceVpc or aws:SourceVpce"
                message = f"{short(clause.name)} is only meaningful together with {others}"
                yield Hit(clause.member.name.span, message)


_NETWORKS = frozenset({"aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn"})


def _addresses(subject: Subject) -> Iterator[Clause]:
    for reading in subject.readings:
        yield from (clause for clause in reading.clauses if clause.family is Family.IP)


def _is_private(network: Network) -> bool:
    first, last = network.network_address, network.broadcast_address
    return any(
        first in private and last in private
        for private in PRIVATE_RANGES
        if private.version == network.version
    )
