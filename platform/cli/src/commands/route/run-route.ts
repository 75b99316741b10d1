import type { RouteSummary, RouteView } from '@flotilla/gateway';
import { flag, type Invocation, number, text, type Values } from '../../command-line/command.ts';
import { cliError } from '../../errors.ts';
import { type AdminClient, connectAdmin } from './admin-client.ts';
import { routeTable, routeView } from './show-routes.ts';

type Verb = (client: AdminClient, invocation: Invocation) => Promise<number>;

const VERBS: Readonly<Record<string, Verb>> = {
  list: async (client, { values }) => {
    const routes = (await client.get('/routes')) as readonly RouteSummary[];
    return print(values, routes, () => routeTable(routes));
  },
  show: async (client, invocation) => {
    const route = (await client.get(`/routes/${named(invocation)}`)) as RouteView;
    return print(invocation.values, route, () => routeView(route));
  },
  set: async (client, invocation) => {
    const { values } = invocation;
    const mode = text(values, 'mode')?.toLowerCase();
    const percent = number(values, 'percent');
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
export async function runRoute(name: string, invocation: Invocation): Promise<number> {
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) throw new TypeError(`route has no verb ${name}`);
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

function named({ positionals: [name = ''] }: Invocation): string {
  return encodeURIComponent(name);
}

function weightsOf({ positionals: [, ...pairs] }: Invocation): Readonly<Record<string, number>> {
  const entries = pairs.map((pair) => {
    const at = pair.lastIndexOf('=');
    const weight = pair.slice(at + 1);
    if (at < 1 || !/^\d{1,9}(\.\d{1,9})?$/.test(weight))
      throw cliError('CLI_USAGE', `not tag=weight, with a number of 0 or more: ${pair}`);
    return [pair.slice(0, at), Number(weight)] as const;
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
