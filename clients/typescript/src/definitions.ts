/**
 * Types of workflow definitions. Generated from the published JSON Schema
 * (`/api/v1/schema/definition`) by scripts/definition-types.mjs; do not edit.
 */

/** A text with an expression: `{{ inputs.text }}`. */
export type TemplateText = `${string}{{${string}` | `${string}{%${string}` | `${string}{#${string}`;

/** What the step does. */
export type CompensationType = "Echo" | "HttpRequest" | "Json.Parse" | "Json.Query" | "Json.Stringify" | "StaticInput" | "StaticTextInput" | "StreamText" | "Template" | "TextOperation.Concat" | "TextOperations.Concat" | "TextOperation.Join" | "TextOperations.Join" | "TextOperation.Lowercase" | "TextOperations.Lowercase" | "TextOperation.RegexExtract" | "TextOperations.RegexExtract" | "TextOperation.RegexReplace" | "TextOperations.RegexReplace" | "TextOperation.Replace" | "TextOperations.Replace" | "TextOperation.Reverse" | "TextOperations.Reverse" | "TextOperation.Size" | "TextOperations.Size" | "TextOperation.Slugify" | "TextOperations.Slugify" | "TextOperation.Split" | "TextOperations.Split" | "TextOperation.Trim" | "TextOperations.Trim" | "TextOperation.Truncate" | "TextOperations.Truncate" | "TextOperation.Uppercase" | "TextOperations.Uppercase";

export type Compensation = CompensationType | {
  type: CompensationType;
  /** Data. Default: the output of the step. */
  input?: unknown;
  config?: Record<string, unknown> | null | undefined;
  timeout?: Duration | undefined;
  retry?: Retry | undefined;
  /** Whether it may be repeated after a crash. */
  idempotent?: boolean | null | undefined;
  /** The opposite of `idempotent`. */
  at_most_once?: boolean | null | undefined;
};

/** Inputs by name: a type (`string`, optional `string?`) or a JSON Schema; or one JSON Schema of an object for all. Default: inferred. */
export type Inputs = null | Record<string, `${"string" | "text" | "number" | "integer" | "boolean" | "object" | "array" | "file" | "any" | "null"}${"" | "?"}` | Record<string, unknown> | true>;

/** Seconds, or text such as `500ms`, `30s`, `5m`, `1h30m`, `1d`, `PT5M`. */
export type Duration = number | string | null;

/** What happens to a failed attempt; a number is `max_attempts`. */
export type Retry = number | null | RetryPolicy | RetryPolicy[];

/** How failed attempts are retried. */
export type RetryPolicy = {
  max_attempts?: number | undefined;
  initial?: Duration | undefined;
  factor?: number | null | undefined;
  max?: Duration | undefined;
  jitter?: number | null | undefined;
  /** The error codes that are retried. */
  on?: string[] | string | null | undefined;
};

/** What happens when the last attempt failed. */
export type OnError = "fail" | "continue" | "port" | null | `goto:${string}` | {
  goto: string;
};

/** When a step with several predecessors starts. */
export type Join = "all" | "any" | null | {
  n: number | TemplateText;
};

/** `step` or `step.port`. */
export type After = string;

/** The fields of all steps. */
export interface StepFields {
  /** Made from the type where it is not given. */
  id?: string | null | undefined;
  /** The steps that it depends on. Default: the previous step in the list. */
  after?: After | After[] | null | undefined;
  join?: Join | undefined;
  /** With `join: any` or `{n: 2}`: when the step starts, what leads only to it is cancelled. Of a `Parallel`: the other branches. */
  cancel_rest?: boolean | null | undefined;
  /** A bare expression; if it is false, the step is skipped, and the next step of the list continues with what came before it. */
  when?: string | boolean | null | undefined;
  timeout?: Duration | undefined;
  retry?: Retry | undefined;
  on_error?: OnError | undefined;
  /** What undoes the step if the execution fails, times out or is cancelled after the step has completed. */
  compensate?: Compensation | null | undefined;
  /** Whether it may be repeated after a crash. */
  idempotent?: boolean | null | undefined;
  /** The opposite of `idempotent`. */
  at_most_once?: boolean | null | undefined;
  /** How many executions, or attempts of the step, with the same key there are at the same time, and what happens to a further one. */
  concurrency?: {
    limit?: number | null | undefined;
    /** A template; that of a workflow reads only `inputs`. Default: all share one key. */
    key?: string | null | undefined;
    policy?: "queue" | null | undefined;
  } | null | undefined;
}

