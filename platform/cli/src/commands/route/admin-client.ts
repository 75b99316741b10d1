import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { type Invocation, text } from '../../command-line/command.ts';
import { placeOf } from '../../command-line/place.ts';
import { connectControl } from '../../control/client.ts';
import type { GatewayAccess } from '../../control/server.ts';
import { cliError } from '../../errors.ts';
import { userOf } from '../operator.ts';

/** The admin API of a running gateway. A refusal is thrown as `CLI_USAGE` or `CLI_NOT_FOUND` with its reason. */
export interface AdminClient {
  get(path: string): Promise<unknown>;
  post(path: string, body?: object): Promise<unknown>;
}

const DEFAULT_ADMIN = 'http://127.0.0.1:9901';
const TIMEOUT_MS = 10_000;
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** The gateway that is named; without a word of where one is, that of the running system here. */
export async function connectAdmin(invocation: Invocation): Promise<AdminClient> {
  const { values, env } = invocation;
  const given = text(values, 'admin') ?? env['FLOTILLA_GATEWAY_ADMIN'];
  const hasToken = text(values, 'token-file') !== undefined || Boolean(env['FLOTILLA_GATEWAY_TOKEN']);
  const own = given === undefined && !hasToken ? await ownGateway(invocation) : undefined;
  const base = readBase(given ?? own?.url ?? DEFAULT_ADMIN);
  return adminAt({ url: base.href, token: own?.token ?? (await readToken(invocation)) }, userOf(values));
}

async function ownGateway(invocation: Invocation): Promise<GatewayAccess | undefined> {
  try {
    const [first] = await connectControl(placeOf(invocation)).gateways();
    return first;
  } catch {
    return undefined; // nothing runs here: what is missing is said of the token
  }
}

/** `operator`: who does it, for the audit of the gateway. */
export function adminAt({ url, token }: Pick<GatewayAccess, 'url' | 'token'>, operator: string): AdminClient {
  const headers = { authorization: `Bearer ${token}`, 'x-operator': operator };
  const send = (method: string, path: string, body?: object) =>
    exchange(new URL(path, url), { method, headers, ...(body && { body: JSON.stringify(body) }) });
  return { get: (path) => send('GET', path), post: (path, body) => send('POST', path, body) };
}

function readBase(given: string): URL {
  const url = URL.canParse(given) ? new URL(given) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw cliError('CLI_USAGE', `--admin must be a URL, got ${given}`);
  if (url.protocol === 'http:' && !LOOPBACK.has(url.hostname))
    throw cliError('CLI_USAGE', 'the token would travel in clear to another machine: use https or a tunnel');
  return url;
}

async function readToken({ values, env, cwd }: Invocation): Promise<string> {
  const file = text(values, 'token-file');
  if (file === undefined) {
    const token = env['FLOTILLA_GATEWAY_TOKEN'];
    if (token) return token;
    throw cliError('CLI_USAGE', 'set FLOTILLA_GATEWAY_TOKEN, or give --token-file');
  }
  try {
    return (await readFile(resolve(cwd, file), 'utf8')).trim();
  } catch (error) {
    throw cliError('CLI_NOT_FOUND', `the token cannot be read from ${file}`, error);
  }
}

async function exchange(url: URL, request: RequestInit): Promise<unknown> {
  const response = await reach(url, request);
  const body = await response.text();
  if (response.ok) return parse(body, url);
  const { detail, code, problems = [] } = problemOf(body);
  if (response.status === 401) throw cliError('CLI_USAGE', `the gateway at ${url.origin} refuses the token`);
  if (response.status === 404) throw cliError('CLI_NOT_FOUND', `the gateway knows nothing of that name`);
  const reason = [`the gateway refused: ${detail ?? code ?? response.status}`, ...problems].join('\n  ');
  throw cliError('CLI_USAGE', reason);
}

async function reach(url: URL, request: RequestInit): Promise<Response> {
  try {
    return await fetch(url, { ...request, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    throw cliError('CLI_NOT_RUNNING', `no gateway answers at ${url.origin}`, error);
  }
}

function parse(body: string, url: URL): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    throw cliError('CLI_NO_ANSWER', `${url.origin} is not the admin API of a gateway`, error);
  }
}

interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly problems?: readonly string[];
}

function problemOf(body: string): Problem {
  try {
    return JSON.parse(body) as Problem;
  } catch {
    return {}; // not ours: its status has to say it
  }
}
