import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createBalancer, createStaticResolver, type Strategy } from '@flotilla/discovery';
import { cpuSecondsOfTree, memoryOfTree } from './processes.ts';
import { type Program, startProgram } from './program.ts';
import { createReport, type Figures } from './report.ts';
import { percentile } from './statistics.ts';

const STRATEGIES: readonly Strategy[] = ['power-of-two', 'round-robin', 'least-requests', 'weighted'];

/** What a choice costs, and the embedded registry with very many instances and watchers. */
export async function run(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      picks: { type: 'string', default: '1000000' },
      instances: { type: 'string', default: '10000' },
      watchers: { type: 'string', default: '1000' },
      results: { type: 'string' },
    },
  });
  const report = createReport('discovery', new Date());
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    for (const strategy of STRATEGIES)
      report.add('one of ten', { name: strategy, ours: true }, measurePicks(strategy, Number(values.picks)));
    const size = { instances: Number(values.instances), watchers: Number(values.watchers) };
    report.add('registry', { name: 'embedded', ours: true }, await measureRegistry(size));
  }
  report.print();
  if (values.results) await report.write(values.results);
}

function measurePicks(strategy: Strategy, picks: number): Figures {
  const hosts = Array.from({ length: 10 }, (_, number) => `host-${number}:80`);
  const { pickKnown } = createBalancer(createStaticResolver({ order: hosts }), { strategy });
  const how = { isUsable: ({ port }: { readonly port: number }) => port === 80 };
  let checksum = 0;
  for (let warmUp = 0; warmUp < 100_000; warmUp += 1) checksum += pickKnown('order', how)?.port ?? 0;
  const before = process.cpuUsage();
  for (let pick = 0; pick < picks; pick += 1) checksum += pickKnown('order', how)?.port ?? 0;
  const { user, system } = process.cpuUsage(before);
  if (checksum !== 80 * (picks + 100_000)) throw new Error('a pick was lost');
  return { 'CPU ns a pick': ((user + system) * 1_000) / picks };
}

const INSTANCES_OF_A_SERVICE = 10;
const FLIPS = 500;

async function measureRegistry(size: {
  readonly instances: number;
  readonly watchers: number;
}): Promise<Figures> {
  const program: Program = await startProgram(join(import.meta.dirname, 'discovery', 'our-registry.ts'), {
    settings: {},
  });
  const agent = new Agent({ keepAlive: true, maxSockets: size.watchers + 32 });
  try {
    const api = createApi(await program.ask<string>('url'), agent);
    const services = Math.ceil(size.instances / INSTANCES_OF_A_SERVICE);
    await registerAll(api, size.instances, services);
    const watchers = Array.from({ length: size.watchers }, (_, at) => watch(api, `service-${at % services}`));
    await Promise.all(watchers.map(({ ready }) => ready()));
    const idleBefore = cpuSecondsOfTree(program.pid);
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const idleCpu = (cpuSecondsOfTree(program.pid) - idleBefore) / 5;
    const wakes = await flip(api, watchers, services);
    return {
      'wake p50 ms': percentile(wakes, 0.5),
      'wake p99 ms': percentile(wakes, 0.99),
      'RSS MB': memoryOfTree(program.pid).rssBytes / 1e6,
      'idle CPU %': idleCpu * 100,
    };
  } finally {
    agent.destroy();
    await program.stop();
  }
}

interface Api {
  send(method: 'GET' | 'PUT', path: string, body?: object): Promise<number>;
}

/** Resolves with the index of the response. */
function createApi(url: string, agent: Agent): Api {
  return {
    send: (method, path, body) =>
      new Promise((resolve, reject) => {
        const outgoing = request(`${url}/v1/${path}`, { method, agent }, (incoming) => {
          incoming.resume();
          incoming.on('end', () => {
            if (incoming.statusCode === 200) resolve(Number(incoming.headers['x-consul-index'] ?? 0));
            else reject(new Error(`${path}: ${incoming.statusCode}`));
          });
        });
        outgoing.on('error', reject);
        outgoing.end(body && JSON.stringify(body));
      }),
  };
}

async function registerAll({ send }: Api, instances: number, services: number): Promise<void> {
  for (let first = 0; first < instances; first += 100)
    await Promise.all(
      Array.from({ length: Math.min(100, instances - first) }, (_, at) => {
        const number = first + at;
        return send('PUT', 'agent/service/register', {
          ID: `instance-${number}`,
          Name: `service-${number % services}`,
          Address: '127.0.0.1',
          Port: 4_000 + (number % 60_000),
          Check: { TTL: '10m', Status: 'passing' },
        });
      }),
    );
}

interface Watcher {
  readonly service: string;
  /** Resolves when it has an index, and waits with it. */
  ready(): Promise<void>;
  /** When it is woken next. */
  woken(): Promise<number>;
}

function watch({ send }: Api, service: string): Watcher {
  let waiting: Promise<number> | undefined;
  let index = 0;
  const hold = () => {
    waiting = send('GET', `health/service/${service}?passing&index=${index}&wait=600s`).then((next) => {
      index = next;
      return performance.now();
    });
    waiting.catch(() => undefined); // the end of the benchmark
  };
  return {
    service,
    ready: async () => {
      index = await send('GET', `health/service/${service}?passing`);
      hold();
    },
    woken: async () => {
      const at = await (waiting ?? Promise.reject(new Error('it does not wait')));
      hold();
      return at;
    },
  };
}

/** One check after the other turns, with a heartbeat of many others beside it. */
async function flip(
  { send }: Api,
  watchers: readonly Watcher[],
  services: number,
): Promise<readonly number[]> {
  const wakes: number[] = [];
  for (let turn = 0; turn < FLIPS; turn += 1) {
    const watcher = watchers[turn % watchers.length];
    if (watcher === undefined) break;
    const number = turn % services;
    const isIll = Math.floor(turn / watchers.length) % 2 === 0;
    const beats = Array.from({ length: 10 }, (_, at) =>
      send('PUT', `agent/check/pass/service:instance-${(number + 1 + at) % services}`),
    );
    const startedAt = performance.now();
    const told = send('PUT', `agent/check/${isIll ? 'fail' : 'pass'}/service:instance-${number}`);
    wakes.push((await watcher.woken()) - startedAt);
    await Promise.all([told, ...beats]);
  }
  return wakes;
}
