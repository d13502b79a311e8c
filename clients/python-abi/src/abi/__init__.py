"""Manages, executes and schedules workflows on a Stepwell server.

    from abi.workflows import WorkflowConfig, WorkflowExecutor, WorkflowManager, WorkflowScheduler

Errors are in `abi.exceptions`.
"""
