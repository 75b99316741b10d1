import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { watchLiveness, within } from '@flotilla/kernel';
import { EXIT_STATUS } from '@flotilla/process';
import { startWith } from '../launch/settings-pipe.ts';
import type { ServiceLog } from '../logs/service-log.ts';
import type { Addresses, Ending, Launched } from './supervised-process.ts';

export interface ServiceProgram {
  /** Absolute path of the program. */
  readonly entry: string;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly log: ServiceLog;
  /** A process that answers pings and does not do so for that long is killed; 0: never. */
  readonly silenceMs: number;
}

const STOP_GRACE_MS = 22_000; // a service ends itself within 20 s
const OUTPUT_GRACE_MS = 500;

/** Starts a service as a process of its own. It tells over IPC when it is ready, and ends when that channel breaks. */
export function launchService(program: ServiceProgram): Launched {
  const { nodeArguments, env, send } = startWith(program.env);
  const child = spawn(process.execPath, [...nodeArguments, program.entry], {
    cwd: program.cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
    // Its own group: Ctrl-C in the terminal reaches the supervisor alone, which stops the services in order.
    detached: true,
  });
  send(child);
  child.stdout?.on('data', program.log.write);
  child.stderr?.on('data', program.log.write);
  const signal = (name: NodeJS.Signals) => signalGroup(child, name);
  const { silenceMs } = program;
  let hung: string | undefined;
  const onHang = () => {
    hung = `did not answer for ${silenceMs / 1_000} s`;
    signal('SIGKILL');
  };
  return {
    pid: child.pid,
    ready: readiness(child).then(({ answersPings, ...addresses }) => {
      if (answersPings && silenceMs > 0) watchLiveness(child, { silenceMs, onHang });
      return addresses;
    }),
    ended: ending(child).then((ended) => (hung === undefined ? ended : { ...ended, how: hung })),
    tell: (message) => {
      // A channel that has just closed: its end is told by other events.
      if (child.connected) child.send(message, () => undefined);
    },
    stop: () => {
      child.kill('SIGTERM');
      const insist = setTimeout(() => signal('SIGKILL'), STOP_GRACE_MS);
      child.once('exit', () => clearTimeout(insist));
    },
    kill: () => signal('SIGKILL'),
  };
}

interface Ready extends Addresses {
  readonly answersPings: boolean;
}

function readiness(child: ChildProcess): Promise<Ready> {
  return new Promise((resolve) => {
    child.on('message', (message) => {
      if (!isReady(message)) return;
      const { url, grpc, admin, operator, answersPings } = message;
      const addresses = {
        ...(url && { url }),
        ...(grpc && { grpc }),
        ...(admin && { admin }),
        ...(operator && { operator }),
      };
      resolve({ ...addresses, answersPings: answersPings === true });
    });
  });
}

function isReady(message: unknown): message is Partial<Ready> & { readonly type: 'ready' } {
  return typeof message === 'object' && message !== null && 'type' in message && message.type === 'ready';
}

async function ending(child: ChildProcess): Promise<Ending> {
  const closed = once(child, 'close').catch(() => undefined);
  return await new Promise<Ending>((resolve) => {
    child.once('error', (error) => resolve({ how: error.message, hopeless: false }));
    child.once('exit', async (code, signal) => {
      // The last lines say why; but a grandchild that holds the pipe must not hold us.
      await within(OUTPUT_GRACE_MS, () => closed).catch(() => undefined);
      const how = signal ? `killed by ${signal}` : `exit code ${code}`;
      resolve({
        ...{ how, hopeless: code === EXIT_STATUS.configuration, lacked: code === EXIT_STATUS.lacking },
      });
    });
  });
}

/** With whatever it may have started. */
function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    child.kill(signal); // not a group leader yet, or gone
  }
}
