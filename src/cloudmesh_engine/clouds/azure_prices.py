"""Azure: what its public price list asks for an hour of each flavor, on demand, with Linux."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from cloudmesh_engine.config import given
from cloudmesh_engine.errors import ActionFailed, DependencyDown

_PUBLIC = "https://prices.azure.com"
_PATH = "/api/retail/prices"
_VERSION = "2023-01-01-preview"
_SECONDS = 20
# A region has some ten pages.
_MOST_PAGES = 200
_HOUR = "1 Hour"
# What else is sold under the name of a VM.
_OTHERS = ("Windows", "CloudServices", "Cloud Services")
_CHEAP = ("Spot", "Low Priority")


def hourly(configuration: Mapping[str, Any]) -> dict[str, float]:
    """Ask for the prices of the region in a cloud's section of cloudmesh.yaml."""
    credentials = given(configuration.get("credentials"))
    region = str(credentials.get("AZURE_REGION") or "")
    address = str(credentials.get("prices_endpoint") or _PUBLIC).rstrip("/")
    found: dict[str, float] = {}
    for item in _items(address, region):
        if _is_plain(item, region):
            flavor, price = str(item["armSkuName"]), float(item["retailPrice"])
            # Of two prices the dearer one, so that no limit is missed.
            found[flavor] = max(price, found.get(flavor, 0))
    return found


def _items(address: str, region: str) -> Iterator[dict[str, Any]]:
    wanted = {
        "serviceName": "Virtual Machines",
        "armRegionName": region,
        "priceType": "Consumption",
    }
    words = " and ".join(f"{key} eq '{value}'" for key, value in wanted.items())
    query = {"api-version": _VERSION, "currencyCode": "USD", "$filter": words}
    place = f"{address}{_PATH}?{urllib.parse.urlencode(query)}"
    for _ in range(_MOST_PAGES):
        page = _page(place)
        yield from page["Items"]
        place = str(page.get("NextPageLink") or "")
        if not place:
            return
    raise ActionFailed(f"Azure's price list does not end after {_MOST_PAGES} pages")


def _page(place: str) -> dict[str, Any]:
    if not place.startswith(("https://", "http://")):
        raise ActionFailed(f"Azure's price list: {place!r} is no address")
    try:
        with urllib.request.urlopen(place, timeout=_SECONDS) as reply:
            page: dict[str, Any] = json.load(reply)
    except urllib.error.HTTPError as error:
        error.close()
        raise DependencyDown(f"Azure's price list answers {error.code}: try again later") from error
    except (OSError, ValueError) as error:
        raise DependencyDown(f"Azure's price list cannot be read: {error}") from error
    return page


def _is_plain(item: Mapping[str, Any], region: str) -> bool:
    """Say whether an item is the price of an hour of a VM with Linux, paid as it is used."""
    return (
        item["type"] == "Consumption"
        and item["armRegionName"] == region
        and item["unitOfMeasure"] == _HOUR
        and item["currencyCode"] == "USD"
        and bool(item["armSkuName"])
        and item["retailPrice"] > 0
        and not any(word in item["productName"] for word in _OTHERS)
        and not any(word in item["skuName"] for word in _CHEAP)
    )
