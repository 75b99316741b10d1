import type { ConsoleDeps, Desk } from '../deps.ts';
import { consoleError } from '../errors.ts';
import { readDiscovery } from './discovery.ts';
import { changeFaults, readEdges } from './edges.ts';
import { changeGateway, explainRequest, findRoute, listGateways } from './gateways.ts';
import { changeIdentity, findUser, readIdentity } from './identity.ts';
import { numberOf, oneOf, reasonOf } from './input.ts';
import { changeLetters, findLetter, readLetters, readMessages } from './messages.ts';
import { findMetric, listMetrics } from './metrics.ts';
import { openActions, openTo } from './open-actions.ts';
import { readOverview } from './overview.ts';
import { changeProjection, findStream, listAllProjections, listAllStreams } from './projections.ts';
import { checkInvariants, listSlos } from './promises.ts';
import { findRecord, listRecords } from './records.ts';
import { changeSaga, changeSagas, findSaga, listSagas } from './sagas.ts';
import { findTrace, listLogs, listTraces } from './telemetry.ts';

export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  /** Of the path below `/api/`. */
  readonly segments: readonly string[];
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

type Handler = (deps: Desk, request: ApiRequest, a: string, b: string) => object | Promise<object>;

/** Each page has its twin here. `*` is a segment that the handler is given. */
const ROUTES: Readonly<Record<string, Handler>> = {
  'GET session': ({ operator, role, system, records }) => ({
    ...{ operator, role },
    system: system.name,
    records: Object.entries(records).map(([kind, { title }]) => ({ kind, title })),
  }),
  'GET overview': readOverview,
  'GET services': async (deps) => ({
    processes: (await deps.processes()).map((row) => ({ ...row, open: openTo(deps, openActions(row)) })),
  }),
  'GET services/*': findService,
  'POST services/*/*': changeService,
  'GET services/*/lines': async ({ recentLines }, { query }, service) => ({
    lines: await recentLines(service, Math.min(numberOf(query, 'count') ?? 200, 2_000)),
  }),
  'GET records/*': (deps, { query }, kind) => listRecords(deps, kind, query),
  'GET records/*/*': (deps, _, kind, id) => findRecord(deps, kind, id),
  'GET sagas': listSagas,
  'GET sagas/*/*': (deps, _, service, id) => findSaga(deps, service, id),
  'POST sagas': (deps, { body }) => changeSagas(deps, body),
  'POST sagas/*/*': (deps, { body }, service, id) => changeSaga(deps, service, id, body),
  'GET messages': readMessages,
  'GET messages/*': (deps, { query }, service) => readLetters(deps, service, query),
  'GET letters/*': (deps, { query }, service) => readLetters(deps, service, query),
  'GET letters/*/*': (deps, _, service, id) => findLetter(deps, service, id),
  'POST letters/*': (deps, { body }, service) => changeLetters(deps, service, body),
  'GET traces': (deps, { query }) => listTraces(deps, query),
  'GET traces/*': (deps, _, id) => findTrace(deps, id),
  'GET logs': (deps, { query }) => listLogs(deps, query),
  'GET projections': listAllProjections,
  'POST projections/*/*': (deps, { body }, service, name) => changeProjection(deps, service, name, body),
  'GET streams': listAllStreams,
  'GET streams/*/*': (deps, _, service, id) => findStream(deps, service, id),
  'GET gateways': listGateways,
  'GET gateways/*/explain': (deps, { query }, name) => explainRequest(deps, name, query),
  'GET gateways/*/*': (deps, _, name, route) => findRoute(deps, name, route),
  'POST gateways/*': (deps, { body }, name) => changeGateway(deps, name, body),
  'GET discovery': readDiscovery,
  'GET edges': readEdges,
  'POST faults': (deps, { body }) => changeFaults(deps, body),
  'GET identity': readIdentity,
  'GET identity/*': (deps, _, id) => findUser(deps, id),
  'POST identity': (deps, { body }) => changeIdentity(deps, body),
  'GET invariants': (deps, { query }) => checkInvariants(deps, query),
  'GET metrics': (deps, { query }) => listMetrics(deps, query),
  'GET metrics/*': (deps, { query }, name) => findMetric(deps, name, query),
  'GET slos': listSlos,
  'GET audit': async ({ audit }) => ({ rows: await audit.list(200) }),
};

/** Throws `CONSOLE_FORBIDDEN` when a viewer asks for a change, whichever it is. */
export async function handleApi(deps: Desk, request: ApiRequest): Promise<object> {
  if (request.method !== 'GET' && deps.role !== 'operator') throw consoleError('CONSOLE_FORBIDDEN', LOOKS);
  for (const [route, handler] of Object.entries(ROUTES)) {
    const given = match(route, request);
    if (given !== undefined) return await handler(deps, request, given[0] ?? '', given[1] ?? '');
  }
  throw consoleError('CONSOLE_NOT_FOUND', 'there is nothing at this path');
}

const LOOKS = 'whoever came in by this link may look, and change nothing';

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

async function findService(deps: Desk, _: ApiRequest, service: string) {
  const rows = (await deps.processes()).filter((row) => row.service === service);
  if (rows.length === 0) throw consoleError('CONSOLE_NOT_FOUND', `there is no service ${service}`);
  const lines = await deps.recentLines(service, 300);
  return { processes: rows.map((row) => ({ ...row, open: openTo(deps, openActions(row)) })), lines };
}

async function changeService(
  deps: ConsoleDeps,
  { body }: ApiRequest,
  service: string,
  wanted: string,
): Promise<object> {
  const reason = reasonOf(body);
  const action = oneOf(wanted, ['start', 'stop', 'restart'] as const, 'action');
  const known = (await deps.processes()).filter((row) => row.service === service);
  if (known.length === 0) throw consoleError('CONSOLE_NOT_FOUND', `there is no service ${service}`);
  if (!known.some((row) => openActions(row).some((open) => open.action === action)))
    throw consoleError('CONSOLE_BAD_REQUEST', `${action} is not open for ${service} now`);
  const at = new Date(deps.now()).toISOString();
  const row = { at, by: deps.operator, what: `service ${action}`, subject: service, reason };
  await deps.audit.add({ ...row, outcome: 'asked for' });
  await deps.change(service, action);
  return { done: true };
}
