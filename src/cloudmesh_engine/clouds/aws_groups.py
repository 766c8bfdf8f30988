"""AWS: security groups. Only those that carry our owner tag are ever changed."""

from collections.abc import Sequence
from typing import Any

from cloudmesh_engine.clouds import OWNER_TAG
from cloudmesh_engine.clouds.aws_errors import translated
from cloudmesh_engine.clouds.resources import Document, Rule, labelled
from cloudmesh_engine.errors import ActionFailed, Refused

# Seconds until every part of EC2 knows a new group.
_VISIBLE = {"Delay": 1, "MaxAttempts": 30}


def find(ec2: Any, name: str, network: str = "") -> Document | None:
    """Look up a group in the VPC of a subnet, or in the default one; names are unique there."""
    # Names given so, unlike a filter, mean the default VPC.
    wanted = _in_vpc(name, _vpc(ec2, network)) if network else {"GroupNames": [name]}
    with translated(ignore="InvalidGroup.NotFound"):
        return next(iter(ec2.describe_security_groups(**wanted)["SecurityGroups"]), None)
    return None


class Groups:
    """The security groups of a region."""

    def __init__(self, cloud: str, owner: str, client: Any) -> None:
        self.cloud = cloud
        self.owner = owner
        self._ec2 = client

    def groups(self, name: str = "") -> list[Document]:
        """Give the security groups, of that name if one is given, with their `rules`."""
        filters = [{"Name": "group-name", "Values": [name]}] if name else []
        with translated():
            pages = self._ec2.get_paginator("describe_security_groups").paginate(Filters=filters)
            return [self._document(group) for page in pages for group in page["SecurityGroups"]]

    def find_group(self, name: str, network: str = "") -> Document | None:
        """Look up the group that VMs in a network would get by that name."""
        group = find(self._ec2, name, network)
        return self._document(group) if group else None

    def ensure_group(
        self, name: str, description: str, rules: Sequence[Rule], network: str = ""
    ) -> str:
        """Make sure that a security group of ours has the rules; give its id."""
        wanted = [(rule.document(), _permission(rule)) for rule in rules]
        group = self.find_group(name, network) or self._create(name, description, network)
        lacking = [permission for rule, permission in wanted if rule not in group["rules"]]
        if lacking and group["owner"] != self.owner:
            raise Refused(
                f"security group {name} ({group['GroupId']}) on {self.cloud} was not made by this "
                "appliance and lacks rules: add them yourself, or choose another name"
            )
        for permission in lacking:
            with translated(ignore="InvalidPermission.Duplicate"):
                self._ec2.authorize_security_group_ingress(
                    GroupId=group["GroupId"], IpPermissions=[permission]
                )
        return str(group["GroupId"])

    def delete_group(self, name: str) -> None:
        """Delete the security groups of ours that have that name."""
        found = self.groups(name)
        owned = [group for group in found if group["owner"] == self.owner]
        if found and not owned:
            ids = ", ".join(group["GroupId"] for group in found)
            raise Refused(
                f"security group {name} ({ids}) on {self.cloud} was not made by this appliance"
            )
        if not owned:
            raise ActionFailed(f"no security group {name!r} on {self.cloud}")
        for group in owned:
            with translated(ignore="InvalidGroup.NotFound"):
                self._ec2.delete_security_group(GroupId=group["GroupId"])

    def _create(self, name: str, description: str, network: str) -> Document:
        vpc = _vpc(self._ec2, network) if network else ""
        tags = [{"Key": OWNER_TAG, "Value": self.owner}]
        # Of two commands at once one is refused: then the other's group is the one.
        with translated(ignore="InvalidGroup.Duplicate"):
            self._ec2.create_security_group(
                GroupName=name,
                Description=description,
                TagSpecifications=[{"ResourceType": "security-group", "Tags": tags}],
                **({"VpcId": vpc} if vpc else {}),
            )
        with translated():
            waiter = self._ec2.get_waiter("security_group_exists")
            waiter.wait(**_in_vpc(name, vpc), WaiterConfig=_VISIBLE)
        group = self.find_group(name, network)
        if not group:
            raise ActionFailed(f"security group {name} on {self.cloud} is gone again: repeat")
        return group

    def _document(self, group: Document) -> Document:
        tags = {pair["Key"]: pair["Value"] for pair in group.get("Tags") or []}
        entry = labelled(group, "secgroup", self.cloud, "aws", group["GroupName"])
        rules = [rule for entry in group.get("IpPermissions") or [] for rule in _rules(entry)]
        return {
            **entry,
            "description": group.get("Description") or "",
            "owner": tags.get(OWNER_TAG, ""),
            "rules": rules,
        }


def _vpc(ec2: Any, network: str) -> str:
    with translated():
        return str(ec2.describe_subnets(SubnetIds=[network])["Subnets"][0]["VpcId"])


def _in_vpc(name: str, vpc: str) -> dict[str, Any]:
    values = {"group-name": name, "vpc-id": vpc}
    return {"Filters": [{"Name": key, "Values": [value]} for key, value in values.items() if value]}


def _permission(rule: Rule) -> dict[str, Any]:
    first, last = rule.bounds
    ranges = (
        {"Ipv6Ranges": [{"CidrIpv6": rule.source}]}
        if ":" in rule.source
        else {"IpRanges": [{"CidrIp": rule.source}]}
    )
    return {"IpProtocol": rule.protocol, "FromPort": first, "ToPort": last, **ranges}


def _rules(permission: dict[str, Any]) -> list[Document]:
    first, last = permission.get("FromPort", -1), permission.get("ToPort", -1)
    ports = "" if first == -1 else f"{first}:{last}"
    words = {
        "IpRanges": "CidrIp",
        "Ipv6Ranges": "CidrIpv6",
        "UserIdGroupPairs": "GroupId",
        "PrefixListIds": "PrefixListId",
    }
    sources = [entry[word] for kind, word in words.items() for entry in permission.get(kind) or []]
    return [Rule(permission["IpProtocol"], ports, source).document() for source in sources]
