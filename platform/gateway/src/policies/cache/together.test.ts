import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answer, headOf, recorderOf, setUp, show } from '../../../test/cache.ts';
import { testExchange } from '../../../test/exchange.ts';
import type { ClientResponse } from '../../wire/rules/response.ts';
import type { Lookup } from './response-cache.ts';

describe('requests for the same answer', () => {
  const wait = (found: Lookup) => {
    assert.equal(found.kind, 'wait');
    return (found as Extract<Lookup, { kind: 'wait' }>).settled;
  };

  it('wait for the one that fetches it', async () => {
    const { lookup } = setUp();
    const recorder = recorderOf(lookup());
    const others = Array.from({ length: 40 }, () => wait(lookup()));
    answer(recorder, 'one');
    assert.deepEqual(new Set((await Promise.all(others)).map(show)), new Set(['200 one']));
  });

  it('fetch for themselves when it may not be stored, as soon as that is known', async () => {
    const { lookup, clock } = setUp();
    const recorder = recorderOf(lookup());
    const others = [wait(lookup()), wait(lookup())];
    assert.equal(recorder.head(headOf([['Set-Cookie', 'a=b']]), ''), false);
    const settled = await Promise.all(others);
    assert.deepEqual(settled.map(show), ['miss', 'miss']);
    assert.equal(lookup().kind, 'miss', 'and do not wait for each other for a while');
    await clock.advance(1_000);
    lookup();
    assert.equal(lookup().kind, 'wait');
  });

  it('are stored again by whoever gets something that may be', () => {
    const { lookup, cache } = setUp();
    answer(recorderOf(lookup()), 'bad', [], 500);
    answer(recorderOf(lookup()), 'none', [], 404);
    answer(recorderOf(lookup()), 'good');
    assert.equal(show(lookup()), '200 good');
    cache.purge({ all: true });
    lookup();
    assert.equal(lookup().kind, 'wait', 'and wait for each other again');
  });

  it('go on with the next one when the client of the first left', async () => {
    const { lookup } = setUp();
    const recorder = recorderOf(lookup());
    const [second, third] = [wait(lookup()), wait(lookup())];
    recorder.head(headOf(), '');
    recorder.chunk(Buffer.from('half'));
    recorder.abandon('client-gone');
    answer(recorderOf(await second), 'whole');
    assert.equal(show(await third), '200 whole');
  });

  it('are not led by one whose client left', async () => {
    const { policy } = setUp();
    const first = recorderOf(policy.lookup(testExchange(), undefined));
    const state: ClientResponse['state'] = 'gone';
    const gone = { ...testExchange(), answer: { state } as ClientResponse };
    const [second, third] = [
      wait(policy.lookup(gone, undefined)),
      wait(policy.lookup(testExchange(), undefined)),
    ];
    first.abandon('client-gone');
    assert.equal((await second).kind, 'bypass');
    assert.equal((await third).kind, 'miss');
  });

  it('all fetch for themselves after a failure', async () => {
    const { lookup } = setUp();
    const recorder = recorderOf(lookup());
    const others = [wait(lookup()), wait(lookup())];
    recorder.abandon('failed');
    assert.deepEqual((await Promise.all(others)).map(show), ['miss', 'miss']);
  });

  it('do not wait for a body that comes slowly', async () => {
    const { lookup, due } = setUp();
    const recorder = recorderOf(lookup());
    const early = wait(lookup());
    assert.equal(due.length, 0);
    recorder.head(headOf(), '');
    const late = wait(lookup());
    assert.equal(due.length, 1);
    due[0]?.();
    assert.deepEqual([show(await early), show(await late)], ['miss', 'miss']);
    recorder.chunk(Buffer.from('slow'));
    recorder.complete();
    assert.equal(show(lookup()), '200 slow');
  });

  it('of another variant fetch their own', async () => {
    const { lookup } = setUp();
    const recorder = recorderOf(lookup({ fields: [['Accept-Language', 'en']] }));
    const other = wait(lookup({ fields: [['Accept-Language', 'fr']] }));
    answer(recorder, 'english', [['Vary', 'Accept-Language']]);
    assert.equal((await other).kind, 'miss');
  });
});
