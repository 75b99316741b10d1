import { isUuid } from '@flotilla/kernel';
import { askSagaDesk, type OperateAnswer, type SagaDesk, type SagaDetails } from '@flotilla/saga/desk';
import { flag, type Invocation, number, text } from '../../command-line/command.ts';
import { cliError } from '../../errors.ts';
import { readOrder } from './saga-order.ts';
import { parkedTable, sagaTable, sagaView } from './saga-view.ts';

/** Runs one action on the sagas of a service; resolves with the exit code. */
export async function runAction(desk: SagaDesk, action: string, invocation: Invocation): Promise<number> {
  const { values, positionals } = invocation;
  const [service = '', id] = positionals;
  const show = (value: unknown, view: () => string) =>
    console.log(flag(values, 'json') ? JSON.stringify(value, null, 2) : view());
  if (action === 'list') {
    const sagas = await desk.list(filterOf(invocation));
    show(sagas, () => (sagas.length === 0 ? noSagas(service, values) : sagaTable(sagas)));
    return 0;
  }
  if (action === 'parked') {
    const messages = await desk.parked(number(values, 'limit') ?? 100);
    show(messages, () => (messages.length === 0 ? 'no message waits for its saga' : parkedTable(messages)));
    return 0;
  }
  const found = await findSaga(desk, service, id);
  if (action === 'show') {
    const open = desk.openVerbs(found);
    show({ ...found, open }, () => sagaView(found, open));
    return 0;
  }
  const answer = await carryOut(desk, found, invocation, action);
  show(answer, () => describe(action, found.id, answer));
  return answer.ok ? 0 : 1;
}

function noSagas(service: string, values: Invocation['values']): string {
  const isNarrowed = text(values, 'status') !== undefined || text(values, 'type') !== undefined;
  return isNarrowed ? `${service} has no such saga` : `${service} has no sagas yet`;
}

function filterOf({ values }: Invocation) {
  const status = text(values, 'status') as SagaDetails['status'] | undefined;
  const type = text(values, 'type');
  const limit = number(values, 'limit');
  return {
    ...(status !== undefined && { status }),
    ...(type !== undefined && { type }),
    ...(limit !== undefined && { limit }),
  };
}

async function findSaga(desk: SagaDesk, service: string, id: string | undefined): Promise<SagaDetails> {
  if (id === undefined || !isUuid(id))
    throw cliError('CLI_USAGE', 'name a saga by its id, as `saga list` shows it');
  const found = await desk.find(id);
  if (found === undefined) throw cliError('CLI_NOT_FOUND', `${service} has no saga ${id}`);
  return found;
}

/** Asks the engine in the running service: what belongs to a change, such as a hook, is known there alone. */
async function carryOut(
  desk: SagaDesk,
  found: SagaDetails,
  { values }: Invocation,
  action: string,
): Promise<OperateAnswer> {
  const answer = await askSagaDesk(desk, found.id, readOrder(action, values, found.changes));
  if (answer !== undefined) return answer;
  throw cliError('CLI_NO_ANSWER', 'no engine that knows this saga has answered; the request was taken back');
}

function describe(action: string, id: string, answer: OperateAnswer): string {
  if (!answer.ok) return `${action} refused (${answer.refusal.code}): ${answer.refusal.message}`;
  const step = answer.step === undefined ? '' : ` at ${answer.step}`;
  return `${action} done: saga ${id} is ${answer.status}${step}`;
}
