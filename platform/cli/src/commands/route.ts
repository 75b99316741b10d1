import { type Command, JSON_OPTION, type Options } from '../command-line/command.ts';
import { DATA_DIR_OPTION } from '../command-line/place.ts';
import { amount, FILE, oneOf, textOf, type ValueKind } from '../command-line/value-kinds.ts';
import { BY_OPTION } from './operator.ts';

const MODES = ['legacy', 'new', 'new-with-fallback', 'legacy-with-fallback', 'split', 'shadow'];
const MODE: ValueKind = {
  placeholder: '<mode>',
  offers: MODES,
  refuse: (given) => oneOf(MODES).refuse?.(given.toLowerCase()),
};
const COMMON: Options = {
  admin: {
    kind: textOf('url'),
    help: "the gateway's admin API (default: FLOTILLA_GATEWAY_ADMIN, that of the running system, or http://127.0.0.1:9901)",
  },
  'token-file': {
    kind: FILE,
    help: 'holds the token (default: it is in FLOTILLA_GATEWAY_TOKEN; the running system knows its own)',
  },
  ...BY_OPTION,
  ...JSON_OPTION,
  ...DATA_DIR_OPTION,
};
const ROUTE = { kind: textOf('route') };
const INSTANCE = { kind: textOf('instance') };

function verb(
  name: string,
  summary: string,
  more: Pick<Command, 'arguments' | 'options' | 'example'> = {},
): Command {
  return {
    name,
    summary,
    example: `route ${name}`,
    ...more,
    options: { ...more.options, ...COMMON },
    run: async (invocation) => (await import('./route/run-route.ts')).runRoute(name, invocation),
  };
}

export const route: Command = {
  name: 'route',
  summary: 'shows the routes of a running gateway and changes them without a restart',
  commands: [
    verb('list', 'routes: where they go, usable instances, breaker, shares'),
    verb('show', 'one route with its instances', { arguments: [ROUTE], example: 'route show orders' }),
    verb('set', 'moves a route between the legacy system and the new one', {
      arguments: [ROUTE],
      options: {
        mode: { kind: MODE, help: `${MODES.slice(0, -1).join(', ')} or shadow` },
        percent: {
          kind: amount('percent'),
          help: 'how many requests go or are copied to the new side, 0 to 100',
        },
      },
      example: 'route set legacy-orders --mode split --percent 10',
    }),
    verb('weights', 'shares a route among versions', {
      arguments: [ROUTE, { kind: textOf('tag=weight'), isRepeated: true }],
      example: 'route weights orders v1=90 v2=10',
    }),
    verb('eject', 'sends no more requests to an instance', {
      arguments: [INSTANCE],
      example: 'route eject 10.0.0.7:3000',
    }),
    verb('restore', 'sends requests to an ejected instance again', {
      arguments: [INSTANCE],
      example: 'route restore 10.0.0.7:3000',
    }),
    verb('purge', 'drops cached answers', {
      options: {
        tag: { kind: textOf('tag'), help: 'those with this tag' },
        region: { kind: textOf('region'), help: 'those of this region' },
        prefix: { kind: textOf('path'), help: 'those whose path begins so' },
        all: { help: 'every one' },
      },
      example: 'route purge --prefix /products',
    }),
    verb('reload', 'takes the configuration over from its file'),
  ],
};
