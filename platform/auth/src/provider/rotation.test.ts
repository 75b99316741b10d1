import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSuccessors, decideUse } from './rotation.ts';

const REPEAT_MS = 10_000;

/** A generator of the same numbers for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The issuer as a table: one use is one step of it, as the row lock makes it. */
function createIssuer(successorOf: (token: string) => string) {
  const usedAt = new Map<string, number | undefined>([['first', undefined]]);
  let isEnded = false;
  return {
    present: (token: string, nowMs: number, isCommitted = true): string | undefined => {
      if (isEnded || !usedAt.has(token)) return undefined;
      const successor = successorOf(token);
      const isSuccessorUsed = usedAt.get(successor) !== undefined;
      const use = decideUse({ usedAtMs: usedAt.get(token), isSuccessorUsed }, nowMs, REPEAT_MS);
      if (!isCommitted) return undefined; // the process ended before COMMIT
      if (use === 'replay') {
        isEnded = true;
        return undefined;
      }
      if (use === 'first') {
        usedAt.set(token, nowMs);
        usedAt.set(successor, undefined);
      }
      return successor;
    },
    unused: () => [...usedAt.values()].filter((at) => at === undefined).length,
    isEnded: () => isEnded,
  };
}

/** Which token follows is a matter of another test. */
const successorOf = (token: string): string => `${token}+`;

/** One client with some tabs that share a token; responses are lost, processes end, tabs ask at once and ask again. */
function runSchedule(seed: number): { readonly loggedOut: boolean; readonly forks: number } {
  const random = randomOf(seed);
  const issuer = createIssuer(successorOf);
  let token = 'first';
  let nowMs = 0;
  for (let round = 0; round < 20; round += 1) {
    nowMs += Math.floor(random() * 14 * 24 * 3_600_000); // within the idle life of a token
    const presented = token;
    const tabs = 1 + Math.floor(random() * 4);
    const startedAt = nowMs;
    let arrived: string | undefined;
    // Tabs ask within two seconds; whoever got nothing asks again, within the window.
    for (let tab = 0; tab < tabs || arrived === undefined; tab += 1) {
      nowMs = Math.min(nowMs + Math.floor(random() * 600), startedAt + REPEAT_MS - 1);
      const lastTry = nowMs >= startedAt + REPEAT_MS - 700;
      const fate = lastTry
        ? 'arrives'
        : pick(random, ['arrives', 'lost', 'crash before', 'crash after'] as const);
      const given = issuer.present(presented, nowMs, fate !== 'crash before');
      if (fate === 'arrives') arrived = given;
      if (issuer.isEnded()) return { loggedOut: true, forks: issuer.unused() };
    }
    if (arrived !== undefined) token = arrived;
  }
  return { loggedOut: issuer.isEnded(), forks: issuer.unused() };
}

function pick<T>(random: () => number, from: readonly [T, ...T[]]): T {
  return from[Math.floor(random() * from.length)] ?? from[0];
}

describe('the use of a refresh token', () => {
  const seconds = (count: number) => count * 1_000;

  it('is the first, the same again within ten seconds, or a replay', () => {
    const use = (usedAtMs: number | undefined, isSuccessorUsed: boolean, nowMs: number) =>
      decideUse({ usedAtMs, isSuccessorUsed }, nowMs, REPEAT_MS);
    assert.equal(use(undefined, false, 0), 'first');
    assert.equal(use(0, false, 0), 'again');
    assert.equal(use(0, false, seconds(9.999)), 'again');
    assert.equal(use(0, false, seconds(10)), 'replay');
    assert.equal(use(0, true, seconds(1)), 'replay');
  });

  it('logs nobody out and gives no second line of tokens, in 10,000 schedules of tabs, losses and crashes', () => {
    for (let seed = 1; seed <= 10_000; seed += 1) {
      const { loggedOut, forks } = runSchedule(seed);
      assert.deepEqual({ seed, loggedOut, forks }, { seed, loggedOut: false, forks: 1 });
    }
  });

  it('ends the family whenever a thief and its owner both go on', () => {
    for (let seed = 1; seed <= 2_000; seed += 1) {
      const random = randomOf(seed);
      const issuer = createIssuer(successorOf);
      const stolen = issuer.present('first', 0) ?? '';
      // Both have `stolen`. Each goes on by itself, the other one later than the window.
      const mine = issuer.present(stolen, 1_000);
      assert.ok(mine);
      const nowMs = 1_000 + REPEAT_MS + Math.floor(random() * 1e9);
      if (random() < 0.5) issuer.present(mine, 1_000 + Math.floor(random() * REPEAT_MS));
      assert.equal(issuer.present(stolen, nowMs), undefined);
      assert.equal(issuer.isEnded(), true);
      assert.equal(issuer.present(mine, nowMs + 1), undefined);
    }
  });
});

describe('a successor', () => {
  it('is the same for the same token and key, and says nothing about its own', () => {
    const [one, other] = [createSuccessors(Buffer.alloc(32, 1)), createSuccessors(Buffer.alloc(32, 2))];
    assert.equal(one('token'), one('token'));
    assert.notEqual(one('token'), other('token'));
    assert.notEqual(one('token'), one('tokens'));
    assert.match(one('token'), /^[\w-]{43}$/);
  });
});
