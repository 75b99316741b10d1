import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '@flotilla/kernel/testing';

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where a browser is; without one its tests cannot run. */
export const CHROMIUM: string | undefined = PROGRAMS.find((path) => existsSync(path));

/** One page of a real browser, driven by its own protocol. */
export interface BrowserPage {
  goTo(url: string): Promise<void>;
  /** Gives what the expression resolves to. */
  evaluate(expression: string): Promise<unknown>;
  /** Of the protocol; throws what the browser refuses. */
  command(method: string, params: object): Promise<void>;
  /** Until the expression is true. */
  until(what: string, expression: string): Promise<void>;
  close(): Promise<void>;
}

interface Response {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: unknown }; readonly exceptionDetails?: unknown };
  readonly error?: unknown;
}

/** `addresses`: where a host with a port really is. */
export async function openChromium(
  program: string,
  addresses: Readonly<Record<string, string>>,
): Promise<BrowserPage> {
  const profile = await mkdtemp(join(tmpdir(), 'chromium-'));
  const rules = Object.entries(addresses).map(([from, to]) => `MAP ${from} ${to}`);
  const child = spawn(
    program,
    [
      ...['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-dev-shm-usage'],
      ...['--remote-debugging-port=0', `--user-data-dir=${profile}`],
      ...[`--host-resolver-rules=${rules.join(', ')}`, 'about:blank'],
    ],
    { stdio: 'ignore' },
  );
  const page = await eventually('the browser has its page', () => firstPage(profile)).catch((error) => {
    child.kill('SIGKILL');
    throw error;
  });
  const socket = new WebSocket(page);
  await once(socket, 'open');
  const waiting = new Map<number, (response: Response) => void>();
  socket.addEventListener('message', ({ data }) => {
    const response = JSON.parse(String(data)) as Response;
    if (response.id !== undefined) waiting.get(response.id)?.(response);
  });
  let sent = 0;
  const send = (method: string, params: object): Promise<Response> =>
    new Promise((resolve) => {
      sent += 1;
      waiting.set(sent, resolve);
      socket.send(JSON.stringify({ id: sent, method, params }));
    });

  async function evaluate(expression: string): Promise<unknown> {
    const { result } = await send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (result?.exceptionDetails !== undefined) throw new Error(JSON.stringify(result.exceptionDetails));
    return result?.result?.value;
  }

  return {
    goTo: async (url) => void (await send('Page.navigate', { url })),
    evaluate,
    command: async (method, params) => {
      const { error } = await send(method, params);
      if (error !== undefined) throw new Error(JSON.stringify(error));
    },
    until: async (what, expression) => {
      // A page that is just being left has nothing to evaluate in.
      await eventually(what, async () => (await evaluate(expression).catch(() => false)) === true);
    },
    close: async () => {
      socket.close();
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Address of the protocol of its first page; fails, or there is none, as long as the browser is still starting. */
async function firstPage(profile: string): Promise<string | undefined> {
  const [port] = (await readFile(join(profile, 'DevToolsActivePort'), 'utf8')).split('\n');
  const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const pages = targets as { type: string; webSocketDebuggerUrl: string }[];
  return pages.find(({ type }) => type === 'page')?.webSocketDebuggerUrl;
}
