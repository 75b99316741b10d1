/** A saga of everything there is, for the scenarios of scenario.test.ts. */
import * as s from '@flotilla/kernel/schema';
import { defineMessage } from '@flotilla/messaging';
import { command, defineSaga, type MessageStep, reply } from '../src/index.ts';

const schema = s.object({ step: s.string(), sagaId: s.string(), what: s.string() });
const key = ({ sagaId }: { readonly sagaId: string }) => sagaId;

export const askWork = defineMessage({ type: 'test.ask.v1', description: 'Do it.', key, schema });
export const workDone = defineMessage({ type: 'test.done.v1', description: 'It is done.', key, schema });
export const workRefused = defineMessage({ type: 'test.refused.v1', description: 'It is not.', key, schema });
export const amended = defineMessage({
  type: 'test.amended.v1',
  description: 'It has changed.',
  key: ({ about }) => about,
  schema: s.object({ about: s.string(), to: s.string() }),
});

export interface Errand {
  readonly id: string;
  readonly trail: readonly string[];
}

function ask(name: string): MessageStep<Errand, string> {
  return {
    name,
    command: ({ id }) => command(askWork, { step: name, sagaId: id, what: name }),
    replies: [
      reply(workDone, ({ data }) => ({ ok: true, result: data.what })),
      reply(workRefused, ({ data }) => ({ ok: false, reason: { code: data.what } })),
    ],
    undo: {
      command: ({ id }, { undoes }) => command(askWork, { step: name, sagaId: id, what: `not ${undoes}` }),
      replies: [reply(workDone, () => ({ ok: true, result: undefined }))],
    },
    onDone: (_tx, data, result) => ({ ...data, trail: [...data.trail, result ?? name] }),
  };
}

const never = () => Promise.reject(new Error('a scenario calls nobody'));

export const errand = defineSaga<Errand>({
  type: 'errand',
  version: 1,
  deadlineMs: 60_000,
  steps: (step, { send, parallel, wait }) => [
    send(ask('a')),
    parallel('both', [
      send(ask('b')),
      step({
        name: 'call',
        do: never,
        onDone: (_tx, data) => ({ ...data, trail: [...data.trail, 'called'] }),
      }),
    ]),
    wait({ name: 'pause', ms: 3_600_000 }),
    step({ name: 'last', pivot: true, do: never }),
  ],
  events: (onEvent) => [
    onEvent(amended, {
      key: ({ data }) => data.about,
      apply: (_tx, data, { data: event }) => ({ ...data, trail: [...data.trail, event.to] }),
    }),
  ],
});
