"""What providers tell of their prices: kept, shown with who said so, and what limits count with."""

import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Cms, Ec2

MINE = "    aws: # the sandbox until you point it at the real thing\n"
ADDRESS = "        endpoint: ${CLOUDMESH_SANDBOX_%s:-http://sandbox:%s}"


def offer(flavor: str, price: str, unit: str = "Hrs") -> str:
    """One offer, as AWS writes it."""
    dimension = {"unit": unit, "pricePerUnit": {"USD": price}, "beginRange": "0"}
    terms = {"OnDemand": {"SKU.OFFER": {"priceDimensions": {"SKU.OFFER.RATE": dimension}}}}
    attributes = {"instanceType": flavor, "regionCode": "us-east-1", "operatingSystem": "Linux"}
    return json.dumps({"product": {"sku": "SKU", "attributes": attributes}, "terms": terms})


def item(flavor: str, price: float, **more: Any) -> dict[str, Any]:
    """One item, as Azure writes it."""
    known = {
        "currencyCode": "USD",
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": "eastus",
        "productName": "Virtual Machines BS Series",
        "skuName": "B1s",
        "serviceName": "Virtual Machines",
        "unitOfMeasure": "1 Hour",
        "type": "Consumption",
        "armSkuName": flavor,
    }
    return {**known, **more}


class PriceLists:
    """Both lists, and what was asked of them. Whatever else is asked for is refused.

    :ivar offers: AWS's, a list for each page
    :ivar items: Azure's, a list for each page
    :ivar status: what every call is answered with
    """

    def __init__(self) -> None:
        self.offers = [[offer("t2.micro", "0.0120000000"), offer("m5.large", "0.0960000000")]]
        self.items = [[item("Standard_B1s", 0.011)]]
        self.status = 200
        self.address = ""

    def aws(self, target: str, body: dict[str, Any]) -> dict[str, Any]:
        assert target == "AWSPriceListService.GetProducts"
        assert body["ServiceCode"] == "AmazonEC2"
        filters = {one["Field"]: one["Value"] for one in body["Filters"]}
        assert {one["Type"] for one in body["Filters"]} == {"TERM_MATCH"}
        assert filters == {
            "operatingSystem": "Linux",
            "preInstalledSw": "NA",
            "tenancy": "Shared",
            "capacitystatus": "Used",
            "marketoption": "OnDemand",
            "regionCode": "us-east-1",
        }
        if self.status != 200:
            message = (
                "User: arn:aws:iam::1:user/me is not authorized to perform: pricing:GetProducts"
            )
            return {"__type": "AccessDeniedException", "Message": message}
        page = int(body.get("NextToken", 0))
        more = {"NextToken": str(page + 1)} if page + 1 < len(self.offers) else {}
        return {"FormatVersion": "aws_v1", "PriceList": self.offers[page], **more}

    def azure(self, path: str) -> dict[str, Any]:
        place = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(place.query))
        assert place.path == "/api/retail/prices"
        wanted = (
            "serviceName eq 'Virtual Machines' and armRegionName eq 'eastus' "
            "and priceType eq 'Consumption'"
        )
        assert query["$filter"] == wanted
        page = int(query.get("$skip", 0))
        more = f"{self.address}{path}&$skip={page + 1}" if page + 1 < len(self.items) else None
        return {"Items": self.items[page], "NextPageLink": more, "Count": len(self.items[page])}


