import type { GenerationStatus, ProjectionCommand } from '@flotilla/event-store';
import type { RouteSummary } from '@flotilla/gateway';
import type { DeadLetter, OutboxStatistics } from '@flotilla/messaging';
import type { OpenVerb, SagaDetails as SagaDetailsOfService, SagaSummary } from '@flotilla/saga/desk';
import type { Edge } from '@flotilla/telemetry-store';
import type { KnownRow } from '../src/api/discovery.ts';
import type { EdgeRow, ServerRow } from '../src/api/edges.ts';
import type { LetterGroup } from '../src/api/messages.ts';
import type { ChartPoint } from '../src/api/metrics.ts';
import type { OpenAction } from '../src/api/open-actions.ts';
import type { Part } from '../src/api/partial.ts';
import type { ConsoleDeps, FaultRow, InvariantRow, ProcessRow, QueueRow, RegistryView } from '../src/deps.ts';

export type { Explanation, RouteSummary, RouteView } from '@flotilla/gateway';
export type { Edge, LogLine, SpanDetails as Span, TraceSummary as Trace } from '@flotilla/telemetry-store';

// What the API answers with, as far as pages show it. What it hands on as it was given has the type it was given with.
export type { EdgeRow, ServerRow } from '../src/api/edges.ts';
export type { Part } from '../src/api/partial.ts';
export type { SloRow as Slo } from '../src/deps.ts';

/** What a value is once it has been JSON: moments are texts. */
type Json<T> = T extends Date ? string : T extends object ? { readonly [Key in keyof T]: Json<T[Key]> } : T;

export type Process = ProcessRow & { readonly open: readonly OpenAction[] };

interface OfService {
  readonly service: string;
  readonly open: readonly OpenVerb[];
}

export type Saga = Json<SagaSummary> & OfService;
export type SagaDetails = Json<SagaDetailsOfService> & OfService;
export type Letter = Json<DeadLetter>;

export interface Messages {
  readonly queues: Part<readonly QueueRow[]>;
  readonly outboxes: readonly { readonly service: string; readonly found: Part<OutboxStatistics> }[];
  readonly groups: readonly Json<LetterGroup>[];
  readonly missing: readonly Missing[];
}

export interface Overview {
  readonly windowMs: number;
  readonly system: ConsoleDeps['system'];
  readonly processes: Part<readonly Process[]>;
  readonly sagas: Part<{
    readonly sagas: readonly Saga[];
    readonly missing: readonly Missing[];
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

export interface EdgesView {
  readonly edges: readonly EdgeRow[];
  readonly servers: readonly ServerRow[];
  readonly calls: readonly (readonly [string, string])[];
  readonly faults: Part<readonly FaultRow[]>;
  readonly missing: readonly Missing[];
}

export interface DiscoveryView {
  readonly registry: Part<RegistryView>;
  readonly known: readonly KnownRow[];
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
  readonly generations: readonly GenerationStatus[];
}

export interface ProjectionsView {
  readonly projections: readonly ProjectionRow[];
  readonly commands: readonly (Json<ProjectionCommand> & { readonly service: string })[];
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
  readonly points: readonly ChartPoint[];
}

export interface MetricView {
  readonly family: MetricFamilyRow;
  readonly fromMs: number;
  readonly toMs: number;
  readonly series: readonly ChartSeries[];
}
