import { toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import type { BackendPool } from '../backends/backends.ts';
import type { Exchange } from '../exchange.ts';
import type { Timers } from '../time/timers.ts';
import type { BackendCall, BackendClient } from '../wire/backend/backend-call.ts';
import { fieldName } from '../wire/rules/field-names.ts';
import { type Fields, setField } from '../wire/rules/fields.ts';
import type { ResponseHead } from '../wire/rules/response.ts';
import { type Capture, createCapture } from './capture.ts';
import type { Difference } from './compare-json.ts';
import { compareResponses, type Ignored } from './compare-responses.ts';

/** Sees the response that the client gets. Each call returns at once. */
export interface ShadowTap {
  head(head: ResponseHead): void;
  data(chunk: Buffer): void;
  /** The response is complete. */
  end(): void;
  /** There is no complete response to compare with: refused, broken, client gone. */
  lost(): void;
}

/** What was found out about the new side. */
export interface ShadowReport {
  readonly copied: number;
  readonly equal: number;
  readonly different: number;
  /** Equal as far as it was compared: a body was too large. */
  readonly partly: number;
  /** The new side gave no response, or not in time. */
  readonly failed: number;
  /** The client's own response did not become complete: nothing to compare with. */
  readonly incomplete: number;
  /** Not copied because too many copies were under way. */
  readonly dropped: number;
  /** The last differences, newest last. */
  readonly samples: readonly ShadowSample[];
}

export interface ShadowSample {
  readonly at: string;
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly differences: readonly Difference[];
}

export interface ShadowCopy {
  readonly method: string;
  /** Path and query for the new side. */
  readonly target: string;
  /** What the back end of the client's request gets; copied, not kept. */
  readonly fields: Fields;
}

export interface Shadow {
  /** `undefined` = busy. Never waits, never throws, never touches the client's exchange. */
  copy(exchange: Exchange, copy: ShadowCopy): ShadowTap | undefined;
  report(): ShadowReport;
}

interface ShadowDeps {
  readonly route: string;
  readonly pool: () => BackendPool;
  readonly ignored: Ignored;
  readonly backendClient: BackendClient;
  readonly timers: Timers;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly count: (result: ShadowResult) => void;
}

export type ShadowResult = Exclude<keyof ShadowReport, 'samples' | 'copied'>;

const MAX_IN_FLIGHT = 20;
const MAX_SAMPLES = 20;
/** For the whole of both answers; an endless one is not compared. */
const DEADLINE_MS = 10_000;
/** Tells the new side that its response goes to no client. */
const MARK = fieldName('X-Gateway-Shadow');

export function createShadow(deps: ShadowDeps): Shadow {
  const { ignored, timers, logger } = deps;
  const counts = { copied: 0, equal: 0, different: 0, partly: 0, failed: 0, incomplete: 0, dropped: 0 };
  const samples: ShadowSample[] = [];
  let inFlight = 0;

  function count(result: ShadowResult): void {
    counts[result] += 1;
    deps.count(result);
  }

  function open(exchange: Exchange, copy: ShadowCopy): ShadowTap {
    inFlight += 1;
    const { path } = exchange.request.target;
    let isOver = false;
    let call: Pick<BackendCall, 'abort'> | undefined;
    const legacy = createCapture(judge);
    const fresh = createCapture(judge);
    const deadline = timers.after(DEADLINE_MS, () =>
      finish(fresh.state === 'open' ? 'failed' : 'incomplete'),
    );

    function finish(result: ShadowResult): void {
      if (isOver) return;
      isOver = true;
      inFlight -= 1;
      deadline.cancel();
      call?.abort();
      count(result);
    }

    function judge(): void {
      if (legacy.state === 'lost') finish('incomplete');
      else if (fresh.state === 'lost') finish('failed');
      if (isOver || legacy.state === 'open' || fresh.state === 'open') return;
      compare(copy.method, path, legacy, fresh).then(finish, (error: unknown) => {
        logger.error({ route: deps.route, err: toError(error) }, 'the answers could not be compared');
        finish('failed');
      });
    }

    // Behind the client's own request, which is on its way by then.
    setImmediate(() => {
      if (isOver) return;
      sendCopy(exchange, copy, fresh, deps).then(
        (sent) => {
          call = sent;
          if (sent === undefined) finish('failed');
          else if (isOver) sent.abort();
        },
        () => finish('failed'),
      );
    });
    return { head: legacy.head, data: legacy.data, end: legacy.end, lost: legacy.lost };
  }

  async function compare(
    method: string,
    path: string,
    legacy: Capture,
    fresh: Capture,
  ): Promise<ShadowResult> {
    const { differences, isComplete } = await compareResponses(legacy.answer(), fresh.answer(), ignored);
    if (differences.length === 0) return isComplete ? 'equal' : 'partly';
    samples.push({ at: deps.now().toISOString(), method, path, differences });
    if (samples.length > MAX_SAMPLES) samples.shift();
    return 'different';
  }

  return {
    copy: (exchange, { method, target, fields }) => {
      if (inFlight >= MAX_IN_FLIGHT) {
        count('dropped');
        return undefined;
      }
      counts.copied += 1;
      const marked = { names: [...fields.names], values: [...fields.values] };
      setField(marked, MARK, 'true');
      return open(exchange, { method, target, fields: marked });
    },
    report: () => ({ ...counts, samples: [...samples] }),
  };
}

/** Asks an instance of the new side. `undefined` = there is none. */
async function sendCopy(
  exchange: Exchange,
  { method, target, fields }: ShadowCopy,
  capture: Capture,
  { pool: poolOf, timers, backendClient }: ShadowDeps,
): Promise<Pick<BackendCall, 'abort'> | undefined> {
  const pool = poolOf();
  const backend = await pool.pick(exchange, NOTHING_TRIED);
  if (backend === undefined) return undefined;
  const startedAtMs = timers.nowMs;
  let isOpen = true;
  const ended = (outcome: 'answered' | 'failed' | 'not-connected' | 'abandoned'): void => {
    if (isOpen) pool.ended(backend, outcome, timers.nowMs - startedAtMs);
    isOpen = false;
  };
  pool.began(backend);
  let isFailure = false;
  const { origin, authority } = backend;
  const sent = backendClient.send(
    origin,
    {
      method,
      target,
      authority,
      fields,
      body: undefined,
      maxBodyBytes: 0,
      silenceMs: DEADLINE_MS,
      upgrade: false,
      requestId: undefined,
    },
    {
      head: (head) => {
        isFailure = head.status >= 500 && head.status <= 508;
        capture.head(head);
      },
      data: capture.data,
      end: () => {
        ended(isFailure ? 'failed' : 'answered');
        capture.end();
      },
      error: ({ progress }) => {
        ended(progress === 'not-sent' ? 'not-connected' : 'failed');
        capture.lost();
      },
      switched: (_head, socket) => {
        socket.destroy();
        ended('failed');
        capture.lost();
      },
    },
  );
  return {
    abort: () => {
      ended('abandoned');
      sent.abort();
    },
  };
}

const NOTHING_TRIED = { refused: new Set<string>(), avoid: new Set<string>() };
