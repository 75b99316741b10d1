import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Clock, isPlatformError, pause, systemClock, toError } from '@flotilla/kernel';
import { writeWhole } from '@flotilla/kernel/files';
import { type Logger, silentLogger } from '@flotilla/telemetry';
import type { Endpoint, Resolver } from '../endpoint.ts';

export interface KeptEndpointsOptions {
  /** Written when something changes, at most once in `writeEveryMs`; its folder is made. */
  readonly file: string;
  /** Default 1,000. */
  readonly writeEveryMs?: number;
  /** What is older is not believed. Default one day. */
  readonly maxAgeMs?: number;
  readonly logger?: Logger;
  readonly clock?: Clock;
}

/** What a process knows of a service, and since when it has not been confirmed. */
export interface KeptService {
  readonly service: string;
  readonly instances: number;
  /** `kept` = from an earlier run, since discovery has said nothing yet. */
  readonly from: 'discovery' | 'kept';
  readonly ageMs: number;
}

export interface KeptResolver extends Resolver {
  describe(): readonly KeptService[];
}

interface Kept {
  readonly endpoints: readonly Endpoint[];
  readonly heardAtMs: number;
}

const DAY_MS = 86_400_000;
const VERSION = 1;

/**
 * Remembers in a file what a resolver has found, so that a process can start while discovery is away: what it last knew
 * stands in until the first answer. A file that cannot be read or written is no reason not to start.
 */
export async function keepEndpoints(inner: Resolver, options: KeptEndpointsOptions): Promise<KeptResolver> {
  const {
    file,
    writeEveryMs = 1_000,
    maxAgeMs = DAY_MS,
    logger = silentLogger,
    clock = systemClock,
  } = options;
  const nowMs = () => clock.now().getTime();
  const former = await readKept(file, logger);
  const heard = new Map<string, Kept>();
  const closing = new AbortController();
  let writing: Promise<void> | undefined;
  let isDirty = false;

  function learn(service: string, endpoints: readonly Endpoint[]): readonly Endpoint[] {
    const isNew = heard.get(service)?.endpoints !== endpoints;
    heard.set(service, { endpoints, heardAtMs: nowMs() });
    if (!isNew) return endpoints;
    isDirty = true;
    writing ??= write();
    return endpoints;
  }

  async function write(): Promise<void> {
    while (isDirty) {
      isDirty = false;
      try {
        const services = Object.fromEntries([...former, ...heard]);
        await mkdir(dirname(file), { recursive: true });
        await writeWhole(file, JSON.stringify({ version: VERSION, services }));
      } catch (error) {
        logger.warn({ file, err: toError(error) }, 'the endpoints could not be kept');
      }
      await pause(clock, writeEveryMs, closing.signal);
    }
    writing = undefined;
  }

  /** What an earlier run knew, while discovery is silent. */
  function remembered(service: string): Kept | undefined {
    const kept = former.get(service);
    return kept !== undefined && nowMs() - kept.heardAtMs < maxAgeMs ? kept : undefined;
  }

  return {
    known: (service) => {
      const endpoints = inner.known?.(service);
      return endpoints && learn(service, endpoints);
    },
    resolve: async (service) => {
      try {
        return learn(service, await inner.resolve(service));
      } catch (error) {
        const kept = remembered(service);
        if (!isPlatformError(error) || error.code !== 'DISCOVERY_UNAVAILABLE' || kept === undefined)
          throw error;
        return kept.endpoints;
      }
    },
    describe: () =>
      [...new Set([...former.keys(), ...heard.keys()])].flatMap((service) => {
        const kept = heard.get(service) ?? remembered(service);
        if (kept === undefined) return [];
        const from = heard.has(service) ? 'discovery' : 'kept';
        return [{ service, instances: kept.endpoints.length, from, ageMs: nowMs() - kept.heardAtMs }];
      }),
    close: async () => {
      closing.abort();
      await inner.close();
      await writing;
    },
  };
}

async function readKept(file: string, logger: Logger): Promise<ReadonlyMap<string, Kept>> {
  try {
    const { version, services } = JSON.parse(await readFile(file, 'utf8')) as {
      readonly version?: unknown;
      readonly services?: Readonly<Record<string, Kept>>;
    };
    if (version !== VERSION || services === undefined) throw new TypeError('the file has another form');
    return new Map(Object.entries(services).filter(([, kept]) => isKept(kept)));
  } catch (error) {
    const isNew = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!isNew) logger.warn({ file, err: toError(error) }, 'the kept endpoints cannot be read');
    return new Map();
  }
}

function isKept(value: unknown): value is Kept {
  const { endpoints, heardAtMs } = Object(value) as Partial<Kept>;
  const isEndpoint = ({ id, host, port }: Endpoint) =>
    typeof id === 'string' && typeof host === 'string' && Number.isInteger(port);
  return typeof heardAtMs === 'number' && Array.isArray(endpoints) && endpoints.every(isEndpoint);
}
