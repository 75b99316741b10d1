import { attendantPrograms } from '../attendants/attendants.ts';
import { flag, type Invocation, number, text } from '../command-line/command.ts';
import { placeOf } from '../command-line/place.ts';
import { thereIsNo } from '../command-line/there-is-no.ts';
import { type SystemConfig, selectServices } from '../config.ts';
import { connectControl } from '../control/client.ts';
import { createDataDir } from '../data-dir/data-dir.ts';
import { cliError } from '../errors.ts';
import { findRoot, loadSystem } from '../load-system.ts';
import { openServiceLog } from '../logs/service-log.ts';
import { tellGoneQueues } from '../queues/gone-queues.ts';
import { banner } from '../screen/banner.ts';
import { createProgress, type Progress } from '../screen/progress.ts';
import { showErrors } from '../screen/show-errors.ts';
import { silenceOf } from '../silence.ts';
import { isInBackground, report, supervisorLog } from './background.ts';
import { readCrashPoints, refuseUnknownCrashPoints } from './crash-points.ts';
import { assignPorts } from './ports.ts';
import { brokerOf, externalServerOf, refuseRunning, tryBroker } from './preflight.ts';
import { type RunningSystem, runSystem } from './run-system.ts';
import { npmEnded, stopSignal } from './stop-signals.ts';
import { type WatchOptions, watchSources } from './watch-sources.ts';

const EXIT_KILLED = 130;

/** `flotilla up`: resolves with the exit code once everything has stopped again. */
export async function bringUp(invocation: Invocation): Promise<number> {
  const begin = performance.now();
  const { values, cwd, env } = invocation;
  const logLevel = text(values, 'log-level') ?? 'info';
  const port = number(values, 'port');
  const rabbitmq = brokerOf(env);
  const silenceMs = silenceOf(env);
  const root = findRoot(cwd);
  const system = select(await loadSystem(root), text(values, 'only'));
  const dataDir = placeOf(invocation);
  const external = externalServerOf(env);
  await refuseRunning(dataDir); // first: that its port is taken, too, is no news
  const ports = await assignPorts(system, { isolated: flag(values, 'isolated'), port });
  const crashPoints = readCrashPoints(env);
  for (const name of Object.keys(system.services))
    await refuseUnknownCrashPoints({ system, root }, name, crashPoints(name));
  const brokerNote = await tryBroker(env);
  await createDataDir(dataDir);

  const externalAdminUri = external?.uri;
  const demo = typeof values['demo'] === 'boolean' ? values['demo'] : externalAdminUri === undefined;
  const inBackground = isInBackground(env);
  const log = inBackground ? openServiceLog(supervisorLog(dataDir)) : undefined;
  const screen = log ? { write: (line: string) => log.write(Buffer.from(line)) } : process.stdout;
  const progress = createProgress(screen, countProcesses(system, env, externalAdminUri));
  if (brokerNote !== undefined) progress.say(brokerNote);
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
    crashPoints,
    crashTrace: env['FLOTILLA_CRASH_TRACE'] || undefined,
    inherited: env,
    onEvent: progress.onEvent,
    say: progress.say,
    onDown: () => {
      down.asked.resolve();
      return down.done.promise;
    },
  });
  report(env, { type: 'starting' });
  showErrors(running.supervisor.units, progress.say);
  const stopAsked = Promise.race([down.asked.promise, npmEnded(env), stopSignal(() => killAll(running))]);
  const exitCode = await liveUntil(stopAsked, running, progress, async () => {
    const seconds = (performance.now() - begin) / 1_000;
    const urls = Object.fromEntries(
      Object.entries(ports).flatMap(([name, at]) =>
        name in system.services ? [[name, `http://127.0.0.1:${at}`]] : [],
      ),
    );
    const failed = running.supervisor.units.filter((unit) => unit.status().state !== 'Running');
    const names = [...new Set(failed.map((unit) => unit.service))];
    const options = { env, cwd, dataDir: text(values, 'data-dir'), inBackground };
    const server = external?.shown;
    const facts = { system, urls, demo, seconds, server, rabbitmq, failed: names, logFolder: dataDir.logs };
    const link = system.console && (await connectControl(dataDir).consoleLink('operator')).url;
    const lines = await banner({ ...facts, ...options, console: link });
    report(env, { type: 'running', banner: lines, failed: names });
    if (system.bus) void tellGoneQueues(invocation, progress.say);
    if (flag(values, 'watch'))
      void watchSources(watching(system, root, running, progress)).catch(progress.say);
    return lines;
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
  welcome: () => Promise<readonly string[]>,
): Promise<number> {
  try {
    const isUp = await Promise.race([running.started.then(() => true), stopAsked.then(() => false)]);
    progress.finish();
    if (isUp) {
      for (const line of await welcome()) progress.say(line);
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
  const known = Object.keys(system.services);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return selectServices(system, names);
  throw cliError('CLI_USAGE', `--only: ${thereIsNo('service', unknown, known)}`);
}

function watching(
  system: SystemConfig,
  root: string,
  { supervisor }: RunningSystem,
  { say }: Progress,
): WatchOptions {
  return {
    system,
    root,
    say,
    restart: async (service) => {
      // What was stopped by hand stays so.
      if (supervisor.unitsOf(service).every((unit) => /^Stop/.test(unit.status().state))) return;
      await supervisor.stopService(service);
      await supervisor.startService(service);
    },
  };
}

function countProcesses(
  system: SystemConfig,
  env: Invocation['env'],
  externalAdminUri: string | undefined,
): number {
  const replicas = Object.values(system.services).map((service) => service.replicas ?? 1);
  const others =
    Object.keys(attendantPrograms(system, env)).length + (externalAdminUri === undefined ? 1 : 0);
  return replicas.reduce((sum, count) => sum + count, others);
}
