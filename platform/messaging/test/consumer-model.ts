import type { Model, Step } from './explore.ts';

/**
 * Consumers that take one shard with one key from each other. The rules are those of `dispatcher.ts`, `message-processor.ts`,
 * `held-runner.ts` and the functions of the bus and the inbox; a statement is one step, a transaction is two.
 */
interface State {
  /** Deliveries that are not acknowledged, in their order; a number is the message. The relay may have sent one twice. */
  bus: Delivery[];
  owner: number;
  token: number;
  inbox: number[];
  /** Held messages in the order of their positions, and whether their key is held. */
  held: number[];
  keyIsHeld: boolean;
  /** Who handles held messages in an open transaction, which locks the key. */
  locker: number;
  effects: number[];
  takesLeft: number;
  failuresLeft: number;
  consumers: Consumer[];
}

interface Delivery {
  readonly id: number;
  readonly n: number;
  /** Under which lease it was fetched. */
  readonly token: number;
}

interface Consumer {
  /** As it knows it. */
  token: number;
  isInTime: boolean;
  /** What the dispatcher holds, by id; what of it waits, runs, and waits to be acknowledged. */
  has: number[];
  waiting: Delivery[];
  running: { readonly rows: Delivery[]; stage: 'begun' | 'open' | 'aside'; fresh: number[] } | null;
  handled: Delivery[];
  /** What a fetch brings, and whether something of the key was given back while it was on its way. */
  fetched: { readonly rows: Delivery[]; isDisturbed: boolean } | null;
  taken: { readonly ns: number[]; fresh: number[] } | null;
}

/** What the code once did, and rules without which there is no order. */
interface Faults {
  /** Whether a delivery is still ours was asked twice: to forget it, and to drop it. */
  readonly asksTwice?: boolean;
  /** What is held is not looked up. */
  readonly looksAtNoHeldKey?: boolean;
  /** The key is let go although something of it waits. */
  readonly letsGoTooEarly?: boolean;
}

interface Bounds {
  readonly faults?: Faults;
  readonly consumers: number;
  /** The messages in the order of the bus. */
  readonly bus: readonly number[];
  /** Messages in one transaction. */
  readonly batch: number;
  /** How often the others take the shard from the first. */
  readonly takes: number;
  /** Handlers that fail. */
  readonly failures: number;
}

const NOBODY = -1;
const FETCH = 2;

type Change = readonly [name: string, change: (next: State, me: Consumer) => void];

