"""Neutron's switch that is none: every port is bound at once, because there are no machines."""

from typing import Any

from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.plugins.ml2 import api


class AlwaysBind(api.MechanismDriver):  # type: ignore[misc]
    """Says of every port that it works."""

    def initialize(self) -> None:
        """Need nothing."""

    def bind_port(self, context: Any) -> None:
        """Bind the port to the first segment."""
        context.set_binding(
            context.segments_to_bind[0][api.ID],
            portbindings.VIF_TYPE_OVS,
            {portbindings.CAP_PORT_FILTER: True},
            status=constants.PORT_STATUS_ACTIVE,
        )
