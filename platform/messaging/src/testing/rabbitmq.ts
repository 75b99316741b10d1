import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { createMetrics, silentLogger } from '@flotilla/telemetry';
import { createRabbitmqTransport } from '../rabbitmq/rabbitmq-transport.ts';

const run = promisify(execFile);

/** A virtual host of its own on the broker of the tests: nothing in it is anybody else's. */
export interface TestVhost {
  readonly name: string;
  readonly url: string;
  /** Deletes it with everything in it, and closes whoever is still connected. */
  close(): Promise<void>;
}

/** For `describe(name, { skip: skipWithoutRabbitmq() }, …)`: why there is no broker, or false. */
export function skipWithoutRabbitmq(): string | false {
  return process.env['FLOTILLA_TEST_RABBITMQ'] ? false : 'no RabbitMQ runs here and none is installed';
}

/** An empty virtual host on the broker that `npm test` found or started. */
export async function createTestVhost(): Promise<TestVhost> {
  const name = `flotilla-test-${randomUUID()}`;
  const url = new URL(process.env['FLOTILLA_TEST_RABBITMQ'] ?? '');
  const user = url.username === '' ? 'guest' : decodeURIComponent(url.username);
  const allow = `rabbit_auth_backend_internal:set_permissions(<<"${user}">>, <<"${name}">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>)`;
  await evalOnBroker(`rabbit_vhost:add(<<"${name}">>, <<"test">>), ${allow}.`);
  url.pathname = `/${name}`;
  return {
    name,
    url: url.href,
    close: async () => {
      await evalOnBroker(`rabbit_vhost:delete(<<"${name}">>, <<"test">>).`);
    },
  };
}

/** Patterns of names, as `rabbitmqctl set_permissions` takes them. */
export interface TestPermissions {
  readonly configure: string;
  readonly write: string;
  readonly read: string;
}

/** A user of one virtual host. */
export async function createTestUser(
  vhost: TestVhost,
  { configure, write, read }: TestPermissions,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const name = `user-${randomUUID()}`;
  const patterns = [configure, write, read].map((pattern) => `<<"${pattern}">>`).join(', ');
  await evalOnBroker(
    `rabbit_auth_backend_internal:add_user(<<"${name}">>, <<"${name}">>, <<"test">>), rabbit_auth_backend_internal:set_permissions(<<"${name}">>, <<"${vhost.name}">>, ${patterns}, <<"test">>).`,
  );
  const url = new URL(vhost.url);
  url.username = name;
  url.password = name;
  return {
    url: url.href,
    close: async () => {
      await evalOnBroker(`rabbit_auth_backend_internal:delete_user(<<"${name}">>, <<"test">>).`);
    },
  };
}

/** A message in the queue of a consumer that has ended. */
export async function leaveMessage(vhost: TestVhost, queue: string): Promise<void> {
  const id = randomUUID();
  const transport = createRabbitmqTransport({
    url: vhost.url,
    logger: silentLogger,
    metrics: createMetrics(),
  });
  try {
    await transport.subscribe(queue, ['test.left.v1']);
    await transport.publish([{ id, type: 'test.left.v1', key: 'a', body: '{}', mandatory: true }]);
  } finally {
    await transport.close();
  }
}

/** Runs an Erlang expression on the broker of the tests: one call where the command line would need several. */
export async function evalOnBroker(expression: string): Promise<string> {
  const { stdout } = await run(process.env['FLOTILLA_TEST_RABBITMQCTL'] ?? 'rabbitmqctl', [
    'eval',
    expression,
  ]);
  return stdout;
}
