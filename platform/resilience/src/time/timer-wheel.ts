import type { Timer } from './timers.ts';

/** Deadlines in lists by the tick they fall into. It has no clock: its owner says what time it is. */
export interface TimerWheel {
  add(dueMs: number, fire: () => void): Timer;
  /** Fires what is due at `nowMs`, in the order of ticks. */
  advance(nowMs: number): void;
  /** Looks at every list: not for hot paths. */
  readonly isEmpty: boolean;
}

interface Entry extends Timer {
  readonly dueMs: number;
  readonly fire: () => void;
  before: Entry;
  after: Entry;
}

/** A power of two; deadlines further away than this many ticks share lists with nearer ones. */
const SLOTS = 1_024;

export function createTimerWheel(tickMs: number, startMs: number): TimerWheel {
  const slots = Array.from({ length: SLOTS }, createList);
  // Kept from one call to the next: if a callback throws, those behind it still fire with the next tick.
  const due = createList();
  let tick = Math.floor(startMs / tickMs);
  return {
    add: (dueMs, fire) => {
      const at = Math.max(tick, Math.floor(dueMs / tickMs));
      const entry = createEntry(dueMs, fire);
      link(slots[Number.isFinite(at) ? at % SLOTS : 0] ?? due, entry);
      return entry;
    },
    advance: (nowMs) => {
      const last = Math.floor(nowMs / tickMs);
      // The tick that `nowMs` lies in is looked at again next time, for what is due later within it.
      for (let at = Math.max(tick, last - SLOTS + 1); at <= last; at += 1) {
        const slot = slots[at % SLOTS];
        if (slot !== undefined && slot.after !== slot) moveDue(slot, due, nowMs);
      }
      tick = Math.max(tick, last);
      for (let entry = due.after; entry !== due; entry = due.after) {
        entry.cancel();
        entry.fire();
      }
    },
    get isEmpty() {
      return due.after === due && slots.every((slot) => slot.after === slot);
    },
  };
}

function createEntry(dueMs: number, fire: () => void): Entry {
  const entry = { dueMs, fire, cancel: unlink } as Entry; // the links are set below and by `link`
  entry.before = entry;
  entry.after = entry;
  return entry;
}

function createList(): Entry {
  return createEntry(Number.POSITIVE_INFINITY, () => undefined);
}

function link(list: Entry, entry: Entry): void {
  entry.before = list.before;
  entry.after = list;
  list.before.after = entry;
  list.before = entry;
}

function unlink(this: Entry): void {
  this.before.after = this.after;
  this.after.before = this.before;
  this.before = this;
  this.after = this;
}

function moveDue(from: Entry, to: Entry, nowMs: number): void {
  for (let entry = from.after; entry !== from; ) {
    const next = entry.after;
    if (entry.dueMs <= nowMs) {
      entry.cancel();
      link(to, entry);
    }
    entry = next;
  }
}