@pytest.fixture
def lists() -> Iterator[PriceLists]:
    """A server of both price lists."""
    told = PriceLists()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(told.azure(self.path))

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(told.aws(self.headers["X-Amz-Target"], body))

        def answer(self, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cms_priced(cms_aws: Cms, lists: PriceLists) -> Cms:
    """`cms` whose providers' prices are those of `lists`."""
    for name, port in (("AWS", 5000), ("AZURE_VM", 10010)):
        line = ADDRESS % (name, port)
        cms_aws.configure(line, f"        prices_endpoint: {lists.address}\n{line}")
    return cms_aws


def prices(cms: Cms, cloud: str, *more: str) -> dict[str, tuple[float, str]]:
    done = cms("fleet", "prices", f"--cloud={cloud}", "--output=json", *more)
    assert done.returncode == 0, done.stderr
    return {row["flavor"]: (row["price"], row["source"]) for row in json.loads(done.stdout)}


def source(known: dict[str, tuple[float, str]], flavor: str) -> str:
    return known[flavor][1]


def test_without_a_look_the_table_counts(cms_priced: Cms) -> None:
    known = prices(cms_priced, "aws")
    assert known["t2.micro"] == (0.0116, "prices.yaml")
    assert prices(cms_priced, "chameleon") == {}


def test_what_the_provider_says_counts_more_than_the_table(cms_priced: Cms) -> None:
    known = prices(cms_priced, "aws", "--refresh")
    assert known["t2.micro"][0] == 0.012
    assert source(known, "t2.micro").startswith("aws, 20")
    # Of what the provider did not tell the table still tells.
    assert source(known, "t2.small") == "prices.yaml"
    assert prices(cms_priced, "aws") == known


def test_own_prices_count_most(cms_priced: Cms) -> None:
    cms_priced.configure(MINE, f"{MINE}      prices: {{t2.micro: 0.01}}\n")
    known = prices(cms_priced, "aws", "--refresh")
    assert known["t2.micro"] == (0.01, "cloudmesh.yaml")


def test_a_limit_counts_with_what_the_provider_says(cms_priced: Cms, ec2: Ec2) -> None:
    cms_priced.configure("    # max_hourly_cost: 1.50", "    max_hourly_cost: 0.0118")
    assert cms_priced("vm", "boot", "--name=web", "--dryrun").returncode == 0
    prices(cms_priced, "aws", "--refresh")
    refused = cms_priced("vm", "boot", "--name=web")
    assert (refused.returncode, ec2.words()) == (5, "")
    assert "0.0120 USD an hour" in refused.stderr


def test_a_vm_shows_the_price_that_the_provider_says(cms_priced: Cms) -> None:
    prices(cms_priced, "aws", "--refresh")
    assert cms_priced("vm", "boot", "--name=web").returncode == 0
    listed = json.loads(cms_priced("vm", "list", "--output=json").stdout)
    assert [one["cost_per_hour"] for one in listed] == [0.012]


def test_all_pages_of_aws_count_and_what_is_not_paid_by_the_hour_does_not(
    cms_priced: Cms, lists: PriceLists
) -> None:
    lists.offers = [
        [offer("t2.micro", "0.0120000000")],
        [offer("x.month", "30.0", "Quantity"), offer("x.free", "0.0000000000")],
        [offer("x.two", "0.5000000000"), offer("x.two", "0.4000000000")],
    ]
    known = prices(cms_priced, "aws", "--refresh")
    told = {flavor: price for flavor, (price, who) in known.items() if who.startswith("aws")}
    assert told == {"t2.micro": 0.012, "x.two": 0.5}


def test_all_pages_of_azure_count_and_neither_windows_nor_spot(
    cms_priced: Cms, lists: PriceLists
) -> None:
    lists.items = [
        [
            item("Standard_B1s", 0.011),
            item("Standard_B1s", 0.02, productName="Virtual Machines BS Series Windows"),
            item("Standard_B1s", 0.001, skuName="B1s Spot"),
            item("Standard_B1s", 0.002, skuName="B1s Low Priority"),
        ],
        [
            item("Standard_D2s_v5", 0.097),
            item("Standard_D2s_v5", 500.0, unitOfMeasure="1 Year"),
            item("Standard_D2s_v5", 3.0, type="Reservation"),
            item("Standard_D2s_v5", 0.3, armRegionName="westus"),
            item("Standard_A1", 0.05, productName="A Series Cloud Services"),
        ],
    ]
    known = prices(cms_priced, "azure", "--refresh")
    told = {flavor: price for flavor, (price, who) in known.items() if who.startswith("azure")}
    assert told == {"Standard_B1s": 0.011, "Standard_D2s_v5": 0.097}


def test_a_provider_that_refuses_changes_nothing(cms_priced: Cms, lists: PriceLists) -> None:
    before = prices(cms_priced, "aws", "--refresh")
    lists.status = 400
    refused = cms_priced("fleet", "prices", "--cloud=aws", "--refresh", "--output=json")
    assert refused.returncode == 4
    assert "pricing:GetProducts" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert {row["flavor"] for row in json.loads(refused.stdout)} == set(before)


@pytest.mark.parametrize("status", [429, 503])
def test_a_list_that_is_down_is_one_line(cms_priced: Cms, lists: PriceLists, status: int) -> None:
    lists.status = status
    refused = cms_priced("fleet", "prices", "--cloud=azure", "--refresh")
    assert refused.returncode == 4
    assert f"azure: Azure's price list answers {status}" in refused.stderr


def test_a_region_that_the_list_does_not_know_is_told(cms_priced: Cms, lists: PriceLists) -> None:
    lists.items = [[]]
    refused = cms_priced("fleet", "prices", "--cloud=azure", "--refresh")
    assert refused.returncode == 1
    assert "nothing of the region 'eastus'" in refused.stderr
    assert "Standard_B1s" in refused.stdout


def test_clouds_that_tell_no_prices_are_passed_over_or_refused_by_name(cms_aws: Cms) -> None:
    every = cms_aws("fleet", "prices", "--refresh")
    assert every.returncode == 0
    assert "cms: note: aws: http" in every.stderr
    assert "is not the provider, and tells no prices" in every.stderr
    for cloud in ("aws", "chameleon", "google"):
        named = cms_aws("fleet", "prices", "--refresh", f"--cloud={cloud}")
        assert named.returncode == 3
        assert f"write yours into cloudmesh.cloud.{cloud}.prices" in named.stderr
