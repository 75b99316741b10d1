import { type Command, type Invocation, JSON_OPTION, type Options } from '../command-line/command.ts';
import { DATA_DIR_OPTION } from '../command-line/place.ts';
import { AGO, SERVICE, textOf, wholeNumber } from '../command-line/value-kinds.ts';
import { OPERATOR_OPTIONS } from './operator.ts';

const CONDITIONS: Options = {
  type: { kind: textOf('type'), help: 'those of this message type' },
  key: { kind: textOf('key'), help: 'those with this key' },
  consumer: { kind: textOf('consumer'), help: 'those of this consumer' },
  text: { kind: textOf('text'), help: 'those whose reason or exception contains this' },
  'older-than': { kind: AGO, help: 'those given up longer ago: 90s, 15m, 2h, 3d' },
  'newer-than': { kind: AGO, help: 'those given up since then' },
};
const ID = textOf('id');
const COMMON: Options = { ...JSON_OPTION, ...DATA_DIR_OPTION };
const ALL = { all: { help: 'every one of the service' } } as const;
const DRY_RUN = { 'dry-run': { help: 'says how many it would be, and changes nothing' } } as const;
const SOME = [{ kind: SERVICE }, { kind: ID, isOptional: true }];

const run = (verb: 'list' | 'show' | 'redrive' | 'discard') => async (invocation: Invocation) =>
  (await import('./dlq/dlq.ts')).runDlq(verb, invocation);

export const dlq: Command = {
  name: 'dlq',
  summary: 'shows messages that were given up, hands them out again or forgets them',
  commands: [
    {
      name: 'list',
      summary: 'messages that were given up, with the reason',
      arguments: [{ kind: SERVICE, isOptional: true }],
      options: {
        ...CONDITIONS,
        limit: { kind: wholeNumber(1, 10_000), help: 'how many of each service (default 50)' },
        after: { kind: ID, help: 'older ones than this id' },
        ...COMMON,
      },
      example: 'dlq list notification --newer-than 2h',
      run: run('list'),
    },
    {
      name: 'show',
      summary: 'everything about one',
      arguments: [{ kind: SERVICE }, { kind: ID }],
      options: COMMON,
      example: 'dlq show notification 7',
      run: run('show'),
    },
    {
      name: 'redrive',
      summary: 'hands one, some or all to the service again',
      arguments: SOME,
      options: {
        ...CONDITIONS,
        ...ALL,
        force: { help: 'handle it again even if it was handled after all' },
        rate: {
          kind: wholeNumber(1, 10_000),
          help: 'at most so many a second (default: as fast as it goes)',
        },
        ...DRY_RUN,
        ...OPERATOR_OPTIONS,
        ...COMMON,
      },
      example: "dlq redrive notification --type order.confirmed.v1 --reason 'mail server is back'",
      run: run('redrive'),
    },
    {
      name: 'discard',
      summary: 'forgets one, some or all',
      arguments: SOME,
      options: { ...CONDITIONS, ...ALL, ...DRY_RUN, ...OPERATOR_OPTIONS, ...COMMON },
      example: "dlq discard notification 7 --reason 'the customer is gone'",
      run: run('discard'),
    },
  ],
};
