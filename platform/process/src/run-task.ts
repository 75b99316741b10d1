import { type Clock, isPlatformError, type NewId, systemClock, toError, uuidv7 } from '@flotilla/kernel';
import { createLogger } from '@flotilla/telemetry';
import { armFaults } from './arm-faults.ts';
import { askNewSecret } from './ask-secret.ts';
import { createDisposal } from './disposal.ts';
import type { Environment } from './environment.ts';
import { EXIT_STATUS, exitStatusOf } from './exit-status.ts';
import { readServiceEnvironment, type ServiceEnvironment } from './service-environment.ts';

/** What a task is given. */
export interface TaskContext<Config> {
  readonly config: Config;
  readonly env: ServiceEnvironment;
  /** Arguments on the command line. */
  readonly args: readonly string[];
  readonly clock: Clock;
  readonly newId: NewId;
  /** Prints a line for whoever runs it. */
  readonly say: (line: string) => void;
  /** Asks for a new secret on the terminal without echo, or reads the first line of standard input. */
  readonly askNewSecret: (what: string) => Promise<string>;
  /** Runs at the end, after those that were deferred later. */
  readonly defer: (name: string, dispose: () => Promise<void> | void) => void;
}

export interface TaskDefinition<Config> {
  readonly service: string;
  readonly name: string;
  readonly readConfig: (env: Environment) => Config;
  /** What it throws is shown with its code, and ends the process with another status than 0. */
  readonly run: (context: TaskContext<Config>) => Promise<void>;
}

/**
 * The whole life of a one-off task of a service, in the environment of that service. Exit status 0; 2 when its
 * arguments are wrong (`TASK_USAGE`); 75 when what it needs is away; 78 with unusable configuration; else 1.
 */
export async function runTask<Config>(definition: TaskDefinition<Config>): Promise<void> {
  const { service, name, readConfig, run } = definition;
  const disposal = createDisposal(createLogger({ service, level: 'error' }));
  try {
    const env = readServiceEnvironment(process.env, service);
    armFaults(service, env);
    await run({
      config: readConfig(process.env),
      env,
      args: process.argv.slice(2),
      clock: systemClock,
      newId: uuidv7,
      say: (line) => void process.stdout.write(`${line}\n`),
      askNewSecret,
      defer: disposal.defer,
    });
  } catch (thrown) {
    process.exitCode = report(name, toError(thrown));
  } finally {
    await disposal.dispose();
  }
}

function report(name: string, error: Error): number {
  if (!isPlatformError(error)) {
    // A fault of the task itself: its stack is what a report about it needs.
    process.stderr.write(`${name}: this should not have happened\n${error.stack ?? error.message}\n`);
    return EXIT_STATUS.fault;
  }
  process.stderr.write(`${name}: ${error.message} (${error.code})\n`);
  return error.code === 'TASK_USAGE' ? EXIT_STATUS.usage : exitStatusOf(error);
}
