import { uuidv7 } from '@flotilla/kernel';
import type { SagaSummary } from '@flotilla/saga/desk';
import { type Command, type Invocation, JSON_OPTION, type Options } from '../command-line/command.ts';
import { DATA_DIR_OPTION } from '../command-line/place.ts';
import { oneOf, SERVICE, textOf, wholeNumber } from '../command-line/value-kinds.ts';
import { inDatabaseOf, OPERATOR_OPTIONS } from './operator.ts';

const STATUSES: readonly SagaSummary['status'][] = [
  'running',
  'compensating',
  'stuck',
  'completed',
  'compensated',
  'cancelled',
];
const SAGAS = { table: 'saga_instance', migrations: 'saga', without: 'runs no sagas' };
const LIMIT = { limit: { kind: wholeNumber(1, 10_000), help: 'at most this many (default 100)' } } as const;
const ONE = [{ kind: SERVICE }, { kind: textOf('saga') }];
const CHANGE: Options = {
  changes: {
    kind: wholeNumber(1, 999_999_999),
    help: 'refuse if it was changed since `show` said this number (default: since now)',
  },
  ...OPERATOR_OPTIONS,
};
const ID = '0198c8f2-5b7e-7c11-9d0a-3f6a2b1c4d5e';
const WHY = `order ${ID} --reason 'paid by hand'`;

function verb(
  name: string,
  summary: string,
  more: Pick<Command, 'arguments' | 'options' | 'example'>,
): Command {
  return {
    name,
    summary,
    ...more,
    options: { ...more.options, ...JSON_OPTION, ...DATA_DIR_OPTION },
    run: (invocation) => act(name, invocation),
  };
}

async function act(action: string, invocation: Invocation): Promise<number> {
  const [service = ''] = invocation.positionals;
  // Loaded when it is needed: every other command would pay for it at its start.
  const { openSagaDesk } = await import('@flotilla/saga/desk');
  const { runAction } = await import('./saga/saga-action.ts');
  return await inDatabaseOf(invocation, service, SAGAS, (db) =>
    runAction(openSagaDesk(db, uuidv7), action, invocation),
  );
}

export const saga: Command = {
  name: 'saga',
  summary: 'shows the sagas of a service and changes one by hand, on the record',
  commands: [
    verb('list', 'sagas, stuck ones first', {
      arguments: [{ kind: SERVICE }],
      options: {
        status: { kind: oneOf(STATUSES, 'status'), help: `only these: ${STATUSES.join(', ')}` },
        type: { kind: textOf('type'), help: 'only sagas of this type' },
        ...LIMIT,
      },
      example: 'saga list order --status stuck',
    }),
    verb('show', 'one saga with everything that ever happened to it', {
      arguments: ONE,
      example: `saga show order ${ID}`,
    }),
    verb('parked', 'messages that wait for their saga', {
      arguments: [{ kind: SERVICE }],
      options: LIMIT,
      example: 'saga parked order',
    }),
    verb('retry', 'tries its open step again now', {
      arguments: ONE,
      options: CHANGE,
      example: `saga retry ${WHY}`,
    }),
    verb('skip', 'goes on as if a step had been done', {
      arguments: ONE,
      options: {
        step: { kind: textOf('step'), help: 'which of several open steps' },
        result: { kind: textOf('json'), help: 'what the step answered' },
        ...CHANGE,
      },
      example: `saga skip ${WHY}`,
    }),
    verb('compensate', 'undoes what was done, and ends it', {
      arguments: ONE,
      options: CHANGE,
      example: `saga compensate ${WHY}`,
    }),
    verb('complete', 'ends it as done', {
      arguments: ONE,
      options: CHANGE,
      example: `saga complete ${WHY}`,
    }),
    verb('edit', 'gives it other data', {
      arguments: ONE,
      options: { data: { kind: textOf('json'), help: 'the new data, a JSON object; required' }, ...CHANGE },
      example: `saga edit order ${ID} --reason typo --data '{"x":1}'`,
    }),
    verb('cancel', 'undoes it for a reason of its own', {
      arguments: ONE,
      options: {
        code: { kind: textOf('code'), help: 'the code of the reason (default operator)' },
        ...CHANGE,
      },
      example: `saga cancel ${WHY}`,
    }),
    verb('migrate', 'moves it to another version of its definition', {
      arguments: ONE,
      options: {
        to: { kind: wholeNumber(1, 999_999, 'version'), help: 'the version it becomes; required' },
        ...CHANGE,
      },
      example: `saga migrate ${WHY} --to 2`,
    }),
  ],
};
