"""Where the link of a task leads."""

from types import SimpleNamespace

import pytest

from cloudmesh_airflow.operators.vm import CloudmeshVmBootOperator, CloudmeshVmStopOperator

KEY = SimpleNamespace(dag_id="vm_boot", run_id="manual__2026-11-21T08:00:00+00:00")


@pytest.mark.parametrize(
    ("operator", "query"),
    [
        (
            CloudmeshVmBootOperator(task_id="do"),
            "run=vm_boot%2Fmanual__2026-11-21T08%3A00%3A00%2B00%3A00",
        ),
        (CloudmeshVmStopOperator(task_id="do", names="web", cloud="aws"), "cloud=aws&name=web"),
        (CloudmeshVmStopOperator(task_id="do", names="web[1-2]", cloud="aws"), "cloud=aws&name="),
    ],
)
def test_the_link_leads_to_the_vms_of_the_task(operator, query):
    (link,) = operator.operator_extra_links
    assert link.get_link(operator, ti_key=KEY) == f"/cloudmesh/ui/?{query}"
