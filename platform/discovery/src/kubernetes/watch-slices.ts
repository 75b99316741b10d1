import { backoffMs, type Clock, pause, spread, toError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { type KubeApi, KubeError } from './kube-api.ts';
import type { Slice } from './slices.ts';

export interface WatchSlicesDeps {
  readonly api: KubeApi;
  readonly namespace: string;
  readonly service: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly closing: AbortSignal;
  /** Whether the server sends what there is before what changes: found out once for all watches. */
  readonly support: { initialEvents: boolean };
  /** All slices of the service, complete. */
  readonly changed: (slices: readonly Slice[]) => void;
  readonly failed: (error: Error) => void;
  /** Longest one question waits. Default 25 s to 30 s. */
  readonly waitSeconds?: number;
}

interface Event {
  readonly type?: string;
  readonly object?: {
    readonly code?: number;
    readonly message?: string;
    readonly metadata?: {
      readonly name?: string;
      readonly resourceVersion?: string;
      readonly annotations?: Readonly<Record<string, string>> | null;
    };
  } & Slice;
}

/**
 * A server says nothing while nothing changes, and bookmarks come a minute apart: so questions are short, and one that has
 * not ended long after its time is given up. Each begins with all there is, so that a version that the server has
 * forgotten, or has not reached yet, can blind nobody.
 */
const SHORTEST_WAIT_SECONDS = 25;
const WAIT_SPREAD_SECONDS = 5;
const SILENCE_GRACE_MS = 5_000;
const LONGEST_BACKOFF_MS = 1_000;
/** A question that ends sooner, with nothing to say, was not held at all. */
const HELD_MS = 1_000;
const PAGE = 500;

/** Follows the EndpointSlices of one service until it is closed. Never rejects. */
export async function watchSlices(deps: WatchSlicesDeps): Promise<void> {
  const { clock, closing, logger, random, service } = deps;
  let failures = 0;

  /** How long the server wants to be left alone. */
  async function round(): Promise<number> {
    try {
      const isHeld = await watchOnce(deps);
      if (failures > 0) logger.info({ service, failures }, 'the API server answers again');
      failures = isHeld ? 0 : failures + 1;
      return 0;
    } catch (error) {
      if (closing.aborted || noticeOldServer(deps, error)) return 0;
      if (failures === 0)
        logger.warn({ service, err: toError(error) }, 'the EndpointSlices cannot be followed');
      deps.failed(toError(error));
      failures += 1;
      return error instanceof KubeError ? error.retryAfterMs : 0;
    }
  }

  while (!closing.aborted) {
    const retryAfterMs = await round();
    const restMs = failures === 0 ? 0 : backoffMs(failures, 100, LONGEST_BACKOFF_MS, random);
    await pause(clock, Math.max(restMs, spread(retryAfterMs, random)), closing);
  }
}

class NoInitialEvents extends Error {}

/** A server that does not know how to begin with all there is, is asked for a list first from then on. */
function noticeOldServer({ support }: WatchSlicesDeps, error: unknown): boolean {
  const isOld = error instanceof NoInitialEvents || (error instanceof KubeError && error.status === 422);
  if (!isOld || !support.initialEvents) return false;
  support.initialEvents = false;
  return true;
}

/** One question from its beginning to its end in order; `false` when the server did not hold it. */
async function watchOnce(deps: WatchSlicesDeps): Promise<boolean> {
  const { api, clock, closing, random, support } = deps;
  const startedAtMs = clock.now().getTime();
  const slices = new Map<string, Slice>();
  const listed = support.initialEvents ? undefined : await list(deps, slices);
  if (listed !== undefined) deps.changed([...slices.values()]);
  const seconds = deps.waitSeconds ?? SHORTEST_WAIT_SECONDS + Math.floor(random() * WAIT_SPREAD_SECONDS);
  const path = `${pathOf(deps)}&watch=true&allowWatchBookmarks=true&timeoutSeconds=${seconds}&${
    listed === undefined
      ? 'sendInitialEvents=true&resourceVersionMatch=NotOlderThan'
      : `resourceVersion=${encodeURIComponent(listed)}`
  }`;
  let isComplete = listed !== undefined;
  for await (const line of api.lines(path, closing, seconds * 1_000 + SILENCE_GRACE_MS)) {
    const event = JSON.parse(line) as Event;
    if (event.type === 'ERROR') throw errorOf(event, isComplete);
    const isMark = event.type === 'BOOKMARK';
    if (isMark) isComplete ||= event.object?.metadata?.annotations?.['k8s.io/initial-events-end'] === 'true';
    else apply(slices, event);
    if (isComplete && (!isMark || listed === undefined)) deps.changed([...slices.values()]);
  }
  if (!isComplete) throw new Error('the API server ended before it had sent all there is');
  return clock.now().getTime() - startedAtMs >= HELD_MS;
}

function apply(slices: Map<string, Slice>, { type, object }: Event): void {
  const name = object?.metadata?.name;
  if (name === undefined || object === undefined) return;
  if (type === 'DELETED') slices.delete(name);
  else if (type === 'ADDED' || type === 'MODIFIED') slices.set(name, object);
}

/** An error within a response that began with 200: 410, that a version is gone, is the ordinary one. */
function errorOf({ object }: Event, isComplete: boolean): Error {
  const { code = 0, message = '' } = object ?? {};
  if (!isComplete && code === 500) return new NoInitialEvents(message);
  return new KubeError(code, message);
}

/** All pages; the version to go on from. A version that is gone while it pages begins anew. */
async function list(deps: WatchSlicesDeps, slices: Map<string, Slice>): Promise<string> {
  let next = '';
  for (;;) {
    const page = (await deps.api.get(`${pathOf(deps)}&limit=${PAGE}${next}`, deps.closing)) as {
      readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
      readonly items?: readonly Slice[] | null;
    };
    if (!page.metadata?.resourceVersion) throw new TypeError('the API server sent something that is no list');
    for (const object of page.items ?? []) apply(slices, { type: 'ADDED', object });
    if (!page.metadata.continue) return page.metadata.resourceVersion;
    next = `&continue=${encodeURIComponent(page.metadata.continue)}`;
  }
}

function pathOf({ namespace, service }: WatchSlicesDeps): string {
  const selector = encodeURIComponent(`kubernetes.io/service-name=${service}`);
  return `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/endpointslices?labelSelector=${selector}`;
}
