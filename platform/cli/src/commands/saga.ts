import { uuidv7 } from '@flotilla/kernel';
import { SAGA_VERBS } from '../saga/saga-order.ts';
import { type Command, JSON_HELP, JSON_OPTION } from './command.ts';
import { inDatabaseOf, OPERATOR_HELP, OPERATOR_OPTIONS } from './operator.ts';
import { DATA_DIR_HELP, DATA_DIR_OPTION } from './place.ts';

export const saga: Command = {
  name: 'saga',
  arguments: `list|show|parked|${SAGA_VERBS.join('|')} <service> [saga]`,
  summary:
    'shows the sagas of a service, stuck ones first, and changes one by hand; every change is kept in its audit',
  takes: [2, 3],
  options: {
    status: { type: 'string' },
    type: { type: 'string' },
    limit: { type: 'string' },
    changes: { type: 'string' },
    step: { type: 'string' },
    result: { type: 'string' },
    data: { type: 'string' },
    code: { type: 'string' },
    to: { type: 'string' },
    ...OPERATOR_OPTIONS,
    ...JSON_OPTION,
    ...DATA_DIR_OPTION,
  },
  help: {
    status: 'list: only these (running, compensating, stuck, completed, compensated, cancelled)',
    type: 'list: only sagas of this type',
    limit: 'list, parked: at most this many (default 100)',
    changes: 'refuse if it was changed since `show` said this number (default: since now)',
    step: 'skip: which of several open steps',
    result: 'skip: what the step answered, as JSON',
    data: 'edit: the new data, as a JSON object',
    code: 'cancel: the code of the reason (default operator)',
    to: 'migrate: the version it becomes',
    ...OPERATOR_HELP,
    ...JSON_HELP,
    ...DATA_DIR_HELP,
  },
  run: async (invocation) => {
    const [, service = ''] = invocation.positionals;
    // Loaded when it is needed: every other command would pay for it at its start.
    const { openSagaDesk } = await import('@flotilla/saga/desk');
    const { runAction } = await import('../saga/saga-action.ts');
    return await inDatabaseOf(invocation, service, (db) => runAction(openSagaDesk(db, uuidv7), invocation));
  },
};
