import { once } from 'node:events';
import { type Controlled, createControlServer } from '../src/control/server.ts';
import { dataDirAt } from '../src/data-dir/data-dir.ts';

const ignore = () => undefined;

/** Says and counts nothing. */
export const silent = {
  logger: { debug: ignore, info: ignore, warn: ignore, error: ignore, child: () => silent.logger },
  metrics: {
    gauge: () => ({ set: ignore, add: ignore, startAtZero: ignore }),
    counter: () => ({ inc: ignore, reach: ignore, startAtZero: ignore, bind: () => ({ inc: ignore }) }),
    histogram: () => ({ observe: ignore, reach: ignore, bind: () => ({ observe: ignore }) }),
    cap: ignore,
    beforeRender: ignore,
    render: () => '',
    collect: () => [],
  },
};

/** The control socket of a system in `folder` in which nothing runs. */
export async function startTestControl(
  folder: string,
  given: Partial<Controlled>,
): Promise<{ close(): void }> {
  const server = createControlServer({
    supervisor: {
      units: [],
      unitsOf: () => [],
      start: async () => {},
      startService: async () => {},
      stopService: async () => {},
      shutdown: async () => {},
      kill: ignore,
    },
    shutDown: async () => {},
    databaseUri: () => '',
    registry: () => ({ url: '', token: '' }),
    task: () => ({ entry: '', env: {} }),
    broker: () => ({ url: null }),
    gateways: () => [],
    consoleLink: () => ({ url: '' }),
    checkCrashPoints: async () => {},
    faults: { list: () => [], add: () => [], clear: () => [], tell: ignore },
    ...given,
  });
  server.listen(dataDirAt(folder).controlSocket);
  await once(server, 'listening');
  return { close: () => void server.close() };
}
