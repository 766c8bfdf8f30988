"""`cms fleet prices`: what an hour of each flavor costs, and who says so."""

import sys

from cloudmesh_engine import clouds, quotes
from cloudmesh_engine.commands.vm_request import VmRequest
from cloudmesh_engine.errors import ActionFailed, EngineError, NotSupported
from cloudmesh_engine.prices import Prices

_COLUMNS = ("cloud", "flavor", "price", "source")


def show(request: VmRequest) -> None:
    """List the prices that count, after asking the providers if that is wanted."""
    chosen = request.given_clouds or clouds.supported(request.settings)
    errors: list[EngineError] = []
    if request.arguments["--refresh"]:
        asked, errors = request.on_clouds(chosen, lambda cloud: _refresh(request, cloud))
        for note in filter(None, asked.values()):
            print(f"cms: note: {note}", file=sys.stderr)
    prices = Prices(request.settings)
    records = [
        dict(zip(_COLUMNS, (cloud, flavor, price, source), strict=True))
        for cloud in chosen
        for flavor, (price, source) in sorted(prices.known(cloud).items())
    ]
    request.show(records, _COLUMNS)
    request.fail_clouds(errors)


def _refresh(request: VmRequest, cloud: str) -> str:
    """Note what the provider of a cloud asks for; say why not, unless the cloud was named."""
    try:
        found = clouds.ask_prices(request.settings, cloud)
    except NotSupported as error:
        if request.given_clouds:
            raise
        return str(error)
    where = quotes.place(clouds.section(request.settings, cloud))
    if not found:
        # Nothing is no list: what was known is not thrown away for it.
        raise ActionFailed(f"the price list has nothing of the region {where[1]!r}: check its name")
    quotes.write(request.settings, where, found)
    return ""
