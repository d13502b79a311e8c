"""Optional steps (`when`) in a list and along explicit edges."""

from harness import check, expect, expect_equal, output_of, task

NUMBER = {"n": "number"}


@check
def a_skipped_step_is_bypassed(context):
    """In a list, the step after one whose `when` is false runs and continues with what came before it."""
    client = context.client
    workflow = client.create([
        {"id": "first", "type": "StaticTextInput", "input": "abc"},
        {"id": "optional", "type": "TextOperation.Uppercase", "when": "inputs.n > 1"},
        {"id": "last", "type": "TextOperation.Reverse"},
    ], inputs=NUMBER)
    execution = client.run(workflow, {"n": 1})
    expect_equal(task(execution, "optional")["status"], "SKIPPED", "the status of `optional`")
    expect_equal(task(execution, "last")["status"], "COMPLETED", "the status of the step after a skipped one")
    expect_equal(output_of(execution), {"text": "cba"}, "the output")
    expect_equal(output_of(client.run(workflow, {"n": 2})), {"text": "CBA"}, "the output when `when` is true")


@check
def several_skipped_steps_are_bypassed(context):
    """Optional steps in a row are bypassed one by one; with nothing before them, the inputs remain."""
    client = context.client
    workflow = client.create([
        {"id": "a", "type": "TextOperation.Uppercase", "when": "inputs.n > 1", "input": "{{ inputs.text }}"},
        {"id": "b", "type": "TextOperation.Reverse", "when": "inputs.n > 2"},
        {"id": "c", "type": "TextOperation.Reverse"},
    ], inputs={"n": "number", "text": "string"})
    for n, expected in [(1, "cba"), (2, "CBA"), (3, "ABC")]:
        found = output_of(client.run(workflow, {"n": n, "text": "abc"}))
        expect_equal(found, {"text": expected}, f"the output with n = {n}")


@check
def a_bypassed_last_step_gives_the_output_before_it(context):
    """If the last step of a list is bypassed, the output of the execution is that of the step before it."""
    client = context.client
    workflow = client.create([
        {"type": "StaticTextInput", "input": "kept"},
        {"type": "TextOperation.Uppercase", "when": "inputs.n > 1"},
    ], inputs=NUMBER)
    expect_equal(output_of(client.run(workflow, {"n": 1})), {"text": "kept"}, "the output")


@check
def a_guard_lets_the_list_continue(context):
    """A `Fail` with `when` fails the execution if its condition is true, and otherwise is as if absent."""
    client = context.client
    workflow = client.create([
        {"id": "text", "type": "StaticTextInput", "input": "abc"},
        {"id": "guard", "type": "Fail", "when": "inputs.n < 0", "config": {"code": "NEGATIVE", "message": "n < 0"}},
        {"id": "last", "type": "TextOperation.Reverse"},
    ], inputs=NUMBER)
    expect_equal(output_of(client.run(workflow, {"n": 1})), {"text": "cba"}, "the output behind the guard")
    failed = client.run(workflow, {"n": -1})
    expect_equal(failed["status"], "FAILED", "the status when the guard fails")
    expect("NEGATIVE" in str(failed["error"]), f"the error has not the code of the guard: {failed['error']}")


def mismatch(problems):
    found = [problem for problem in problems if "optional" in problem["message"] and "when" in problem["message"]]
    expect(found, f"no problem names the `when` of `optional`: {problems}")
    return found[0]


@check
def wiring_is_checked_for_the_bypass(context):
    """What came before an optional step must fit the input of the step after it; creation checks this."""
    problems = context.client.refuse([
        {"id": "object", "type": "StaticInput", "input": {"count": 3}},
        {"id": "optional", "type": "StaticTextInput", "when": "inputs.n > 1", "input": "text"},
        {"id": "last", "type": "TextOperation.Reverse"},
    ], inputs=NUMBER)
    expect(mismatch(problems)["path"].startswith("steps[2]"), f"the problem is not at the step: {problems}")


@check
def wiring_is_checked_for_the_optional_step(context):
    """The output of the optional step must fit, too: both ways are checked, and a fitting pair is accepted."""
    client = context.client
    first = {"id": "text", "type": "StaticTextInput", "input": "abc"}
    last = {"id": "last", "type": "TextOperation.Reverse"}
    optional = {"id": "optional", "when": "inputs.n > 1"}
    problems = client.refuse(
        [first, {**optional, "type": "StaticInput", "input": {"count": 3}}, last], inputs=NUMBER)
    expect(any(problem["path"].startswith("steps[2]") for problem in problems), f"not at the step: {problems}")
    workflow = client.create([first, {**optional, "type": "StaticTextInput", "input": "xyz"}, last], inputs=NUMBER)
    expect_equal(output_of(client.run(workflow, {"n": 1})), {"text": "cba"}, "the output without `optional`")
    expect_equal(output_of(client.run(workflow, {"n": 2})), {"text": "zyx"}, "the output with `optional`")


@check
def skipping_continues_along_after(context):
    """A step whose `after` names only a skipped step is skipped; the list edge bypasses it."""
    client = context.client
    workflow = client.create([
        {"id": "first", "type": "StaticTextInput", "input": "abc"},
        {"id": "optional", "type": "TextOperation.Uppercase", "when": "false"},
        {"id": "by_list", "type": "TextOperation.Reverse"},
        {"id": "by_after", "type": "TextOperation.Reverse", "after": ["optional"], "input": "x"},
    ])
    execution = client.run(workflow)
    expect_equal(task(execution, "by_after")["status"], "SKIPPED", "the step whose `after` names the skipped one")
    expect_equal(task(execution, "by_list")["status"], "COMPLETED", "the step that follows in the list")
