"""AWS: what its price list asks for an hour of each flavor, on demand, with Linux."""

import json
from collections.abc import Mapping
from typing import Any

from cloudmesh_engine.clouds import aws_client
from cloudmesh_engine.clouds.aws_errors import translated

# Of the hundred offers for a flavor the one without licence, reservation or a host of its own.
_OFFER = {
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "tenancy": "Shared",
    "capacitystatus": "Used",
    "marketoption": "OnDemand",
}
_HOUR = "Hrs"


def hourly(configuration: dict[str, Any]) -> dict[str, float]:
    """Ask for the prices of the region in a cloud's section of cloudmesh.yaml."""
    client, region = aws_client.pricing(configuration)
    wanted = {**_OFFER, "regionCode": region}
    filters = [{"Type": "TERM_MATCH", "Field": key, "Value": one} for key, one in wanted.items()]
    with translated():
        pages = client.get_paginator("get_products").paginate(
            ServiceCode="AmazonEC2", Filters=filters
        )
        offers = [json.loads(text) for page in pages for text in page["PriceList"]]
    found: dict[str, float] = {}
    for offer in offers:
        flavor = str(offer["product"]["attributes"].get("instanceType") or "")
        # Of two prices the dearer one, so that no limit is missed.
        found[flavor] = max(_price(offer), found.get(flavor, 0))
    return {flavor: price for flavor, price in found.items() if flavor and price}


def _price(offer: Mapping[str, Any]) -> float:
    """Give what an hour costs of what is paid by the hour; 0 of anything else."""
    for term in offer["terms"].get("OnDemand", {}).values():
        for part in term["priceDimensions"].values():
            if part["unit"] == _HOUR and "USD" in part["pricePerUnit"]:
                return float(part["pricePerUnit"]["USD"])
    return 0