/** Waits until people approve or reject something. */
export interface ApprovalStep extends StepFields {
  type: "Approval";
  config: {
    /** What is to be approved, in one line. */
    title: string;
    /** What the approvers have to know. */
    description?: string | undefined;
    /** The names of those who may decide, at most 50. Default: everyone with the scope `write:approvals`. */
    approvers?: string[] | string | undefined;
    /** How many of them must approve. One rejection rejects. */
    quorum?: number | TemplateText | undefined;
    /** JSON Schema of the data of a decision. */
    form?: Record<string, unknown> | TemplateText | undefined;
    /** The time between two reminders: a duration such as `1d`. Each is an event `approval.reminded` for webhooks; at most 100. */
    remind_every?: string | number | undefined;
    /** Adds approvers if the approval is not decided after a time. */
    escalate?: {
      /** A duration such as `1d`. */
      after: string | number;
      /** The names of those who may decide as well from then on. */
      to: string[] | string;
    } | TemplateText | undefined;
    /** What happens if it is not decided within `timeout`: the step fails with `APPROVAL_TIMEOUT`, or it counts as approved or rejected. */
    on_timeout?: "fail" | "approve" | "reject" | TemplateText | undefined;
  };
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Runs the first case whose condition is true. */
export interface BranchStep extends StepFields {
  type: "Branch";
  cases: ({
    /** A bare expression. */
    when: string | boolean;
    /** Steps, in the same format as those of the workflow. */
    steps: Step[];
  })[];
  /** Steps, in the same format as those of the workflow. */
  else?: Step[] | undefined;
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Waits for a duration or until a time, then returns its input. */
export interface DelayStep extends StepFields {
  type: "Delay";
  config?: {
    /** How long to wait: a duration such as `90s`, `5m` or `2h`, or a number of seconds. */
    for?: string | number | undefined;
    /** The time to wait for, in RFC 3339 with an offset: `2026-01-31T09:00:00Z`. A time in the past does not wait. */
    until?: string | undefined;
  } | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Returns its input unchanged. */
export interface EchoStep extends StepFields {
  type: "Echo";
  config?: Record<string, never> | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Fails with an error message. */
export interface FailStep extends StepFields {
  type: "Fail";
  config: {
    /** Human-readable error message. */
    message: string;
    /** Machine-readable error code, such as `STOCK_EMPTY`. */
    code?: string | undefined;
  };
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Sends an HTTP request and returns the response. */
export interface HttpRequestStep extends StepFields {
  type: "HttpRequest";
  config: {
    /** The HTTP method. */
    method?: "GET" | "HEAD" | "OPTIONS" | "POST" | "PUT" | "PATCH" | "DELETE" | TemplateText | undefined;
    /** An absolute `http` or `https` URL, without user name and password. */
    url: string;
    /** Headers to send. May use secrets. */
    headers?: Record<string, string | number | boolean> | TemplateText | undefined;
    /** Query parameters to add to the URL; a list repeats the parameter, `null` omits it. May use secrets. */
    query?: Record<string, string | number | boolean | null | (string | number | boolean)[]> | TemplateText | undefined;
    /** How to write the body: `json`; `form` (an object, URL-encoded); `text` (as it is); `none` (send none). */
    body_type?: "json" | "form" | "text" | "none" | TemplateText | undefined;
    /** The statuses that count as success: numbers, or `2xx` for all from 200 to 299. */
    expected_status?: (number | string)[] | TemplateText | undefined;
    /** How to decode the response body; `auto` uses its content type. */
    response?: "auto" | "json" | "text" | "base64" | TemplateText | undefined;
    /** The maximum number of redirects to follow; 0 returns the redirect itself. */
    max_redirects?: number | TemplateText | undefined;
    /** The maximum number of repetitions after 429 or 503. */
    retry_rate_limited?: number | TemplateText | undefined;
  };
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Parses a JSON text. */
export interface JsonParseStep extends StepFields {
  type: "Json.Parse";
  config?: Record<string, never> | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The JSON text. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Selects and transforms values with a jq program. */
export interface JsonQueryStep extends StepFields {
  type: "Json.Query";
  config: {
    /** The jq program, such as `.items[] | select(.price > 10)`. */
    query: string;
  };
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Converts a value to JSON text. */
export interface JsonStringifyStep extends StepFields {
  type: "Json.Stringify";
  config?: {
    /** Whether to indent, with one property or item per line. */
    pretty?: boolean | TemplateText | undefined;
  } | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Runs its steps again and again. */
export interface LoopStep extends StepFields {
  type: "Loop";
  /** A bare expression. */
  until?: string | boolean | undefined;
  /** A bare expression. */
  while?: string | boolean | undefined;
  max_iterations?: number | null | undefined;
  /** The pause between two iterations: a duration, or an expression for one or for a number of seconds. */
  pause?: string | number | null | undefined;
  collect?: boolean | null | undefined;
  /** Steps, in the same format as those of the workflow. */
  steps: Step[];
  /** The output of an iteration. Default: that of the last steps. */
  output?: unknown;
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Runs its steps for each item of a list. */
export interface MapStep extends StepFields {
  type: "Map";
  /** The list, or an expression. Default: what comes before. */
  over?: unknown;
  as?: string | null | undefined;
  max_concurrency?: number | null | undefined;
  on_item_error?: "fail" | "collect" | null | undefined;
  /** What is kept of the results: all, the errors of items (with `on_item_error: collect`), only their numbers, or all in a file of the execution. */
  collect?: "all" | "errors" | "none" | "file" | null | undefined;
  /** What is recorded of each item. `results` needs steps that compute only. Default: `results` from 100 items on where that is possible, otherwise `steps`. */
  record?: "steps" | "results" | null | undefined;
  /** Steps, in the same format as those of the workflow. */
  steps: Step[];
  /** The result of an item. Default: the output of the last steps. */
  output?: unknown;
}

/** Joins branches and gives their outputs. */
export interface MergeStep extends StepFields {
  type: "Merge";
  config?: {
    /** All outputs by step id, or the first. */
    output?: "all" | "first" | TemplateText | undefined;
  } | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: Record<string, never> | null | undefined;
}

/** Runs several lists of steps at once. */
export interface ParallelStep extends StepFields {
  type: "Parallel";
  /** Lists of steps by name. */
  branches: Record<string, Step[]>;
  cancel_rest?: boolean | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Sets state values of the execution. */
export interface SetStateStep extends StepFields {
  type: "SetState";
  config?: Record<string, never> | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: Record<string, unknown> | null | undefined;
}

/** Returns a JSON value from the definition. */
export interface StaticInputStep extends StepFields {
  type: "StaticInput";
  config?: Record<string, never> | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Returns a text from the definition. */
export interface StaticTextInputStep extends StepFields {
  type: "StaticTextInput";
  config?: Record<string, never> | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Ends the execution at once. */
export interface StopStep extends StepFields {
  type: "Stop";
  config?: {
    /** The status of the execution. */
    status?: "completed" | "failed" | "cancelled" | TemplateText | undefined;
    /** The error message of a failed execution, or the reason of a cancelled one. */
    message?: string | undefined;
    /** The error code of a failed execution. */
    code?: string | undefined;
  } | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Streams a text in pieces to live readers. */
export interface StreamTextStep extends StepFields {
  type: "StreamText";
  config?: {
    /** The size of a piece: `words` (a word with the white space after it), `graphemes` (one character), or a number of characters. */
    chunk?: "words" | "graphemes" | number | TemplateText | undefined;
    /** The pause between two pieces: a duration such as `20ms`, or a number of seconds. Default: none. */
    pause?: string | number | undefined;
  } | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text to work on. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Starts an execution of another workflow and waits for its end. */
export interface SubWorkflowStep extends StepFields {
  type: "SubWorkflow";
  /** The name or the id of a workflow of the same workspace. It is looked up when the step starts. */
  workflow: string;
  release?: number | TemplateText | null | undefined;
  release_tag?: string | null | undefined;
  wait?: boolean | TemplateText | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Runs the first case that lists a value. */
export interface SwitchStep extends StepFields {
  type: "Switch";
  /** The value, or an expression. Default: what comes before. */
  value?: unknown;
  cases: ({
    /** A value, or a list of values, without expressions. */
    equals: unknown;
    /** Steps, in the same format as those of the workflow. */
    steps: Step[];
  })[];
  /** Steps, in the same format as those of the workflow. */
  else?: Step[] | undefined;
}

/** Renders a template to text. */
export interface TemplateStep extends StepFields {
  type: "Template";
  config: {
    /** The template: a text with `{{ … }}`. */
    template: unknown;
  };
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Concatenates texts. */
export interface TextOperationConcatStep extends StepFields {
  type: "TextOperation.Concat" | "TextOperations.Concat";
  config?: {
    /** The text before the first part. */
    prefix?: string | undefined;
    /** The text after the last part. */
    suffix?: string | undefined;
  } | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The texts, numbers or booleans to concatenate. */
    parts?: (string | number | boolean | null)[] | string | number | boolean | null | undefined;
  } | null | (string | number | boolean | null)[] | string | number | boolean | undefined;
}

/** Joins a list into one text. */
export interface TextOperationJoinStep extends StepFields {
  type: "TextOperation.Join" | "TextOperations.Join";
  config?: {
    /** The text between the items. */
    separator?: string | undefined;
  } | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The texts, numbers or booleans to join. */
    items?: (string | number | boolean | null)[] | TemplateText | undefined;
  } | null | (string | number | boolean | null)[] | undefined;
}

/** Converts a text to lower case. */
export interface TextOperationLowercaseStep extends StepFields {
  type: "TextOperation.Lowercase" | "TextOperations.Lowercase";
  config?: Record<string, never> | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text to work on. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Finds the parts of a text that match a pattern. */
export interface TextOperationRegexExtractStep extends StepFields {
  type: "TextOperation.RegexExtract" | "TextOperations.RegexExtract";
  config: {
    /** The regular expression. */
    pattern: string;
    /** The group to extract, by number or name; 0 is the whole match. */
    group?: number | string | undefined;
    /** The maximum number of matches. Default: all. */
    limit?: number | TemplateText | undefined;
  };
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text to work on. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Replaces the parts of a text that match a pattern. */
export interface TextOperationRegexReplaceStep extends StepFields {
  type: "TextOperation.RegexReplace" | "TextOperations.RegexReplace";
  config: {
    /** The regular expression. */
    pattern: string;
    /** The replacement of each match; may be empty. */
    replacement: string;
    /** The maximum number of replacements. Default: all. */
    limit?: number | TemplateText | undefined;
  };
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text to work on. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Replaces all occurrences of a text. */
export interface TextOperationReplaceStep extends StepFields {
  type: "TextOperation.Replace" | "TextOperations.Replace";
  config: {
    /** The text to search for. */
    search: string;
    /** The replacement text; may be empty. */
    replacement: string;
    /** The maximum number of replacements. Default: all. */
    count?: number | TemplateText | undefined;
  };
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text to work on. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Reverses the characters of a text. */
export interface TextOperationReverseStep extends StepFields {
  type: "TextOperation.Reverse" | "TextOperations.Reverse";
  config?: Record<string, never> | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text to work on. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Counts the characters, code points, bytes, words and lines of a text. */
export interface TextOperationSizeStep extends StepFields {
  type: "TextOperation.Size" | "TextOperations.Size";
  config?: Record<string, never> | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text to work on. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Converts a text for use in URLs and file names: lower case, ASCII, hyphens. */
export interface TextOperationSlugifyStep extends StepFields {
  type: "TextOperation.Slugify" | "TextOperations.Slugify";
  config?: Record<string, never> | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text to work on. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Splits a text into a list of texts. */
export interface TextOperationSplitStep extends StepFields {
  type: "TextOperation.Split" | "TextOperations.Split";
  config?: {
    /** The text between the items. Not together with `by`. */
    separator?: string | undefined;
    /** How to split without a `separator`: `lines` (line ends are omitted), `words` (white space and punctuation are omitted), `graphemes` (user-perceived characters), `sentences`. */
    by?: "lines" | "words" | "graphemes" | "sentences" | TemplateText | undefined;
    /** The maximum number of items; the last one contains the rest. */
    limit?: number | TemplateText | undefined;
  } | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text to work on. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Removes white space, or the given characters, from the ends of a text. */
export interface TextOperationTrimStep extends StepFields {
  type: "TextOperation.Trim" | "TextOperations.Trim";
  config?: {
    /** Which end to trim. `start` is where reading begins. */
    side?: "both" | "start" | "end" | TemplateText | undefined;
    /** The characters to remove, in any order. Default: white space. */
    characters?: string | undefined;
  } | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text to work on. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Shortens a text to a number of characters. */
export interface TextOperationTruncateStep extends StepFields {
  type: "TextOperation.Truncate" | "TextOperations.Truncate";
  config: {
    /** The maximum number of characters of the result. */
    max_length: number | TemplateText;
    /** The text at the cut; may be empty. */
    ellipsis?: string | undefined;
  };
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text to work on. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Converts a text to upper case. */
export interface TextOperationUppercaseStep extends StepFields {
  type: "TextOperation.Uppercase" | "TextOperations.Uppercase";
  config?: Record<string, never> | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: {
    /** The text to work on. */
    text?: string | undefined;
  } | null | string | undefined;
}

/** Handles errors of a list of steps. */
export interface TryStep extends StepFields {
  type: "Try";
  /** Steps, in the same format as those of the workflow. */
  steps: Step[];
  catch?: ({
    /** Error codes. Default: all. */
    on?: string[] | string | null | undefined;
    /** Steps, in the same format as those of the workflow. */
    steps: Step[];
  })[] | null | undefined;
  /** Steps, in the same format as those of the workflow. */
  finally?: Step[] | undefined;
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Waits for a signal from outside and returns its data. */
export interface WaitForSignalStep extends StepFields {
  type: "WaitForSignal";
  /** The name of the signal. */
  signal: string;
  key?: string | number | null | undefined;
  on_timeout?: "fail" | "port" | TemplateText | null | undefined;
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** Waits until a time. */
export interface WaitUntilStep extends StepFields {
  type: "WaitUntil";
  /** The time to wait for, in RFC 3339 with an offset: `2026-01-31T09:00:00Z`. A time in the past does not wait. */
  until: string;
  /** Data. Default: the output of the previous step. */
  input?: unknown;
}

/** A step: its type alone, or an object. */
export type Step = StepTypeName | StepObject;

export type StepObject =
  | ApprovalStep
  | BranchStep
  | DelayStep
  | EchoStep
  | FailStep
  | HttpRequestStep
  | JsonParseStep
  | JsonQueryStep
  | JsonStringifyStep
  | LoopStep
  | MapStep
  | MergeStep
  | ParallelStep
  | SetStateStep
  | StaticInputStep
  | StaticTextInputStep
  | StopStep
  | StreamTextStep
  | SubWorkflowStep
  | SwitchStep
  | TemplateStep
  | TextOperationConcatStep
  | TextOperationJoinStep
  | TextOperationLowercaseStep
  | TextOperationRegexExtractStep
  | TextOperationRegexReplaceStep
  | TextOperationReplaceStep
  | TextOperationReverseStep
  | TextOperationSizeStep
  | TextOperationSlugifyStep
  | TextOperationSplitStep
  | TextOperationTrimStep
  | TextOperationTruncateStep
  | TextOperationUppercaseStep
  | TryStep
  | WaitForSignalStep
  | WaitUntilStep;

/** The types of steps, with their aliases. */
export type StepTypeName = StepObject["type"];

/** What a workflow takes, the steps it runs and how they are wired, and what it gives. Strings may hold Jinja: `{{ inputs.text }}`. */
export interface Definition {
  name: string;
  description?: string | null | undefined;
  inputs?: Inputs | undefined;
  steps: Step[];
  /** Outputs by name: a value, or {value, type}. */
  outputs?: Record<string, unknown> | null | undefined;
  /** First values of the state. */
  state?: Record<string, unknown> | null | undefined;
  timeout?: Duration | undefined;
  retention?: Duration | undefined;
  metadata?: Record<string, unknown> | null | undefined;
  /** Steps that run when the execution has failed or timed out, after the compensations. `error` is why. */
  on_failure?: Step[] | null | undefined;
  /** How many executions, or attempts of the step, with the same key there are at the same time, and what happens to a further one. */
  concurrency?: {
    limit?: number | null | undefined;
    /** A template; that of a workflow reads only `inputs`. Default: all share one key. */
    key?: string | null | undefined;
    policy?: "queue" | "reject" | "cancel_running" | "replace_queued" | null | undefined;
  } | null | undefined;
}

/** A definition without its name. */
export type DefinitionBody = Omit<Definition, "name">;

/**
 * The configuration of a workflow of type `custom`, or of your own types: the fields of a definition
 * without its name, or a whole definition with any fields of your own.
 */
export type Configuration =
  | (DefinitionBody & { definition?: undefined })
  | { definition: DefinitionBody & { name?: string }; [field: string]: unknown };
