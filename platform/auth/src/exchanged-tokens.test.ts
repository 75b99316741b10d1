import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import { createExchangedTokens } from './exchanged-tokens.ts';

function exchanging(options: { readonly maxCachedTokens?: number } = {}) {
  const clock = createManualClock();
  const state = { asked: [] as string[], answer: 'given' as 'given' | 'refused' | 'away' };
  const token = createExchangedTokens({
    clock,
    ...options,
    exchange: async (userToken) => {
      state.asked.push(userToken);
      if (state.answer === 'away') throw new Error('the issuer is away');
      if (state.answer === 'refused') return undefined;
      return { accessToken: `${userToken} for one`, expiresInSeconds: 300 };
    },
  });
  return { clock, state, token };
}

describe('tokens that are exchanged', () => {
  it('are asked for once, by however many calls, and kept until their end', async () => {
    const { token, state, clock } = exchanging();
    assert.deepEqual(await Promise.all([token('a'), token('a')]), ['a for one', 'a for one']);
    await clock.advance(299_000);
    await token('a');
    assert.deepEqual(state.asked, ['a']);
    await clock.advance(1_000);
    await token('a');
    assert.deepEqual(state.asked, ['a', 'a']);
  });

  it('are of one user each', async () => {
    const { token } = exchanging();
    assert.deepEqual(await Promise.all([token('a'), token('b')]), ['a for one', 'b for one']);
  });

  it('that are refused are the fault of who sent them, and asked for again', async () => {
    const { token, state } = exchanging();
    state.answer = 'refused';
    await assert.rejects(token('a'), { code: 'AUTH_TOKEN_INVALID', retryable: false });
    state.answer = 'given';
    assert.equal(await token('a'), 'a for one');
  });

  it('cannot be had while the issuer is away; those that are there serve', async () => {
    const { token, state } = exchanging();
    await token('a');
    state.answer = 'away';
    assert.equal(await token('a'), 'a for one');
    await assert.rejects(token('b'), { code: 'AUTH_SERVICE_TOKEN_UNAVAILABLE', retryable: true });
  });

  it('are forgotten, the least recently used first, when there are too many', async () => {
    const { token, state } = exchanging({ maxCachedTokens: 2 });
    for (const user of ['a', 'b', 'a', 'c', 'a', 'b']) await token(user);
    assert.deepEqual(state.asked, ['a', 'b', 'c', 'b']);
  });
});
