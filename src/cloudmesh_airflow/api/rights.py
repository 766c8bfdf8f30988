"""Who may do what: Airflow's own rights on our DAGs decide.

Who may see the runs of a DAG may look; who may start its runs may act.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from fastapi import HTTPException, Request, Security
from fastapi.security import HTTPBearer

# Only for the OpenAPI document: the door has checked the login, be it by token or by cookie.
_BEARER = HTTPBearer(auto_error=False, description="The token that POST /auth/token gives.")
_Login = Annotated[Any, Security(_BEARER)]
_Method = Literal["GET", "POST", "PUT"]
# Who may see its runs may look.
_LOOK = "vm_boot"


def may(method: _Method, dag: str) -> Callable[..., None]:
    """Make the dependency of a route that needs a right on the runs of a DAG."""

    def check(request: Request, _: _Login) -> None:
        _refuse(request, method, dag)

    return check


def look(request: Request) -> None:
    """Refuse who may not look."""
    _refuse(request, "GET", _LOOK)


def user_id(request: Request) -> str:
    """Say who asks, as nobody else is called."""
    return str(request.state.cloudmesh_user.get_id())


def _refuse(request: Request, method: _Method, dag: str) -> None:
    user = request.state.cloudmesh_user
    if not get_auth_manager().is_authorized_dag(
        method=method,
        access_entity=DagAccessEntity.RUN,
        details=DagDetails(id=dag),
        user=user,
    ):
        what = "see" if method == "GET" else "start or change"
        raise HTTPException(403, f"{user.get_name()} may not {what} runs of the DAG {dag}")


LOOK = Security(may("GET", _LOOK))
