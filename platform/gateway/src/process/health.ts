import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { within } from '@flotilla/kernel';
import { hostInUrl } from '@flotilla/kernel/addresses';

export interface HealthOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly isReady: () => Promise<boolean>;
  /** In the text format of Prometheus. */
  readonly metrics: () => Promise<string>;
}

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * `GET /health/live`, `/health/ready` and `/metrics` without a token, and nothing else: for balancers and collectors, on an address that
 * only they reach.
 */
export function createHealthListener({ host, port, isReady, metrics }: HealthOptions) {
  const server = createServer({ headersTimeout: 5_000, requestTimeout: 10_000 }, (request, response) => {
    answer(request.url?.split('?')[0] ?? '', response, { isReady, metrics }).catch(() => {
      response.destroy();
    });
  });
  server.maxConnections = 64;
  return {
    /** Resolves with the URL. */
    listen: async (): Promise<string> => {
      server.listen(port, host);
      await once(server, 'listening');
      const { port: opened } = server.address() as AddressInfo; // a TCP server that listens has one
      return `http://${hostInUrl(host)}:${opened}`;
    },
    close: async (): Promise<void> => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  path: string,
  response: ServerResponse,
  { isReady, metrics }: Pick<HealthOptions, 'isReady' | 'metrics'>,
): Promise<void> {
  const say = (status: number, body: string, type = 'application/json') => {
    // Who asks does so now and then, from many places: idle connections would use up the few there are.
    const fields = { 'content-type': type, 'cache-control': 'no-store', connection: 'close' };
    response.writeHead(status, fields).end(body);
  };
  if (path === '/health/live') say(200, '{"status":"live"}');
  else if (path === '/health/ready')
    (await isReady()) ? say(200, '{"status":"ready"}') : say(503, '{"status":"not-ready"}');
  else if (path === '/metrics') say(200, await metrics(), METRICS_TYPE);
  else say(404, '{"status":"not-found"}');
}

interface Question {
  readonly type: 'gateway-health?';
  readonly id: number;
}

interface Told {
  readonly type: 'gateway-health';
  readonly id: number;
  readonly isReady: boolean;
  readonly metrics: string;
}

/** In a process of several: tells the one that started it how it is. */
export function answerHealthQuestions(of: { isReady(): boolean; metrics(): string }): void {
  if (process.send === undefined) return;
  process.on('message', (message: Partial<Question> | undefined) => {
    if (message?.type !== 'gateway-health?' || message.id === undefined) return;
    const told: Told = {
      type: 'gateway-health',
      id: message.id,
      isReady: of.isReady(),
      metrics: of.metrics(),
    };
    process.send?.(told);
  });
}

/** A process that can be asked. */
interface Asked {
  send(message: Question): unknown;
  on(event: 'message', listener: (message: Partial<Told> | undefined) => void): unknown;
  off(event: 'message', listener: (message: Partial<Told> | undefined) => void): unknown;
}

const ANSWER_MS = 2_000;
let lastId = 0;

/** `undefined` when it does not answer in two seconds. */
export async function askHealth(worker: Asked): Promise<Pick<Told, 'isReady' | 'metrics'> | undefined> {
  lastId += 1;
  const id = lastId;
  const { promise, resolve } = Promise.withResolvers<Told>();
  const listener = (message: Partial<Told> | undefined) => {
    if (message?.type === 'gateway-health' && message.id === id) resolve(message as Told);
  };
  worker.on('message', listener);
  try {
    worker.send({ type: 'gateway-health?', id });
    return await within(ANSWER_MS, () => promise);
  } catch {
    return undefined; // it is ending, or too busy
  } finally {
    worker.off('message', listener);
  }
}

const SERIES = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;

/**
 * The metrics of several processes as one text: each series gets the label `worker`, since a rate of a sum is wrong when one of them
 * starts anew. What is said of a family is said once.
 */
export function mergeMetrics(texts: readonly string[]): string {
  const families = new Map<string, Family>();
  for (const [worker, text] of texts.entries()) addMetrics(families, text, worker);
  const lines = [...families.values()].flatMap(({ about, series }) => [...about, ...series]);
  return `${lines.join('\n')}\n`;
}

interface Family {
  readonly about: Set<string>;
  readonly series: string[];
}

/** Series follow what is said of their family. */
function addMetrics(families: Map<string, Family>, text: string, worker: number): void {
  let current: Family = { about: new Set(), series: [] };
  for (const line of text.split('\n')) {
    const [, name] = /^# (?:HELP|TYPE) (\S+)/.exec(line) ?? [];
    if (name !== undefined) {
      current = families.get(name) ?? { about: new Set(), series: [] };
      families.set(name, current);
      current.about.add(line);
      continue;
    }
    const [, series, labels, value] = SERIES.exec(line) ?? [];
    if (series !== undefined)
      current.series.push(`${series}{worker="${worker}"${labels ? `,${labels}` : ''}} ${value}`);
  }
}
