import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';

import system from '../flotilla.config.ts';
import { serviceEnvironment } from '../platform/cli/src/system/service-environment.ts';
import { DISCOVERY_SETTINGS } from '../platform/process/src/index.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type ReadConfig = (env: Environment) => unknown;

/** By its name, out of the `config.ts` beside its program. */
const READERS: ReadonlyMap<string, ReadConfig> = new Map(
  await Promise.all(
    Object.entries(system.services).map(async ([name, { entry }]) => {
      const { readConfig } = (await import(`../${dirname(entry)}/config.ts`)) as { readConfig: ReadConfig };
      return [name, readConfig] as const;
    }),
  ),
);

/** Everything that it looks for, none of which is there. */
function namesRead(read: ReadConfig): ReadonlySet<string> {
  const names = new Set<string>();
  const env: Environment = new Proxy({}, { get: (_, name) => void names.add(String(name)) });
  try {
    read(env);
  } catch {
    // Something was required.
  }
  return names;
}

describe('what a user sets reaches the service that reads it', () => {
  for (const [name, read] of READERS) {
    it(name, () => {
      const env = serviceEnvironment(
        {
          system,
          root: '',
          secrets: { areNew: false, get: () => 'secret', save: async () => undefined },
          adminUri: 'postgres://postgres@127.0.0.1:5432/postgres',
          registryUrl: 'http://127.0.0.1:8500',
          ports: {},
          demo: false,
          logLevel: 'info',
          compileCache: '',
          inherited: {
            RABBITMQ_URL: 'amqp://127.0.0.1',
            ...{ QUEUE_WARN_MESSAGES: '1', QUEUE_WARN_SECONDS: '1' },
          },
        },
        name,
        `${name}-1`,
      );
      const told = [...Object.keys(env), ...(system.services[name]?.inherits ?? [])];
      // Below a supervisor the others are in its registry, whatever else there may be elsewhere.
      told.push(...Object.keys(DISCOVERY_SETTINGS));
      const missing = [...namesRead(read)].filter((variable) => !told.includes(variable));
      assert.deepEqual(missing, [], 'to be named in `inherits` of flotilla.config.ts');
    });
  }
});
