/** What part of the time, or of the events, shall be good. */
interface Objective {
  /** Between 0.9 and 0.99999: how much of it, over 30 days. */
  readonly objective: number;
  /** What it means to users: one line. */
  readonly description: string;
}

export type SloConfig = Objective & SloIndicator;

/** What is measured. Bounds of histograms are the only times that can be asked for: 0.25 s, 0.5 s, 30 s. */
export type SloIndicator =
  /** HTTP requests that the service answers, and not with a fault of ours (5xx). */
  | { readonly indicator: 'availability'; readonly service: string }
  /** HTTP requests that the service answers in time. */
  | { readonly indicator: 'latency'; readonly service: string; readonly withinSeconds: number }
  /** Sagas that end in time; those that are stuck do not. */
  | { readonly indicator: 'sagas-in-time'; readonly sagas: readonly string[]; readonly withinSeconds: number }
  /** Messages that are handled, and do not end as dead letters. */
  | { readonly indicator: 'messages-handled' }
  /** The time in which no committed message of any service waits longer to be sent. */
  | { readonly indicator: 'outbox-age'; readonly withinSeconds: number };

/** Samples by name and labels; a text between slashes is a regular expression of the whole value. */
export interface Selector {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Where the figures come from. */
export type SloSource =
  | { readonly kind: 'events'; readonly all: readonly Selector[]; readonly bad: readonly Selector[] }
  | { readonly kind: 'events'; readonly all: readonly Selector[]; readonly good: readonly Selector[] }
  | { readonly kind: 'level'; readonly of: Selector; readonly above: number };

const SERVED = 'http_server_request_duration_seconds';

export function sourceOf(slo: SloIndicator): SloSource {
  switch (slo.indicator) {
    case 'availability': {
      const all = { metric: `${SERVED}_count`, labels: { job: slo.service } };
      const bad = { ...all, labels: { ...all.labels, http_response_status_code: '/5../' } };
      return { kind: 'events', all: [all], bad: [bad] };
    }
    case 'latency': {
      const labels = { job: slo.service };
      const good = { metric: `${SERVED}_bucket`, labels: { ...labels, le: boundOf(slo.withinSeconds) } };
      return { kind: 'events', all: [{ metric: `${SERVED}_count`, labels }], good: [good] };
    }
    case 'sagas-in-time': {
      const labels = { saga_type: `/${slo.sagas.join('|')}/` };
      const ended = { metric: 'saga_duration_seconds_count', labels };
      const stuck = { metric: 'saga_stuck_total', labels };
      const inTime = { ...labels, le: boundOf(slo.withinSeconds) };
      const good = { metric: 'saga_duration_seconds_bucket', labels: inTime };
      return { kind: 'events', all: [ended, stuck], good: [good] };
    }
    case 'messages-handled': {
      const metric = 'messaging_settled_total';
      const all = { metric, labels: { outcome: '/handled|dead-letter/' } };
      return { kind: 'events', all: [all], bad: [{ metric, labels: { outcome: 'dead-letter' } }] };
    }
    case 'outbox-age': {
      const of = { metric: 'messaging_outbox_oldest_age_seconds', labels: {} };
      return { kind: 'level', of, above: slo.withinSeconds };
    }
  }
}

/** `le` is written as `30` or `30.0`, by who wrote it. */
function boundOf(seconds: number): string {
  return Number.isInteger(seconds) ? `/${seconds}(\\.0)?/` : String(seconds);
}

const NAME = /^[a-z][a-z0-9-]{0,39}$/;

/** Throws `TypeError` for what cannot be measured. */
export function checkSlos(slos: Readonly<Record<string, SloConfig>>, services: ReadonlySet<string>): void {
  for (const [name, slo] of Object.entries(slos)) {
    const refuse = (what: string): never => {
      throw new TypeError(`slo ${name}: ${what}`);
    };
    if (!NAME.test(name)) refuse('a name is lower case letters, digits and dashes, at most 40');
    if (!(slo.objective >= 0.9 && slo.objective <= 0.99999))
      refuse(`objective must be between 0.9 and 0.99999, got ${slo.objective}`);
    if (slo.description.trim() === '') refuse('description is empty');
    if ('service' in slo && !services.has(slo.service)) refuse(`there is no service ${slo.service}`);
    if ('withinSeconds' in slo && !(slo.withinSeconds > 0))
      refuse(`withinSeconds must be above 0, got ${slo.withinSeconds}`);
  }
}
