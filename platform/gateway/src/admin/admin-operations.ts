import type { IncomingHttpHeaders } from 'node:http';
import { isPlatformError } from '@flotilla/kernel';
import type { Logger } from '@flotilla/telemetry';
import { audit } from '../audit.ts';
import { explainUrl } from '../routing/explain.ts';
import { type AdminReply, NOT_FOUND, ok, problem } from './admin-reply.ts';
import type { AdminTarget } from './admin-target.ts';
import { masked } from './masked.ts';
import { readPurge, readQuestion, readSwitch, readWeights } from './read-orders.ts';
import { routeSummaries, routeView } from './route-views.ts';

export interface AdminRequest {
  readonly method: string;
  /** Segments of the path, decoded. */
  readonly path: readonly string[];
  /** Parsed JSON of a POST, `undefined` without a body. */
  readonly body: unknown;
  /** What a scraper reads: `accept` and `accept-encoding`. */
  readonly headers?: IncomingHttpHeaders;
  /** Who it says it is; for the audit. */
  readonly actor: string;
}

interface Deps {
  readonly gateway: AdminTarget;
  readonly logger: Logger;
}

type Operation = (request: AdminRequest, deps: Deps) => AdminReply | Promise<AdminReply>;

/** By path, `*` for a segment that is a name. */
const OPERATIONS: readonly { readonly path: string; readonly GET?: Operation; readonly POST?: Operation }[] =
  [
    {
      path: 'health',
      GET: (_request, { gateway }) => ok({ status: gateway.isReady() ? 'ready' : 'starting' }),
    },
    { path: 'metrics', GET: showMetrics },
    { path: 'config', GET: (_request, { gateway }) => ok(masked(gateway.config())) },
    { path: 'limits', GET: (_request, { gateway }) => ok(gateway.limits()) },
    { path: 'cache', GET: (_request, { gateway }) => ok(gateway.cache()) },
    { path: 'cache/purge', POST: purge },
    { path: 'instances', GET: (_request, { gateway }) => ok(gateway.backends.states()) },
    { path: 'instances/*/eject', POST: (request, deps) => changeInstance(request, deps, 'eject') },
    { path: 'instances/*/restore', POST: (request, deps) => changeInstance(request, deps, 'restore') },
    { path: 'routes', GET: (_request, { gateway }) => ok(routeSummaries(gateway)) },
    { path: 'routes/*', GET: showRoute },
    { path: 'routes/*/strangler', POST: switchStrangler },
    { path: 'routes/*/weights', POST: changeWeights },
    { path: 'explain', POST: explain },
    { path: 'reload', POST: reload },
  ];

/** Carries out one authenticated request. Every change leaves an audit line. */
export async function operate(request: AdminRequest, deps: Deps): Promise<AdminReply> {
  const operation = OPERATIONS.find(({ path }) => isAt(path.split('/'), request.path));
  if (operation === undefined) return NOT_FOUND;
  const { method } = request;
  const run = method === 'GET' || method === 'POST' ? operation[method] : undefined;
  if (run !== undefined) return await run(request, deps);
  const allow = operation.GET === undefined ? 'POST' : 'GET';
  return problem(405, 'method-not-allowed', undefined, { headers: { allow } });
}

function isAt(pattern: readonly string[], path: readonly string[]): boolean {
  return pattern.length === path.length && pattern.every((part, at) => part === '*' || part === path[at]);
}

async function showMetrics({ headers = {} }: AdminRequest, { gateway }: Deps): Promise<AdminReply> {
  const asked = { accept: headers.accept, acceptEncoding: headers['accept-encoding'] };
  const { headers: more, body } = await gateway.scrape(asked);
  return { status: 200, contentType: more['content-type'] ?? 'text/plain', body, headers: more };
}

async function purge({ body, actor }: AdminRequest, { gateway, logger }: Deps): Promise<AdminReply> {
  const what = readPurge(body);
  if (!what.ok) return problem(422, 'invalid-purge', what.rejection);
  const purged = await gateway.purge(what.value);
  audit(logger, { actor, what: 'cache', from: what.value, to: { purged } });
  return ok({ purged });
}

function changeInstance(
  { path, actor }: AdminRequest,
  { gateway, logger }: Deps,
  change: 'eject' | 'restore',
): AdminReply {
  const [, name = ''] = path;
  const known = gateway.backends.states().flatMap(({ instances }) => instances);
  const found = known.filter(({ id, address }) => id === name || address === name);
  const addresses = new Set(found.map(({ address }) => address));
  const [address] = addresses;
  if (address === undefined) return NOT_FOUND;
  if (addresses.size > 1)
    return problem(409, 'ambiguous-instance', `name one of ${[...addresses].join(', ')}`);
  const from = found[0]?.state;
  if (!gateway.backends[change](address)) return NOT_FOUND;
  const to = change === 'eject' ? 'held-out' : 'usable';
  audit(logger, { actor, what: `instance ${address}`, from, to });
  return ok({ address, from, to });
}

function showRoute({ path: [, id = ''] }: AdminRequest, { gateway }: Deps): AdminReply {
  const view = routeView(gateway, id);
  return view === undefined ? NOT_FOUND : ok(view);
}

function switchStrangler({ path, body, actor }: AdminRequest, { gateway }: Deps): AdminReply {
  const [, id = ''] = path;
  const order = readSwitch(body);
  if (!order.ok) return problem(422, 'invalid-switch', order.rejection);
  const now = gateway.stranglers.switch(id, order.value, actor); // which writes the audit line
  return now === undefined ? NOT_FOUND : ok({ route: id, ...now });
}

function changeWeights({ path, body, actor }: AdminRequest, { gateway, logger }: Deps): AdminReply {
  const [, id = ''] = path;
  const weights = readWeights(body);
  if (!weights.ok) return problem(422, 'invalid-weights', weights.rejection);
  const known = gateway.backends.states().find(({ route }) => route === id)?.versions;
  if (known === undefined) return NOT_FOUND;
  const next = known.map(({ tag, weight }) => weights.value[tag] ?? weight);
  if (known.length > 0 && next.every((weight) => weight === 0))
    return problem(422, 'invalid-weights', 'one version needs a weight above 0');
  const from = gateway.backends.setWeights(id, weights.value);
  if (from === undefined)
    return problem(
      422,
      'invalid-weights',
      `the route has the tags ${known.map(({ tag }) => tag).join(', ') || 'none'}`,
    );
  const to = from.map(({ tag, weight }) => ({ tag, weight: weights.value[tag] ?? weight }));
  audit(logger, { actor, what: `weights of ${id}`, from, to });
  return ok({ route: id, versions: to });
}

/** By the configuration in force; nothing is sent. */
function explain({ body }: AdminRequest, { gateway }: Deps): AdminReply {
  const question = readQuestion(body);
  if (!question.ok) return problem(422, 'invalid-question', question.rejection);
  return ok(masked(explainUrl(gateway.config(), question.value)));
}

async function reload({ actor }: AdminRequest, { gateway, logger }: Deps): Promise<AdminReply> {
  try {
    const { changes } = await gateway.reload();
    audit(logger, { actor, what: 'configuration', from: 'file', to: { changes } });
    return ok({ changes });
  } catch (error) {
    if (!isPlatformError(error) || error.code !== 'GATEWAY_CONFIG_INVALID') throw error;
    const { problems } = error.details;
    const lines = Array.isArray(problems) ? problems.filter((line) => typeof line === 'string') : [];
    return problem(422, 'invalid-configuration', 'nothing was changed', { problems: lines });
  }
}
