"""`@task.cms`: a function that returns the words of a `cms` command."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from airflow.providers.common.compat.sdk import (
    DecoratedOperator,
    TaskDecorator,
    context_merge,
    determine_kwargs,
    task_decorator_factory,
)
from airflow.sdk.definitions._internal.types import SET_DURING_EXECUTION

from cloudmesh_airflow.operators.cloudmesh import CloudmeshCommandOperator


class CmsDecoratedOperator(DecoratedOperator, CloudmeshCommandOperator):
    """Runs the command whose words a function returns.

    :param python_callable: the function
    :param op_args: its positional arguments
    :param op_kwargs: its keyword arguments
    """

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *CloudmeshCommandOperator.template_fields,
    )
    custom_operator_name = "@task.cms"
    overwrite_rtif_after_execution = True

    def __init__(
        self,
        *,
        python_callable: Callable[..., list[str]],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            command=SET_DURING_EXECUTION,
            **kwargs,
        )

    def execute(self, context: Any) -> Any:
        """Call the function, then run what it returned."""
        context_merge(context, self.op_kwargs)
        given = determine_kwargs(self.python_callable, self.op_args, context)
        self.command = self.python_callable(*self.op_args, **given)
        self.render_template_fields(context)
        # Not DecoratedOperator's, which would call the function once more.
        return CloudmeshCommandOperator.execute(self, context)


def cms_task(
    python_callable: Callable[..., list[str]] | None = None, **kwargs: Any
) -> TaskDecorator:
    """Make a task of a function that returns the words after `cms`."""
    return task_decorator_factory(
        python_callable=python_callable,
        decorated_operator_class=CmsDecoratedOperator,
        **kwargs,
    )
