import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createManualClock } from '@flotilla/kernel/testing';
import { createServiceTokens } from './service-tokens.ts';

function issuing(expiresInSeconds: number) {
  const clock = createManualClock();
  const problems: Error[] = [];
  const state = { fetches: 0, down: false };
  const token = createServiceTokens({
    clock,
    timeoutMs: 50,
    onProblem: (error) => problems.push(error),
    fetchToken: async () => {
      state.fetches += 1;
      if (state.down) throw new Error('the issuer is down');
      return { accessToken: `token-${state.fetches}`, expiresInSeconds };
    },
  });
  return { clock, problems, state, token };
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('service tokens', () => {
  it('are fetched once for all who ask, and kept', async () => {
    const { token, state } = issuing(300);
    assert.deepEqual(await Promise.all([token(), token()]), ['token-1', 'token-1']);
    assert.equal(await token(), 'token-1');
    assert.equal(state.fetches, 1);
  });

  it('are renewed a minute before their end, while the old one serves', async () => {
    const { token, clock, state } = issuing(300);
    await token();
    await clock.advance(239_000);
    await token();
    assert.equal(state.fetches, 1);
    await clock.advance(2_000);
    assert.equal(await token(), 'token-1');
    await settle();
    assert.equal(await token(), 'token-2');
  });

  it('of a short life are renewed at half of it', async () => {
    const { token, clock, state } = issuing(10);
    await token();
    await clock.advance(4_000);
    await token();
    assert.equal(state.fetches, 1);
    await clock.advance(2_000);
    await token();
    await settle();
    assert.equal(await token(), 'token-2');
  });

  it('serve until their end while the issuer is away; then the lack of one is retryable', async () => {
    const { token, clock, state, problems } = issuing(300);
    await token();
    state.down = true;
    await clock.advance(299_000);
    assert.equal(await token(), 'token-1');
    await settle();
    assert.equal(problems.length, 1);
    assert.equal(await token(), 'token-1', 'and not asked for again at once');
    assert.equal(state.fetches, 2);
    await clock.advance(2_000);
    await assert.rejects(token(), { code: 'AUTH_SERVICE_TOKEN_UNAVAILABLE', retryable: true });
    state.down = false;
    assert.equal(await token(), 'token-4');
  });

  it('are not waited for longer than the deadline', async () => {
    const token = createServiceTokens({ timeoutMs: 20, fetchToken: () => new Promise(() => undefined) });
    await assert.rejects(token(), { code: 'AUTH_SERVICE_TOKEN_UNAVAILABLE' });
  });
});
