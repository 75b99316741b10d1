import type { ConsoleDeps } from '../deps.ts';
import { consoleError } from '../errors.ts';
import { numberOf, oneOf, reasonOf } from './input.ts';
import { changeLetters, findLetter, readLetters, readMessages } from './messages.ts';
import { readOverview } from './overview.ts';
import { findRecord, listRecords } from './records.ts';
import { changeSaga, findSaga, listSagas } from './sagas.ts';
import { findTrace, listLogs, listTraces } from './telemetry.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  /** Of the path below `/api/`. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

type Handler = (deps: ConsoleDeps, request: ApiRequest, a: string, b: string) => object | Promise<object>;

/** Each page has its twin here. `*` is a segment that the handler is given. */
const ROUTES: Readonly<Record<string, Handler>> = {
  'GET session': ({ operator, system, records }) => ({
    operator,
    system: system.name,
    records: Object.entries(records).map(([kind, { title }]) => ({ kind, title })),
  }),
  'GET overview': readOverview,
  'GET services': async ({ processes }) => ({ processes: await processes() }),
  'POST services/*/*': changeService,
  'GET services/*/lines': async ({ recentLines }, { query }, service) => ({
    lines: await recentLines(service, Math.min(numberOf(query, 'count') ?? 200, 2_000)),
  }),
  'GET records/*': (deps, { query }, kind) => listRecords(deps, kind, query),
  'GET records/*/*': (deps, _, kind, id) => findRecord(deps, kind, id),
  'GET sagas': listSagas,
  'GET sagas/*/*': (deps, _, service, id) => findSaga(deps, service, id),
  'POST sagas/*/*': (deps, { body }, service, id) => changeSaga(deps, service, id, body),
  'GET messages': readMessages,
  'GET letters/*': (deps, { query }, service) => readLetters(deps, service, query),
  'GET letters/*/*': (deps, _, service, id) => findLetter(deps, service, id),
  'POST letters/*': (deps, { body }, service) => changeLetters(deps, service, body),
  'GET traces': (deps, { query }) => listTraces(deps, query),
  'GET traces/*': (deps, _, id) => findTrace(deps, id),
  'GET logs': (deps, { query }) => listLogs(deps, query),
  'GET audit': async ({ audit }) => ({ rows: await audit.list(200) }),
};

export async function handleApi(deps: ConsoleDeps, request: ApiRequest): Promise<object> {
  for (const [route, handler] of Object.entries(ROUTES)) {
    const given = match(route, request);
    if (given !== undefined) return await handler(deps, request, given[0] ?? '', given[1] ?? '');
  }
  throw consoleError('CONSOLE_NOT_FOUND', 'there is nothing at this path');
}

function match(route: string, { method, segments }: ApiRequest): readonly string[] | undefined {
  const [wantedMethod, path = ''] = route.split(' ');
  const wanted = path.split('/');
  if (method !== wantedMethod || wanted.length !== segments.length) return undefined;
  const given: string[] = [];
  for (const [index, segment] of wanted.entries()) {
    const actual = segments[index] ?? '';
    if (segment === '*') given.push(actual);
    else if (segment !== actual) return undefined;
  }
  return given;
}

async function changeService(
  deps: ConsoleDeps,
  { body }: ApiRequest,
  service: string,
  wanted: string,
): Promise<object> {
  const reason = reasonOf(body);
  const action = oneOf(wanted, ['start', 'stop', 'restart'] as const, 'action');
  if (action !== 'restart' && service === 'console')
    throw consoleError('CONSOLE_BAD_REQUEST', 'the console cannot stop itself: use `flotilla stop console`');
  const known = (await deps.processes()).some((row) => row.service === service);
  if (!known) throw consoleError('CONSOLE_NOT_FOUND', `there is no service ${service}`);
  const at = new Date(deps.now()).toISOString();
  const row = { at, by: deps.operator, what: `service ${action}`, subject: service, reason };
  await deps.audit.add({ ...row, outcome: 'asked for' });
  await deps.change(service, action);
  return { done: true };
}
