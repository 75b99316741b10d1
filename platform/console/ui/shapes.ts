import type { Edge } from '@flotilla/telemetry-store';

export type { Edge, LogLine, SpanDetails as Span, TraceSummary as Trace } from '@flotilla/telemetry-store';

/** What the API answers with, as far as pages show it; what it reads from the store is the store's. */
export type Part<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly why: string };

export interface Process {
  readonly service: string;
  readonly instance: string;
  readonly pid: number | null;
  readonly state: string;
  readonly ready: boolean;
  readonly restarts: number;
  readonly uptimeSeconds: number | null;
  readonly rssBytes: number | null;
  readonly url: string | null;
}

export interface Saga {
  readonly service: string;
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly status: string;
  readonly changes: number;
  readonly step?: string;
  readonly direction: 'do' | 'undo';
  readonly attempt: number;
  readonly lastError?: { readonly code: string; readonly message: string };
  readonly reason?: { readonly code: string };
  readonly leasedBy?: string;
  readonly nextAttemptAt: string;
  readonly deadlineAt: string;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly open: readonly { readonly verb: string; readonly consequence: string }[];
}

export interface SagaDetails extends Saga {
  readonly data: object;
  readonly history: readonly {
    readonly step: string;
    readonly branch?: string;
    readonly direction: string;
    readonly via: string;
    readonly status: string;
    readonly attempts: number;
    readonly commandId: string;
    readonly reply?: unknown;
    readonly lastError?: { readonly code: string; readonly message: string };
    readonly startedAt: string;
    readonly endedAt?: string;
  }[];
  readonly attempts: readonly {
    readonly step: string;
    readonly attempt: number;
    readonly error: { readonly code: string; readonly message: string };
    readonly endedAt: string;
  }[];
  readonly audit: readonly {
    readonly verb: string;
    readonly by: string;
    readonly reason: string;
    readonly at: string;
  }[];
}

export interface Messages {
  readonly queues: Part<readonly Queue[]>;
  readonly outboxes: readonly {
    readonly service: string;
    readonly waiting?: number;
    readonly held?: number;
    readonly oldestSeconds?: number | null;
    readonly why?: string;
  }[];
  readonly groups: readonly {
    readonly service: string;
    readonly type: string;
    readonly cause: string;
    readonly count: number;
    readonly newest: string;
  }[];
  readonly missing: readonly { readonly service: string; readonly why: string }[];
}

export interface Queue {
  readonly queue: string;
  readonly subscriber: string;
  readonly messages: number;
  readonly oldestAgeSeconds?: number;
  readonly consumers: number;
  readonly state: string;
}

export interface Letter {
  readonly id: string;
  readonly consumer: string;
  readonly messageId: string;
  readonly type: string;
  readonly key: string;
  readonly body: string;
  readonly reason: string;
  readonly error: string | null;
  readonly attempts: readonly { readonly at: string; readonly error: string }[];
  readonly failures: number;
  readonly crashes: number;
  readonly traceparent: string | null;
  readonly deadAt: string;
}

export interface Overview {
  readonly windowMs: number;
  readonly system: {
    readonly name: string;
    readonly nodes: readonly { readonly name: string; readonly database: boolean; readonly bus: boolean }[];
    readonly calls: readonly (readonly [string, string])[];
  };
  readonly processes: Part<readonly Process[]>;
  readonly sagas: Part<{
    readonly sagas: readonly Saga[];
    readonly missing: readonly { readonly service: string; readonly why: string }[];
  }>;
  readonly messages: Part<Messages>;
  readonly edges: Part<readonly Edge[]>;
  readonly losses: Part<readonly { readonly signal: string; readonly why: string; readonly count: number }[]>;
}
