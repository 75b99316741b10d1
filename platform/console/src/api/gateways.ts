import type { ConsoleDeps, GatewayDesk } from '../deps.ts';
import { consoleError } from '../errors.ts';
import { recordChange } from './change.ts';
import { oneOf, reasonOf } from './input.ts';
import { part } from './partial.ts';
import type { ApiRequest } from './routes.ts';

/** Every gateway with its routes, instances, circuits and limits. */
export async function listGateways(deps: ConsoleDeps): Promise<object> {
  const found = await part(deps.gateways);
  if (!found.ok) return { gateways: [], why: found.why };
  const gateways = await Promise.all(
    found.value.map(async (desk) => {
      const [routes, limits, cache] = await Promise.all([
        part(() => desk.get('/routes')),
        part(() => desk.get('/limits')),
        part(() => desk.get('/cache')),
      ]);
      return { name: desk.name, routes, limits, cache };
    }),
  );
  return { gateways };
}

async function deskOf(deps: ConsoleDeps, name: string): Promise<GatewayDesk> {
  const found = (await deps.gateways()).find((desk) => desk.name === name);
  if (found === undefined) throw consoleError('CONSOLE_NOT_FOUND', `no gateway ${name} can be asked`);
  return found;
}

export async function findRoute(deps: ConsoleDeps, name: string, route: string): Promise<object> {
  const desk = await deskOf(deps, name);
  return { gateway: name, route: await desk.get(`/routes/${encodeURIComponent(route)}`) };
}

/** Which route takes a request, why the others do not, and what is sent on; nothing is sent. */
export async function explainRequest(
  deps: ConsoleDeps,
  name: string,
  query: URLSearchParams,
): Promise<object> {
  const desk = await deskOf(deps, name);
  const method = query.get('method') ?? 'GET';
  const url = query.get('url') ?? '/';
  return { explanation: await desk.post('/explain', { method, url }) };
}

const ACTIONS = ['eject', 'restore', 'weights', 'strangler', 'reload', 'purge'] as const;

/** Each says what shall be, not by how much more: the same again changes nothing. */
export async function changeGateway(
  deps: ConsoleDeps,
  name: string,
  body: ApiRequest['body'],
): Promise<object> {
  const reason = reasonOf(body);
  const action = oneOf(body['action'], ACTIONS, 'action');
  const desk = await deskOf(deps, name);
  const { subject, path, order } = orderOf(action, body);
  const answer = await desk.post(path, order);
  const outcome = JSON.stringify(answer).slice(0, 500);
  await recordChange(deps, {
    what: `gateway ${action}`,
    subject: `${name} ${subject}`.trim(),
    reason,
    outcome,
  });
  return { done: true, answer };
}

function orderOf(action: (typeof ACTIONS)[number], body: ApiRequest['body']) {
  if (action === 'reload') return { subject: '', path: '/reload', order: undefined };
  if (action === 'purge') return { subject: '', path: '/cache/purge', order: { all: true } };
  const { subject } = body;
  if (typeof subject !== 'string' || subject === '')
    throw consoleError('CONSOLE_BAD_REQUEST', 'subject: the id of a route, or the address of an instance');
  const named = encodeURIComponent(subject);
  if (action === 'eject' || action === 'restore')
    return { subject, path: `/instances/${named}/${action}`, order: undefined };
  const { order } = body;
  if (typeof order !== 'object' || order === null)
    throw consoleError('CONSOLE_BAD_REQUEST', 'order: an object, as the admin API of the gateway takes it');
  return { subject, path: `/routes/${named}/${action}`, order };
}
