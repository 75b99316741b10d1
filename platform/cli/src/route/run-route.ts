import { flag, type Invocation, text, type Values } from '../commands/command.ts';
import { cliError } from '../errors.ts';
import { type AdminClient, connectAdmin } from './admin-client.ts';
import { type RouteDetails, type RouteSummary, routeTable, routeView } from './show-routes.ts';

type Verb = (client: AdminClient, invocation: Invocation) => Promise<number>;

const VERBS: Readonly<Record<string, Verb>> = {
  list: async (client, { values }) => {
    const routes = (await client.get('/routes')) as readonly RouteSummary[];
    return print(values, routes, () => routeTable(routes));
  },
  show: async (client, invocation) => {
    const route = (await client.get(`/routes/${named(invocation)}`)) as RouteDetails;
    return print(invocation.values, route, () => routeView(route));
  },
  set: async (client, invocation) => {
    const { values } = invocation;
    const mode = text(values, 'mode')?.toLowerCase();
    const percent = numberOf('--percent', text(values, 'percent'));
    if (mode === undefined && percent === undefined)
      throw cliError('CLI_USAGE', 'route set needs --mode, --percent or both');
    const order = { ...(mode !== undefined && { mode }), ...(percent !== undefined && { percent }) };
    const now = await client.post(`/routes/${named(invocation)}/strangler`, order);
    const { route, ...state } = now as {
      readonly route: string;
      readonly mode: string;
      readonly percent: number;
    };
    return print(values, now, () => `${route} is now ${state.mode}, ${state.percent} %`);
  },
  weights: async (client, invocation) => {
    const now = await client.post(`/routes/${named(invocation)}/weights`, weightsOf(invocation));
    const { route, versions } = now as {
      readonly route: string;
      readonly versions: readonly { readonly tag: string; readonly weight: number }[];
    };
    const shares = versions.map(({ tag, weight }) => `${tag}=${weight}`).join(' ');
    return print(invocation.values, now, () => `${route} is now shared ${shares}`);
  },
  eject: (client, invocation) => changeInstance(client, invocation, 'eject'),
  restore: (client, invocation) => changeInstance(client, invocation, 'restore'),
  purge: async (client, { values }) => {
    const now = await client.post('/cache/purge', purgeOf(values));
    const { purged } = now as { readonly purged: number };
    return print(values, now, () => `${purged} cached answers are dropped`);
  },
  reload: async (client, { values }) => {
    const now = await client.post('/reload');
    const { changes } = now as { readonly changes: readonly string[] };
    return print(values, now, () => ['the configuration is taken over', ...changes].join('\n  '));
  },
};

/** `flotilla route …`. Throws `CLI_USAGE`, `CLI_NOT_FOUND`, or `CLI_NOT_RUNNING` when no gateway answers. */
export async function runRoute(invocation: Invocation): Promise<number> {
  const [name = ''] = invocation.positionals;
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) throw cliError('CLI_USAGE', `route knows ${Object.keys(VERBS).join(', ')}`);
  return await verb(await connectAdmin(invocation), invocation);
}

async function changeInstance(
  client: AdminClient,
  invocation: Invocation,
  change: 'eject' | 'restore',
): Promise<number> {
  const now = await client.post(`/instances/${named(invocation)}/${change}`);
  const { address, to } = now as { readonly address: string; readonly to: string };
  return print(invocation.values, now, () => `${address} is now ${to}`);
}

function print(values: Values, answer: unknown, show: () => string): number {
  console.log(flag(values, 'json') ? JSON.stringify(answer, null, 2) : show());
  return 0;
}

function named({ positionals: [verb = '', name] }: Invocation): string {
  if (name) return encodeURIComponent(name);
  throw cliError('CLI_USAGE', `route ${verb} needs a name: flotilla route list shows them`);
}

function weightsOf({ positionals: [, , ...pairs] }: Invocation): Readonly<Record<string, number>> {
  if (pairs.length === 0)
    throw cliError('CLI_USAGE', 'route weights needs tag=weight, for example v1=90 v2=10');
  const entries = pairs.map((pair) => {
    const at = pair.lastIndexOf('=');
    const weight = at > 0 ? numberOf(pair, pair.slice(at + 1)) : undefined;
    if (weight === undefined) throw cliError('CLI_USAGE', `not tag=weight: ${pair}`);
    return [pair.slice(0, at), weight] as const;
  });
  return Object.fromEntries(entries);
}

function purgeOf(values: Values): object {
  const named = ['tag', 'region', 'prefix'].flatMap((by): readonly object[] => {
    const value = text(values, by);
    return value === undefined ? [] : [{ [by]: value }];
  });
  const [one, ...more] = flag(values, 'all') ? [...named, { all: true }] : named;
  if (one === undefined || more.length > 0)
    throw cliError('CLI_USAGE', 'route purge needs one of --tag, --region, --prefix, --all');
  return one;
}

function numberOf(what: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (value.trim() === '' || !(number >= 0))
    throw cliError('CLI_USAGE', `${what} must be a number, 0 or more`);
  return number;
}
