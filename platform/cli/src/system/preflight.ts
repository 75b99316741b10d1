import { consulUrl } from '@flotilla/discovery';
import { isPlatformError } from '@flotilla/kernel';
import type { Invocation } from '../command-line/command.ts';
import { connectControl } from '../control/client.ts';
import type { DataDir } from '../data-dir/data-dir.ts';
import { cliError } from '../errors.ts';

/** Throws `CLI_ALREADY_RUNNING`, with where it is reached, when a system runs in this data directory. */
export async function refuseRunning(dataDir: DataDir): Promise<void> {
  const control = connectControl(dataDir);
  const pid = await control.pid().catch(ifNotRunning);
  if (pid === undefined) return;
  throw cliError(
    'CLI_ALREADY_RUNNING',
    `it is already running in ${dataDir.path} (process ${pid}): \`flotilla ps\` shows it, \`flotilla down\` stops it`,
  );
}

function ifNotRunning(error: unknown): undefined {
  if (isPlatformError(error) && error.code === 'CLI_NOT_RUNNING') return undefined;
  throw error;
}

/** The administrator's URI of an existing PostgreSQL, and where that is, without the password. */
export interface ExternalServer {
  readonly uri: string;
  /** `host:port` */
  readonly shown: string;
}

/** What `DATABASE_URL` says. Throws `CLI_USAGE` for the URL of something else; repeats nothing that may be secret. */
export function externalServerOf(env: Invocation['env']): ExternalServer | undefined {
  const uri = env['DATABASE_URL'];
  if (!uri) return undefined;
  const url = URL.parse(uri);
  if (url && /^postgres(ql)?:$/.test(url.protocol)) {
    const host = url.hostname === '' ? url.searchParams.get('host') : url.host;
    return { uri, shown: host ?? 'localhost' };
  }
  const what = url ? `${url.protocol}//…` : 'no URL';
  throw cliError(
    'CLI_USAGE',
    `DATABASE_URL must look like postgres://user:password@host:5432/postgres, got ${what}`,
  );
}

/** Where the services find RabbitMQ, without the password. Throws `CLI_USAGE` for the URL of something else. */
export function brokerOf(env: Invocation['env']): string | undefined {
  const given = env['RABBITMQ_URL'];
  if (!given) return undefined;
  const url = URL.parse(given);
  if (url?.hostname && /^amqps?:$/.test(url.protocol)) return url.host;
  throw cliError('CLI_USAGE', 'RABBITMQ_URL must look like amqp://user:password@host:5672/vhost');
}

export interface ExternalRegistry {
  readonly url: string;
  /** Empty for a Consul without access control. */
  readonly token: string;
}

/** The Consul in the user's environment, in the place of the embedded registry; `undefined` when there is none. */
export function externalRegistry(
  env: Readonly<Record<string, string | undefined>>,
): ExternalRegistry | undefined {
  const { CONSUL_HTTP_ADDR: address, CONSUL_HTTP_SSL: secure = '', CONSUL_HTTP_TOKEN: token = '' } = env;
  if (!address) return undefined;
  const url = consulUrl(address, /^(?:1|t|true)$/i.test(secure));
  if (!url.ok) throw cliError('CLI_USAGE', `CONSUL_HTTP_ADDR ${url.rejection}`);
  return { url: url.value, token };
}

/**
 * Throws `CLI_START_FAILED` when RabbitMQ does not let us in: one line, before each service finds out for itself. One that
 * does not answer yet may come; resolves with what to say about it.
 */
export async function tryBroker(env: Invocation['env']): Promise<string | undefined> {
  const url = env['RABBITMQ_URL'];
  if (!url) return undefined;
  const { checkBroker } = await import('@flotilla/messaging/rabbitmq/check');
  try {
    await checkBroker(url);
    return undefined;
  } catch (error) {
    if (!isPlatformError(error)) throw error;
    if (error.code === 'MESSAGING_FORBIDDEN')
      throw cliError('CLI_START_FAILED', `${error.message}: see RABBITMQ_URL`, error);
    return `${error.message} yet; the start waits for it`;
  }
}
