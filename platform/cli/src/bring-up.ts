import { banner } from './banner.ts';
import { flag, type Invocation, number, text } from './commands/command.ts';
import { placeOf } from './commands/place.ts';
import { type SystemConfig, selectServices } from './config.ts';
import { createDataDir } from './data-dir.ts';
import { cliError } from './errors.ts';
import { readFaults } from './faults.ts';
import { findRoot, loadSystem } from './load-system.ts';
import { assignPorts } from './ports.ts';
import { createProgress, type Progress } from './progress.ts';
import { type RunningSystem, runSystem } from './run-system.ts';
import { showErrors } from './show-errors.ts';
import { silenceOf } from './silence.ts';
import { npmEnded, stopSignal } from './stop-signals.ts';

const EXIT_KILLED = 130;

/** `flotilla up`: resolves with the exit code once everything has stopped again. */
export async function bringUp(invocation: Invocation): Promise<number> {
  const begin = performance.now();
  const { values, cwd, env } = invocation;
  const logLevel = text(values, 'log-level') ?? 'info';
  const port = number(values, 'port');
  const rabbitmq = rabbitmqOf(env);
  const silenceMs = silenceOf(env);
  const root = findRoot(cwd);
  const system = select(await loadSystem(root), text(values, 'only'));
  const dataDir = placeOf(invocation);
  const ports = await assignPorts(system, { isolated: flag(values, 'isolated'), port });
  await createDataDir(dataDir);

  const externalAdminUri = env['DATABASE_URL'] || undefined;
  const demo = typeof values['demo'] === 'boolean' ? values['demo'] : externalAdminUri === undefined;
  const progress = createProgress(process.stdout, countProcesses(system, externalAdminUri));
  const down = { asked: Promise.withResolvers<void>(), done: Promise.withResolvers<void>() };
  const running = await runSystem({
    system,
    root,
    dataDir,
    ports,
    demo,
    logLevel,
    externalAdminUri,
    silenceMs,
    faults: readFaults(env),
    crashTrace: env['FLOTILLA_CRASH_TRACE'] || undefined,
    inherited: env,
    onEvent: progress.onEvent,
    onDown: () => {
      down.asked.resolve();
      return down.done.promise;
    },
  });
  showErrors(running.supervisor.units, progress.say);
  const stopAsked = Promise.race([down.asked.promise, npmEnded(env), stopSignal(() => killAll(running))]);
  const exitCode = await liveUntil(stopAsked, running, progress, () => {
    const seconds = (performance.now() - begin) / 1_000;
    const urls = Object.fromEntries(
      Object.entries(ports).map(([name, at]) => [name, `http://127.0.0.1:${at}`]),
    );
    const failed = running.supervisor.units.filter((unit) => unit.status().state !== 'Running');
    const names = [...new Set(failed.map((unit) => unit.service))];
    return banner({ system, urls, demo, seconds, rabbitmq, failed: names, logFolder: dataDir.logs, cwd });
  });
  await running.shutdown();
  down.done.resolve();
  await running.close();
  return exitCode;
}

/** Runs until it is asked to stop; `false` start-ups are told and end with 1. */
async function liveUntil(
  stopAsked: Promise<unknown>,
  running: RunningSystem,
  progress: Progress,
  welcome: () => readonly string[],
): Promise<number> {
  try {
    const isUp = await Promise.race([running.started.then(() => true), stopAsked.then(() => false)]);
    progress.finish();
    if (isUp) {
      for (const line of welcome()) progress.say(line);
      await stopAsked;
    } else {
      running.started.catch(() => undefined); // what was half started ends with the rest
    }
    progress.say('Stopping …');
    return 0;
  } catch (error) {
    progress.finish();
    progress.say(`It did not start: ${(error as Error).message}`);
    return 1;
  }
}

function killAll(running: RunningSystem): never {
  running.supervisor.kill();
  process.exit(EXIT_KILLED);
}

function select(system: SystemConfig, only: string | undefined): SystemConfig {
  if (only === undefined) return system;
  const names = only.split(',').map((name) => name.trim());
  const unknown = names.filter((name) => !(name in system.services));
  if (unknown.length === 0) return selectServices(system, names);
  throw cliError(
    'CLI_USAGE',
    `--only: there is no ${unknown.join(', ')}; there are ${Object.keys(system.services).join(', ')}`,
  );
}

/** Where the services find RabbitMQ, without the password. */
function rabbitmqOf(env: Invocation['env']): string | undefined {
  const given = env['RABBITMQ_URL'];
  if (!given) return undefined;
  const url = URL.parse(given);
  if (url?.hostname && /^amqps?:$/.test(url.protocol)) return url.host;
  throw cliError('CLI_USAGE', 'RABBITMQ_URL must look like amqp://user:password@host:5672/vhost');
}

function countProcesses(system: SystemConfig, externalAdminUri: string | undefined): number {
  const replicas = Object.values(system.services).map((service) => service.replicas ?? 1);
  return replicas.reduce((sum, count) => sum + count, externalAdminUri === undefined ? 1 : 0);
}
