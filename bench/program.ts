import { fork } from 'node:child_process';
import { once } from 'node:events';

/** A part of a benchmark in a process of its own, as in production. It answers commands. */
export interface Program {
  readonly pid: number;
  /** Rejects with what the program threw, or when it ended. */
  ask<Answer>(command: string, body?: object): Promise<Answer>;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  /** Handed to the program as it is. */
  readonly settings: object;
  /** Where to leave a CPU profile of the program. */
  readonly profileFolder?: string | undefined;
}

interface Request {
  readonly id: number;
  readonly command: string;
  readonly body: object;
}

interface Reply {
  readonly id: number;
  readonly answer?: unknown;
  readonly error?: string;
}

/** Id of the reply that says the program is ready. */
const READY = 0;

export async function startProgram(
  file: string,
  { settings, profileFolder }: ProgramOptions,
): Promise<Program> {
  const child = fork(file, [JSON.stringify(settings)], {
    serialization: 'advanced',
    execArgv: profileFolder ? ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`] : [],
  });
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let requests = READY;
  const expect = (id: number): Promise<unknown> => {
    const reply = Promise.withResolvers<unknown>();
    waiting.set(id, reply);
    return reply.promise;
  };
  child.on('message', ({ id, answer, error }: Reply) => {
    if (error === undefined) waiting.get(id)?.resolve(answer);
    else waiting.get(id)?.reject(new Error(`${file}: ${error}`));
    waiting.delete(id);
  });
  child.once('exit', (code, signal) => {
    for (const reply of waiting.values()) reply.reject(new Error(`${file} ended: ${signal ?? code}`));
  });
  await expect(READY);
  return {
    pid: child.pid ?? 0,
    ask: async <Answer>(command: string, body: object = {}) => {
      requests += 1;
      const reply = expect(requests);
      child.send({ id: requests, command, body } satisfies Request);
      return (await reply) as Answer;
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}

type Commands = Readonly<Record<string, (body: never) => Promise<unknown>>>;

/** The program's side: makes its commands out of its settings, answers until the other side goes away, then ends. */
export async function runProgram<Settings>(
  start: (settings: Settings) => Promise<{ readonly commands: Commands; close(): Promise<void> }>,
): Promise<void> {
  const reply = (message: Reply) => process.connected && process.send?.(message);
  try {
    const { commands, close } = await start(JSON.parse(process.argv[2] ?? '{}') as Settings);
    process.on('message', ({ id, command, body }: Request) => {
      const run = commands[command] ?? (() => Promise.reject(new Error(`no command ${command}`)));
      run(body as never).then(
        (answer) => reply({ id, answer }),
        (error: Error) => reply({ id, error: error.stack ?? error.message }),
      );
    });
    process.once('disconnect', () => void close().finally(() => process.exit()));
    reply({ id: READY });
  } catch (error) {
    reply({ id: READY, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    process.exit(1);
  }
}
