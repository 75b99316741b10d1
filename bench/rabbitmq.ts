import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A running RabbitMQ that `rabbitmqctl` reaches from here. */
export interface Broker {
  readonly pid: number;
  /** An empty virtual host; returns its URL. */
  vhost(name: string): Promise<string>;
  dropVhost(name: string): Promise<void>;
}

export async function useBroker(url: string): Promise<Broker> {
  const user = new URL(url).username || 'guest';
  const { stdout } = await run('rabbitmqctl', ['eval', 'os:getpid().']);
  return {
    pid: Number(/\d+/.exec(stdout)?.[0]),
    vhost: async (name) => {
      await run('rabbitmqctl', ['add_vhost', name]);
      await run('rabbitmqctl', ['set_permissions', '-p', name, user, '.*', '.*', '.*']);
      const own = new URL(url);
      own.pathname = `/${name}`;
      return own.href;
    },
    dropVhost: async (name) => {
      await run('rabbitmqctl', ['delete_vhost', name]);
    },
  };
}
