import { type Command, JSON_HELP, JSON_OPTION } from './command.ts';

export const route: Command = {
  name: 'route',
  arguments: 'list | show|set|weights <route> [tag=weight …] | eject|restore <instance> | purge | reload',
  summary: 'shows the routes of a running gateway and changes them without a restart',
  takes: [1, 12],
  options: {
    mode: { type: 'string' },
    percent: { type: 'string' },
    tag: { type: 'string' },
    region: { type: 'string' },
    prefix: { type: 'string' },
    all: { type: 'boolean' },
    admin: { type: 'string' },
    'token-file': { type: 'string' },
    by: { type: 'string' },
    ...JSON_OPTION,
  },
  help: {
    mode: 'set: legacy, new, new-with-fallback, legacy-with-fallback, split or shadow',
    percent: 'set: how many requests go or are copied to the new side, 0 to 100',
    tag: 'purge: cached answers with this tag',
    region: 'purge: those of this region',
    prefix: 'purge: those whose path begins so',
    all: 'purge: every one',
    admin: "the gateway's admin API (default FLOTILLA_GATEWAY_ADMIN, or http://127.0.0.1:9901)",
    'token-file': 'holds the token (default: the token is in FLOTILLA_GATEWAY_TOKEN)',
    by: 'who does it, for the audit (default: the user who is logged in)',
    ...JSON_HELP,
  },
  run: async (invocation) => (await import('../route/run-route.ts')).runRoute(invocation),
};
