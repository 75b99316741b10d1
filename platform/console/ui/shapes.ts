import type { RouteSummary } from '@flotilla/gateway';
import type { OutboxStatistics } from '@flotilla/messaging';
import type { Edge } from '@flotilla/telemetry-store';
import type { Part } from '../src/api/partial.ts';
import type { FaultRow, InvariantRow, RegistryView } from '../src/deps.ts';

export type { Explanation, RouteSummary, RouteView } from '@flotilla/gateway';
export type { Edge, LogLine, SpanDetails as Span, TraceSummary as Trace } from '@flotilla/telemetry-store';

// What the API answers with, as far as pages show it. What it hands on as it was given has the type it was given with.
export type { Part } from '../src/api/partial.ts';
export type { SloRow as Slo } from '../src/deps.ts';

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
  readonly open: readonly { readonly action: string; readonly consequence: string }[];
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
  readonly leasedUntil?: string;
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
  readonly outboxes: readonly { readonly service: string; readonly found: Part<OutboxStatistics> }[];
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
  readonly burning: Part<readonly string[]>;
  readonly losses: Part<readonly { readonly signal: string; readonly why: string; readonly count: number }[]>;
}

export interface Missing {
  readonly service: string;
  readonly why: string;
}

export interface EdgeRow {
  readonly from: string;
  readonly to: string;
  readonly protocol: string;
  readonly breaker?: string;
  readonly running: number;
  readonly queued: number;
  readonly zombies: number;
  readonly limit?: number;
  readonly ejected: number;
  readonly counts: Readonly<Record<string, number>>;
}

export interface ServerRow {
  readonly service: string;
  readonly protocol: string;
  readonly running: number;
  readonly limit?: number;
  readonly shed: number;
}

export interface EdgesView {
  readonly edges: readonly EdgeRow[];
  readonly servers: readonly ServerRow[];
  readonly calls: readonly (readonly [string, string])[];
  readonly faults: Part<readonly FaultRow[]>;
  readonly missing: readonly Missing[];
}

export interface DiscoveryView {
  readonly registry: Part<RegistryView>;
  readonly known: readonly {
    readonly by: string;
    readonly service: string;
    readonly instances: number;
    readonly ageSeconds: number;
  }[];
  readonly missing: readonly Missing[];
}

export interface InvariantsView {
  readonly isDeclared: boolean;
  readonly tookMs?: number;
  readonly findings: readonly (InvariantRow & { readonly count: number })[];
}

export interface ProjectionRow {
  readonly service: string;
  readonly name: string;
  readonly isHeld: boolean;
  readonly newest: number;
  readonly open: readonly { readonly verb: string; readonly consequence: string }[];
  readonly generations: readonly {
    readonly generation: number;
    readonly inline: boolean;
    readonly version: number;
    readonly state: string;
    readonly lagEvents: number;
    readonly lagSeconds: number;
    readonly isHalted: boolean;
    readonly isWaiting: boolean;
    readonly error: string | null;
    readonly failedEvent: string | null;
  }[];
}

export interface ProjectionsView {
  readonly projections: readonly ProjectionRow[];
  readonly commands: readonly {
    readonly service: string;
    readonly id: string;
    readonly name: string;
    readonly verb: string;
    readonly status: string;
    readonly requestedBy: string;
    readonly requestedAt: string;
    readonly outcome: string | null;
  }[];
  readonly missing: readonly Missing[];
}

export interface StreamsView {
  readonly services: readonly string[];
  readonly categories: readonly string[];
  readonly streams: readonly {
    readonly service: string;
    readonly streamId: string;
    readonly category: string;
    readonly version: number;
    readonly lastType: string;
    readonly lastAt: string;
  }[];
}

export interface StreamView {
  readonly events: readonly {
    readonly version: number;
    readonly type: string;
    readonly schemaVersion: number;
    readonly data: unknown;
    readonly traceparent: string | null;
    readonly recordedAt: string;
  }[];
}

export interface GatewaysView {
  readonly gateways: readonly {
    readonly name: string;
    readonly routes: Part<readonly RouteSummary[]>;
    readonly limits: Part<Readonly<Record<string, unknown>>>;
    readonly cache: Part<Readonly<Record<string, unknown>>>;
  }[];
  readonly why?: string;
}

type AnyRow = Readonly<Record<string, unknown>>;

export interface IdentityView {
  readonly users: Part<readonly AnyRow[]>;
  readonly clients: Part<readonly AnyRow[]>;
  readonly keys: Part<readonly AnyRow[]>;
}

export interface SessionRow {
  readonly id: string;
  readonly device: string | null;
  readonly address: string | null;
  readonly clientIds: readonly string[];
  readonly lastUsedAt: string;
}

export interface UserView {
  readonly user: AnyRow;
  readonly sessions: Part<readonly SessionRow[]>;
}

export interface MetricFamilyRow {
  readonly name: string;
  readonly unit: string;
  readonly description: string;
  readonly type: string;
  readonly services: readonly string[];
}

export interface ChartSeries {
  readonly service: string;
  readonly instance: string;
  readonly attributes: AnyRow;
  readonly monotonic: boolean;
  readonly points: readonly {
    readonly timeMs: number;
    readonly value: number;
    readonly p50?: number;
    readonly p95?: number;
  }[];
}

export interface MetricView {
  readonly family: MetricFamilyRow;
  readonly fromMs: number;
  readonly toMs: number;
  readonly series: readonly ChartSeries[];
}
