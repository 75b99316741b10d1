import { type Command, JSON_HELP, JSON_OPTION } from './command.ts';
import { OPERATOR_HELP, OPERATOR_OPTIONS } from './operator.ts';
import { DATA_DIR_HELP, DATA_DIR_OPTION } from './place.ts';

export const dlq: Command = {
  name: 'dlq',
  arguments: 'list [service] | show|redrive|discard <service> [id]',
  summary: 'shows messages that were given up, hands them out again or forgets them',
  takes: [1, 3],
  options: {
    type: { type: 'string' },
    key: { type: 'string' },
    consumer: { type: 'string' },
    text: { type: 'string' },
    'older-than': { type: 'string' },
    'newer-than': { type: 'string' },
    all: { type: 'boolean' },
    force: { type: 'boolean' },
    limit: { type: 'string' },
    after: { type: 'string' },
    ...OPERATOR_OPTIONS,
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  help: {
    type: 'those of this message type',
    key: 'those with this key',
    consumer: 'those of this consumer',
    text: 'those whose reason or exception contains this',
    'older-than': 'those given up longer ago: 90s, 15m, 2h, 3d',
    'newer-than': 'those given up since then: 90s, 15m, 2h, 3d',
    all: 'redrive, discard: every one of the service',
    force: 'redrive: handle it again even if it was handled after all',
    limit: 'list: how many of each service (default 50)',
    after: 'list: older ones than this id',
    ...OPERATOR_HELP,
    ...JSON_HELP,
    ...DATA_DIR_HELP,
  },
  run: async (invocation) => (await import('../dlq/dlq.ts')).runDlq(invocation),
};