export function consumerModel({ faults = {}, consumers, bus, batch, takes, failures }: Bounds): Model<State> {
  const owns = (me: Consumer, { token }: Delivery) => me.isInTime && me.token === token;

  function forget(me: Consumer, rows: readonly Delivery[]): void {
    me.has = me.has.filter((id) => !rows.some((row) => row.id === id));
    if (me.fetched && rows.length > 0) me.fetched.isDisturbed = true;
  }

  /** The lease runs out with the question of that number, if there are so many. */
  function forgetLost(me: Consumer, lastQuestion = Number.POSITIVE_INFINITY): void {
    let questions = 0;
    const isLost = (row: Delivery) => {
      questions += 1;
      if (questions >= lastQuestion) me.isInTime = false;
      return !owns(me, row);
    };
    const lost = me.waiting.filter(isLost);
    forget(me, lost);
    me.waiting = me.waiting.filter((row) => (faults.asksTwice === true ? !isLost(row) : !lost.includes(row)));
  }

  function claim(next: State, me: Consumer, index: number): void {
    const isFree = next.consumers[next.owner]?.isInTime !== true;
    if (next.owner !== index && isFree && (index === 0 || next.takesLeft > 0)) {
      if (index > 0) next.takesLeft -= 1;
      next.owner = index;
      next.token += 1;
    }
    me.isInTime = next.owner === index;
    me.token = me.isInTime ? next.token : 0;
    forgetLost(me);
  }

  /** In progress of the fetch; what was in progress of an earlier owner is fetched again. */
  function fetch(next: State, me: Consumer, index: number): void {
    const rows = next.owner === index ? next.bus.filter(({ id }) => !me.has.includes(id)) : [];
    const brought = rows.slice(0, FETCH).map((row) => ({ ...row, token: next.token }));
    me.fetched = { rows: brought, isDisturbed: false };
    // With nothing in hand it makes no difference what happens while it is on its way.
    if (me.has.length === 0) offer(me);
  }

  function offer(me: Consumer): void {
    forgetLost(me);
    const { rows, isDisturbed } = me.fetched ?? { rows: [], isDisturbed: true };
    me.fetched = null;
    const fresh = isDisturbed ? [] : rows.filter(({ id }) => !me.has.includes(id));
    me.has = [...me.has, ...fresh.map(({ id }) => id)];
    me.waiting = [...me.waiting, ...fresh];
    dispatch(me);
  }

  function dispatch(me: Consumer): void {
    forgetLost(me);
    if (me.running || me.waiting.length === 0) return;
    me.running = { rows: me.waiting.slice(0, batch), stage: 'begun', fresh: [] };
    me.waiting = me.waiting.slice(batch);
  }

  /** Behind what is held; `starts`: held from now on, if it was not. What is done with is settled. */
  function setAside(next: State, me: Consumer, starts: boolean): void {
    const rows = me.running?.rows ?? [];
    if (starts) next.keyIsHeld = true;
    if (next.keyIsHeld) {
      for (const { n } of rows) {
        if (!next.inbox.includes(n) && !next.held.includes(n)) next.held.push(n);
      }
    }
    settle(me, ({ n }) => next.inbox.includes(n) || next.held.includes(n));
  }

  function settle(me: Consumer, isDone: (row: Delivery) => boolean): void {
    const rows = me.running?.rows ?? [];
    const rest = rows.filter((row) => !isDone(row));
    me.handled = [...me.handled, ...rows.filter(isDone)];
    me.running = rest.length > 0 ? { rows: rest, stage: 'begun', fresh: [] } : null;
    dispatch(me);
  }

  /** Whatever waits behind a message that was not handled must be fetched again, behind it. */
  function giveBack(me: Consumer): void {
    forget(me, [...(me.running?.rows ?? []), ...me.waiting]);
    me.waiting = [];
    me.running = null;
  }

  function commit(next: State, ns: readonly number[]): void {
    next.inbox = [...next.inbox, ...ns].sort();
    next.effects = [...next.effects, ...ns];
  }

  function letGo(next: State): void {
    if (next.held.length === 0 || faults.letsGoTooEarly === true) next.keyIsHeld = false;
  }

  /** Somebody else has remembered it in a transaction that is still open: whoever wants to do so waits for its end. */
  function isOpenElsewhere(state: State, index: number, ns: readonly number[]): boolean {
    return state.consumers.some(({ running, taken }, other) => {
      const open = [...(running?.stage === 'open' ? running.fresh : []), ...(taken?.fresh ?? [])];
      return open.some((n) => ns.includes(n)) && (other !== index || taken !== null);
    });
  }

  function leaseSteps(state: State, me: Consumer, index: number): Change[] {
    const steps: Change[] = [['claims', (next, own) => claim(next, own, index)]];
    if (!me.isInTime) return steps;
    if (!me.fetched && state.bus.some(({ id }) => !me.has.includes(id)))
      steps.push(['fetches', (next, own) => fetch(next, own, index)]);
    const questions = me.waiting.length * (faults.asksTwice === true ? 2 : 1) + 1;
    for (let question = 1; question <= questions; question += 1) {
      steps.push([
        `is late with question ${question}`,
        (_next, own) => {
          forgetLost(own, question);
          own.isInTime = false;
        },
      ]);
    }
    return steps;
  }

  function openSteps({ failuresLeft, locker }: State, fresh: readonly number[]): Change[] {
    const commits: Change = [
      'commits',
      (next, me) => {
        commit(next, fresh);
        settle(me, () => true);
      },
    ];
    const [first] = fresh;
    // Its key is written: whoever handles held messages of it comes first.
    if (failuresLeft === 0 || locker !== NOBODY || first === undefined) return [commits];
    const fails: Change[1] = (next, me) => {
      next.failuresLeft -= 1;
      next.keyIsHeld = true;
      if (!next.held.includes(first)) next.held.push(first);
      settle(me, ({ n }) => n === first || !fresh.includes(n));
    };
    return [commits, ['fails', fails]];
  }

  function batchSteps(state: State, { running }: Consumer, index: number): Change[] {
    const steps: Change[] = [];
    if (running?.stage === 'begun') {
      const ns = running.rows.map(({ n }) => n);
      // It was in progress of somebody who lost the shard.
      if (running.rows.some(({ token }) => token > 1))
        steps.push(['sets a suspect aside', (next, me) => setAside(next, me, true)]);
      if (!isOpenElsewhere(state, index, ns)) {
        steps.push([
          'remembers',
          (next, me) => {
            const fresh = [...new Set(ns)].filter((n) => !next.inbox.includes(n));
            const waits = next.keyIsHeld && faults.looksAtNoHeldKey !== true && fresh.length > 0;
            me.running = { rows: running.rows, stage: waits ? 'aside' : 'open', fresh: waits ? [] : fresh };
          },
        ]);
      }
    }
    if (running?.stage === 'open') return openSteps(state, running.fresh);
    if (running?.stage === 'aside') {
      steps.push(['sets aside', (next, me) => setAside(next, me, false)]);
      if (state.failuresLeft > 0) {
        steps.push([
          'gives back',
          (next, me) => {
            next.failuresLeft -= 1;
            giveBack(me);
          },
        ]);
      }
    }
    return steps;
  }

  function ackSteps(_state: State, { handled }: Consumer, index: number): Change[] {
    if (handled.length === 0) return [];
    const acknowledge: Change[1] = (next, me) => {
      const mine = handled.filter(({ token }) => next.owner === index && token === next.token);
      next.bus = next.bus.filter(({ id }) => !mine.some((row) => row.id === id));
      me.has = me.has.filter((id) => !handled.some((row) => row.id === id));
      me.handled = [];
    };
    return [['acknowledges', acknowledge]];
  }

  function heldSteps(state: State, { taken }: Consumer, index: number): Change[] {
    if (taken === null) {
      if (!state.keyIsHeld || state.locker !== NOBODY) return [];
      const take: Change[1] = (next, me) => {
        if (next.held.length === 0) next.keyIsHeld = false;
        else me.taken = { ns: next.held.slice(0, batch), fresh: [] };
      };
      return [['takes held ones', take]];
    }
    if (state.locker === index) {
      return [
        [
          'commits held ones',
          (next, me) => {
            commit(next, taken.fresh);
            next.held = next.held.filter((n) => !taken.ns.includes(n));
            next.locker = NOBODY;
            me.taken = null;
            letGo(next);
          },
        ],
      ];
    }
    if (state.locker === NOBODY && state.keyIsHeld && isOpenElsewhere(state, index, taken.ns)) return [];
    const resume: Change[1] = (next, me) => {
      if (next.locker !== NOBODY || !next.keyIsHeld) {
        me.taken = null;
        return;
      }
      next.locker = index;
      const fresh = taken.ns.filter((n) => next.held.includes(n) && !next.inbox.includes(n));
      me.taken = { ns: taken.ns, fresh };
    };
    return [['resumes', resume]];
  }

  return {
    start: {
      bus: bus.map((n, id) => ({ id, n, token: 0 })),
      ...{ owner: 0, token: 1, inbox: [], held: [], keyIsHeld: false, locker: NOBODY, effects: [] },
      ...{ takesLeft: takes, failuresLeft: failures },
      consumers: Array.from({ length: consumers }, (_, index) => ({
        ...{
          token: index === 0 ? 1 : 0,
          isInTime: index === 0,
          has: [],
          waiting: [],
          running: null,
          handled: [],
        },
        ...{ fetched: null, taken: null },
      })),
    },
    steps: (state) =>
      state.consumers.flatMap((me, index) =>
        [
          ...leaseSteps(state, me, index),
          ...(me.fetched ? [['offers', (_next: State, own: Consumer) => offer(own)] as const] : []),
          ...batchSteps(state, me, index),
          ...ackSteps(state, me, index),
          ...heldSteps(state, me, index),
        ].map(
          ([name, change]): Step<State> => [
            `${'ABC'[index]} ${name}`,
            (next) => {
              const own = next.consumers[index];
              if (own) change(next, own);
            },
          ],
        ),
      ),
    wrong: ({ effects, consumers: all }) => {
      if (effects.some((n, place) => n !== place + 1)) return `handled ${effects.join(' ')}`;
      const isForgotten = all.some(({ has, waiting, running, handled }) => {
        const known = [...waiting, ...(running?.rows ?? []), ...handled].map(({ id }) => id);
        return has.some((id) => !known.includes(id));
      });
      return isForgotten ? 'something is held and never handled' : undefined;
    },
    isDone: ({ effects, bus: left, held }) =>
      effects.length === new Set(bus).size && left.length === 0 && held.length === 0,
  };
}
