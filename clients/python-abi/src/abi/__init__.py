"""Workflows, their executions and their schedules, managed through Stepwell.

    from abi.workflows import WorkflowConfig, WorkflowExecutor, WorkflowManager, WorkflowScheduler

Failures are `abi.exceptions`.
"""
