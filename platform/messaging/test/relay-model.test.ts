import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explore, type Model, type Step } from './explore.ts';

/** Two relays that take shards from each other; the rules are those of `relay-pump.ts` and `shard-leases.ts`. */
interface State {
  /** By shard: numbers that are not deleted, what the transport took first, and whose it is. */
  readonly shards: { waiting: number[]; sent: number[]; owner: number; token: number }[];
  readonly relays: Relay[];
  takesLeft: number;
}

interface Row {
  readonly shard: number;
  readonly n: number;
  readonly token: number;
}

interface Relay {
  /** By shard, as it knows them. */
  tokens: number[];
  isInTime: boolean;
  /** Read, and not sent yet; null: it begins anew. */
  batch: Row[] | null;
  /** On their way to the transport. */
  sending: Row[] | null;
  /** What is asked for meanwhile: the last of each shard that is passed over. Null: answered, or not asked. */
  reading: { readonly shards: Row[] } | null;
  next: Row[];
  /** By shard, the last. */
  reached: (Row | null)[];
  unconfirmed: Row[];
}

/** What the code once did. */
interface Faults {
  /** The place reached in a shard outlived its lease, and counted what was read and not what was sent. */
  readonly cursorOutlivesLease?: boolean;
}

interface Bounds {
  readonly faults?: Faults;
  /** How many shards the second takes from the first, which may take them back. */
  readonly takes: number;
  /** Of each shard. */
  readonly messages: number;
  /** The first so many relays send; the others only take shards away and lose them again. */
  readonly senders: number;
}

const NONE = 0;

function modelOf({ faults = {}, takes, messages, senders }: Bounds): Model<State> {
  const holds = (relay: Relay, { shard, token }: Row) => relay.isInTime && relay.tokens[shard] === token;

  /** One of each shard, the oldest behind what was reached. */
  function read(state: State, asked: readonly Row[]): Row[] {
    return asked.flatMap(({ shard, n: after, token }) => {
      const n = state.shards[shard]?.waiting.find((waiting) => waiting > after);
      return n === undefined ? [] : [{ shard, n, token }];
    });
  }

  function active(relay: Relay): Row[] {
    return relay.tokens.flatMap((token, shard) => {
      if (!relay.isInTime || token === NONE) return [];
      const last = relay.reached[shard];
      const isKnown = faults.cursorOutlivesLease === true || last?.token === token;
      return [{ shard, n: isKnown ? (last?.n ?? 0) : 0, token }];
    });
  }

  function confirm(state: State, relay: Relay, index: number): void {
    for (const { shard, n, token } of relay.unconfirmed) {
      const found = state.shards[shard];
      if (found?.owner !== index || found.token !== token) continue;
      found.waiting = found.waiting.filter((waiting) => waiting !== n);
    }
    relay.unconfirmed = [];
  }

  function send(relay: Relay): void {
    const batch = relay.batch ?? [];
    const rows = batch.filter((row) => holds(relay, row));
    relay.batch = null;
    if (rows.length === 0) return;
    relay.sending = rows;
    for (const row of faults.cursorOutlivesLease === true ? batch : rows) relay.reached[row.shard] = row;
    relay.reading = { shards: active(relay) };
  }

  /** A sign of life, and of what has no living owner as much as it wants. */
  function claim(state: State, index: number, wants: (shard: number) => boolean): void {
    const relay = state.relays[index];
    if (!relay) return;
    for (const [number, shard] of state.shards.entries()) {
      const isFree = state.relays[shard.owner]?.isInTime !== true;
      if (shard.owner === index || !isFree || !wants(number)) continue;
      if (index > 0 && state.takesLeft === 0) continue;
      if (index > 0) state.takesLeft -= 1;
      shard.owner = index;
      shard.token += 1;
    }
    relay.tokens = state.shards.map(({ owner, token }) => (owner === index ? token : NONE));
    relay.isInTime = true;
  }

  function stepsOf(state: State, index: number) {
    const relay = state.relays[index];
    const steps: [string, (next: Relay, state: State) => void][] = [];
    if (!relay) return [];
    const { batch, sending, reading } = relay;
    if (index < senders && sending === null && batch === null) {
      steps.push([
        'begins',
        (next, all) => {
          confirm(all, next, index);
          next.reached = [null, null];
          next.batch = read(all, active(next));
          if (next.batch.length === 0) next.batch = null;
        },
      ]);
    }
    if (sending === null && batch !== null) steps.push(['sends', send]);
    if (reading !== null) {
      steps.push([
        'reads ahead',
        (next, all) => {
          next.next = read(all, reading.shards);
          next.reading = null;
        },
      ]);
    }
    if (sending !== null && reading === null) {
      steps.push([
        'has sent',
        (next, all) => {
          for (const { shard, n } of sending) {
            const sent = all.shards[shard]?.sent;
            if (sent?.includes(n) === false) sent.push(n);
          }
          confirm(all, next, index);
          next.unconfirmed = [...sending];
          next.sending = null;
          next.batch = next.next.length > 0 ? next.next : null;
          next.next = [];
        },
      ]);
    }
    if (relay.isInTime) {
      steps.push([
        'is late',
        (next) => {
          next.isInTime = false;
        },
      ]);
    }
    for (const [name, wants] of CLAIMS) steps.push([name, (_next, all) => claim(all, index, wants)]);
    return steps.map(
      ([name, change]): Step<State> => [
        `${'AB'[index]} ${name}`,
        (next) => {
          const changed = next.relays[index];
          if (changed) change(changed, next);
        },
      ],
    );
  }

  return {
    start: {
      shards: [0, 1].map(() => ({ waiting: numbers(messages), sent: [], owner: -1, token: 0 })),
      relays: [0, 1].map(() => ({
        ...{ tokens: [NONE, NONE], isInTime: false, batch: null, sending: null, reading: null },
        ...{ next: [], reached: [null, null], unconfirmed: [] },
      })),
      takesLeft: takes,
    },
    steps: (state) => [0, 1].flatMap((index) => stepsOf(state, index)),
    wrong: ({ shards }) =>
      shards.map(({ sent }) => sent).find((sent) => sent.some((n, place) => n !== place + 1)) === undefined
        ? undefined
        : `sent: ${shards.map(({ sent }) => sent.join(' ')).join(', ')}`,
    isDone: ({ shards }) => shards.every(({ waiting }) => waiting.length === 0),
  };
}

const CLAIMS: readonly [string, (shard: number) => boolean][] = [
  ['claims what it can', () => true],
  ['claims the first', (shard) => shard === 0],
];

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe('a model of relays that take shards from each other', () => {
  it('sends each shard in order and to its end, in every interleaving', () => {
    for (const bounds of [
      { takes: 1, messages: 3, senders: 1 },
      { takes: 1, messages: 2, senders: 2 },
    ]) {
      const { states, fault } = explore(modelOf(bounds));
      assert.equal(fault, undefined);
      assert.ok(states > 1_000, `${states} states`);
    }
  });

  it('shows what a place in a shard does that outlives its lease', () => {
    const { fault } = explore(
      modelOf({ faults: { cursorOutlivesLease: true }, takes: 1, messages: 3, senders: 1 }),
    );
    assert.match(fault?.what ?? '', /^sent: /);
  });
});
