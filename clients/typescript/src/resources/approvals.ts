/** Approvals, decisions of people that steps wait for: `/api/v1/approvals`. */

import type { APIPromise } from "../core/api-promise.js";
import { fixed, path, type NamesOf } from "../core/arguments.js";
import type { Page, PagePromise } from "../core/page.js";
import { CURSOR_LIST_NAMES, Resource, type CursorListOptions } from "../core/resource.js";
import { POST_NAMES, REQUEST_NAMES, type PostOptions, type RequestOptions } from "../core/transport.js";

export type ApprovalStatus = "pending" | "approved" | "rejected" | "expired" | "cancelled";

/** A vote. */
export interface ApprovalVote {
  approver: string;
  verdict: "approve" | "reject";
  comment: string | null;
  data: any;
  at: Date;
}

/** An approval. */
export interface Approval {
  id: string;
  status: ApprovalStatus;
  title: string;
  description: string | null;
  workflowId: string;
  executionId: string;
  /** The step that waits for it. */
  step: string;
  /** Who may decide; empty: everyone. */
  approvers: string[];
  /** How many must approve. */
  quorum: number;
  /** JSON Schema of the data of a vote. */
  form: unknown;
  /** The decision, also that of the timeout. */
  decision: "approved" | "rejected" | null;
  votes: ApprovalVote[];
  reminders: number;
  createdAt: Date;
  updatedAt: Date;
  expiresAt: Date | null;
  endedAt: Date | null;
}

/** A link with which an approver decides without a key. */
export interface ApprovalLink {
  /** The secret part of the path; it is shown once. */
  token: string;
  path: string;
  /** The path below the public URL of the server, if that is known. */
  url: string;
  approver: string;
  expiresAt: Date;
}

/** The approval of a link. */
export interface LinkedApproval {
  /** Who the link is for. */
  approver: string;
  approval: Approval;
}

/** Filters of approvals, newest first by default. */
export interface ListApprovals extends CursorListOptions {
  sortBy?: "created_at" | "updated_at" | undefined;
  status?: ApprovalStatus | undefined;
  executionId?: string | undefined;
  /** Only those about which this approver may decide. */
  approver?: string | undefined;
}

/** Options of `approvals.approve` and `approvals.reject`. */
export interface VoteOptions extends PostOptions {
  /** Who votes; by default the only approver, or the name of the key. */
  approver?: string | undefined;
  comment?: string | undefined;
  /** The data of the form. */
  data?: unknown;
}

/** Options of `approvals.delegate`. */
export interface DelegateOptions extends PostOptions {
  /** Who delegates; by default the only approver. */
  approver?: string | undefined;
  comment?: string | undefined;
}

/** Options of `approvals.createLink`. */
export interface ApprovalLinkOptions extends PostOptions {
  /** Who the link is for; by default the only approver. */
  approver?: string | undefined;
  /** By default 7 days. */
  expiresInSeconds?: number | undefined;
}

/** Options of `approvals.decideLinked`. */
export interface LinkedVoteOptions extends RequestOptions {
  comment?: string | undefined;
  /** The data of the form. */
  data?: unknown;
}

const APPROVALS = fixed("/api/v1/approvals");
const LINKS = fixed("/api/v1/approval_links");
const LIST: NamesOf<ListApprovals> = {
  ...CURSOR_LIST_NAMES,
  status: true,
  executionId: true,
  approver: true,
};
const DELEGATE: NamesOf<DelegateOptions> = { ...POST_NAMES, approver: true, comment: true };
const VOTE: NamesOf<VoteOptions> = { ...DELEGATE, data: true };
const LINK: NamesOf<ApprovalLinkOptions> = { ...POST_NAMES, approver: true, expiresInSeconds: true };
const LINKED_VOTE: NamesOf<LinkedVoteOptions> = { ...REQUEST_NAMES, comment: true, data: true };

/** The names in forms and their data belong to users. */
const USER_DATA: ReadonlySet<string> = new Set(["data", "form"]);

/** Approvals: `client.approvals`. */
export class Approvals extends Resource {
  /** Returns an approval with its votes. */
  get(approvalId: string, options: RequestOptions = {}): APIPromise<Approval> {
    return this.send({
      name: "approvals.get",
      method: "GET",
      path: path`${APPROVALS}/${approvalId}`,
      options,
    });
  }

  /** Lists approvals. They are kept for 90 days after their end. */
  list(options: ListApprovals = {}): PagePromise<Page<Approval>> {
    const { executionId } = options;
    return this.listItems({
      name: "approvals.list",
      path: path`${APPROVALS}`,
      options,
      optionNames: LIST,
      query: { executionId: undefined, execution_id: executionId },
    });
  }

  /** Records the vote of an approver for the approval; `data` must fit its form. */
  approve(approvalId: string, options: VoteOptions = {}): APIPromise<Approval> {
    const { approver, comment, data } = options;
    return this.send({
      name: "approvals.approve",
      method: "POST",
      path: path`${APPROVALS}/${approvalId}/approve`,
      body: { approver, comment, data },
      options,
      optionNames: VOTE,
    }, undefined, USER_DATA);
  }

  /** Records the vote of an approver against the approval, which is rejected then. */
  reject(approvalId: string, options: VoteOptions = {}): APIPromise<Approval> {
    const { approver, comment, data } = options;
    return this.send({
      name: "approvals.reject",
      method: "POST",
      path: path`${APPROVALS}/${approvalId}/reject`,
      body: { approver, comment, data },
      options,
      optionNames: VOTE,
    }, undefined, USER_DATA);
  }

  /** Lets another approver decide instead. */
  delegate(approvalId: string, to: string, options: DelegateOptions = {}): APIPromise<Approval> {
    const { approver, comment } = options;
    return this.send({
      name: "approvals.delegate",
      method: "POST",
      path: path`${APPROVALS}/${approvalId}/delegate`,
      body: { approver, to, comment },
      options,
      optionNames: DELEGATE,
    });
  }

  /** Creates a link with which an approver can decide once, without a key. */
  createLink(approvalId: string, options: ApprovalLinkOptions = {}): APIPromise<ApprovalLink> {
    const { approver, expiresInSeconds } = options;
    return this.send({
      name: "approvals.createLink",
      method: "POST",
      path: path`${APPROVALS}/${approvalId}/links`,
      body: { approver, expiresInSeconds },
      options,
      optionNames: LINK,
    });
  }

  /** Returns the approval of a link. */
  getLinked(token: string, options: RequestOptions = {}): APIPromise<LinkedApproval> {
    return this.send({
      name: "approvals.getLinked",
      method: "GET",
      path: path`${LINKS}/${token}`,
      options,
    });
  }

  /** Records the vote of the approver that a link is for. */
  decideLinked(
    token: string,
    verdict: "approve" | "reject",
    options: LinkedVoteOptions = {},
  ): APIPromise<Approval> {
    const { comment, data } = options;
    return this.send({
      name: "approvals.decideLinked",
      method: "POST",
      path: path`${LINKS}/${token}`,
      body: { verdict, comment, data },
      options,
      optionNames: LINKED_VOTE,
    }, undefined, USER_DATA);
  }
}
